-- A catalog of schema 13, see write-golden-catalog.ts.
-- Cursor before the second scan: 10
CREATE TABLE catalog (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    root_id INTEGER NOT NULL,
    asset_count INTEGER NOT NULL DEFAULT 0,
    collection_count INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    completed_ms REAL
  ) STRICT;
CREATE TABLE asset (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL,
    ref TEXT NOT NULL,               -- the source's own id of it
    path TEXT NOT NULL,              -- where the source last showed it
    version TEXT NOT NULL,           -- names one exact content
    size_bytes INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    kind TEXT NOT NULL,              -- image, video, audio, raw, other
    modified_ms REAL NOT NULL,
    created_ms REAL,
    width INTEGER, height INTEGER,   -- as displayed
    orientation INTEGER,
    duration_ms REAL,
    latitude REAL, longitude REAL,
    camera TEXT,
    taken_local TEXT, taken_offset_minutes INTEGER, taken_ms REAL, taken_from TEXT,
    thumbhash TEXT,
    sha256 BLOB, sha1 BLOB, md5 BLOB, status_changed_ms REAL, enriched_version TEXT, live_id TEXT, live_partner_id INTEGER, read_again INTEGER,
    UNIQUE (source_id, ref)
  ) STRICT;
CREATE TABLE node (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,      -- 0 for the root of a source, -1 while displaced during a scan
    name TEXT NOT NULL,              -- the one name clients see
    stored_name TEXT NOT NULL,       -- the source's own
    match_name TEXT,                 -- the form under which names of one collection are compared, if it differs
    ref TEXT,                        -- of a collection
    is_virtual INTEGER NOT NULL DEFAULT 0,
    asset_id INTEGER,
    anchor_id INTEGER,               -- of an asset's place: the collection it belongs to
    modified_ms REAL NOT NULL,       -- of a collection
    created_ms REAL,
    created_seq INTEGER NOT NULL,
    changed_seq INTEGER NOT NULL, is_unread INTEGER NOT NULL DEFAULT 0, subtree_seq INTEGER NOT NULL DEFAULT 0,
    UNIQUE (parent_id, name)
  ) STRICT;
CREATE INDEX node_by_match_name ON node (parent_id, match_name) WHERE match_name IS NOT NULL;
CREATE INDEX node_by_asset ON node (asset_id) WHERE asset_id IS NOT NULL;
CREATE UNIQUE INDEX node_by_ref ON node (source_id, ref) WHERE ref IS NOT NULL;
CREATE INDEX node_by_change ON node (changed_seq);
CREATE TABLE tombstone (
    seq INTEGER PRIMARY KEY,
    node_id INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    created_seq INTEGER NOT NULL,
    removed_ms REAL NOT NULL
  ) STRICT;
CREATE INDEX asset_by_sha256 ON asset (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX asset_by_sha1 ON asset (sha1) WHERE sha1 IS NOT NULL;
CREATE INDEX asset_by_md5 ON asset (md5) WHERE md5 IS NOT NULL;
CREATE INDEX tombstone_by_time ON tombstone (removed_ms);
CREATE INDEX node_by_stored_name ON node (parent_id, stored_name) WHERE stored_name <> name;
CREATE TABLE vacancy (
    parent_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    is_collection INTEGER NOT NULL,
    collection_seq INTEGER NOT NULL, -- the last time that it was a collection; 0 for never
    left_ms REAL NOT NULL,
    PRIMARY KEY (parent_id, name)
  ) STRICT, WITHOUT ROWID;
CREATE INDEX vacancy_by_seq ON vacancy (seq);
CREATE INDEX vacancy_by_time ON vacancy (left_ms);
CREATE INDEX vacancy_of_collection ON vacancy (collection_seq) WHERE collection_seq > 0;
CREATE TABLE lock (
    token TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    depth TEXT NOT NULL,             -- 0, infinity
    scope TEXT NOT NULL,             -- exclusive, shared
    owner TEXT NOT NULL,             -- XML
    user TEXT,
    expires_ms REAL NOT NULL
  ) STRICT;
CREATE INDEX lock_by_path ON lock (path);
CREATE INDEX lock_by_expiry ON lock (expires_ms);
CREATE TABLE dead_property (
    node_id INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    local TEXT NOT NULL,
    xml TEXT NOT NULL,
    PRIMARY KEY (node_id, namespace, local)
  ) STRICT, WITHOUT ROWID;
CREATE TABLE content_version (
    source_id INTEGER NOT NULL,
    ref TEXT NOT NULL,               -- of the collection; empty: the whole source
    version TEXT NOT NULL,
    PRIMARY KEY (source_id, ref)
  ) STRICT, WITHOUT ROWID;
CREATE TABLE asset_problem (
    asset_id INTEGER PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
CREATE INDEX asset_by_live_id ON asset (source_id, live_id) WHERE live_id > '';
CREATE INDEX asset_by_live_name ON asset (source_id, lower(rtrim(path, replace(path, '.', '')))) WHERE enriched_version = version AND live_id IS NOT ''
  AND content_type IN ('image/heic', 'image/heif', 'image/jpeg', 'video/quicktime');
CREATE INDEX asset_pending ON asset (source_id, id) WHERE (enriched_version IS NOT version OR read_again IS NOT NULL);
CREATE TABLE given_name (
    source_id INTEGER NOT NULL,
    collection TEXT NOT NULL,        -- ref
    ref TEXT NOT NULL,               -- of the asset
    name TEXT NOT NULL,
    is_held_back INTEGER NOT NULL,   -- 1: the source does not know the asset
    hides TEXT, gone_ms REAL,                      -- ref of an asset that does not show in the collection meanwhile
    UNIQUE (source_id, collection, ref, name)
  ) STRICT;
INSERT INTO catalog (key, value) VALUES ('epoch', '5cbd0d6b3ab4');
INSERT INTO source (id, name, root_id, asset_count, collection_count, size_bytes, completed_ms) VALUES (1, 'photos', 1, 5, 3, 5017, 1718000000000);
INSERT INTO asset (id, source_id, ref, path, version, size_bytes, content_type, kind, modified_ms, created_ms, width, height, orientation, duration_ms, latitude, longitude, camera, taken_local, taken_offset_minutes, taken_ms, taken_from, thumbhash, sha256, sha1, md5, status_changed_ms, enriched_version, live_id, live_partner_id, read_again) VALUES (1, 1, '1', 'top.jpg', 'v1', 1001, 'image/jpeg', 'image', 1718000000000, NULL, 400, 300, NULL, NULL, 52.5, 13.4, NULL, '2024-06-10T08:13:20', 120, 1718000000000, 'exif', NULL, x'2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae', x'5ba93c9db0cff93f52b521d7420e43f6eda2784f', x'acbd18db4cc2f85cedef654fccc4a4d8', 1718000000500, 'v1', NULL, NULL, NULL);
INSERT INTO asset (id, source_id, ref, path, version, size_bytes, content_type, kind, modified_ms, created_ms, width, height, orientation, duration_ms, latitude, longitude, camera, taken_local, taken_offset_minutes, taken_ms, taken_from, thumbhash, sha256, sha1, md5, status_changed_ms, enriched_version, live_id, live_partner_id, read_again) VALUES (2, 1, '2', 'IMG_1.jpg', 'v2', 1002, 'image/jpeg', 'image', 1718000000000, NULL, 400, 300, NULL, NULL, 52.5, 13.4, NULL, '2024-06-10T08:13:20', 120, 1718000000000, 'exif', NULL, NULL, NULL, NULL, 1718000000500, NULL, NULL, NULL, NULL);
INSERT INTO asset (id, source_id, ref, path, version, size_bytes, content_type, kind, modified_ms, created_ms, width, height, orientation, duration_ms, latitude, longitude, camera, taken_local, taken_offset_minutes, taken_ms, taken_from, thumbhash, sha256, sha1, md5, status_changed_ms, enriched_version, live_id, live_partner_id, read_again) VALUES (3, 1, '3', 'beach.jpg', 'v1', 1003, 'image/jpeg', 'image', 1718000000000, NULL, 400, 300, NULL, NULL, 52.5, 13.4, NULL, '2024-06-10T08:13:20', 120, 1718000000000, 'exif', NULL, NULL, NULL, NULL, 1718000000500, NULL, NULL, NULL, NULL);
INSERT INTO asset (id, source_id, ref, path, version, size_bytes, content_type, kind, modified_ms, created_ms, width, height, orientation, duration_ms, latitude, longitude, camera, taken_local, taken_offset_minutes, taken_ms, taken_from, thumbhash, sha256, sha1, md5, status_changed_ms, enriched_version, live_id, live_partner_id, read_again) VALUES (5, 1, '5', 'what?.jpg', 'v1', 1005, 'image/jpeg', 'image', 1718000000000, NULL, 400, 300, NULL, NULL, 52.5, 13.4, NULL, '2024-06-10T08:13:20', 120, 1718000000000, 'exif', NULL, NULL, NULL, NULL, 1718000000500, NULL, NULL, NULL, NULL);
INSERT INTO asset (id, source_id, ref, path, version, size_bytes, content_type, kind, modified_ms, created_ms, width, height, orientation, duration_ms, latitude, longitude, camera, taken_local, taken_offset_minutes, taken_ms, taken_from, thumbhash, sha256, sha1, md5, status_changed_ms, enriched_version, live_id, live_partner_id, read_again) VALUES (6, 1, '6', 'late.jpg', 'v1', 1006, 'image/jpeg', 'image', 1718000000000, NULL, 400, 300, NULL, NULL, 52.5, 13.4, NULL, '2024-06-10T08:13:20', 120, 1718000000000, 'exif', NULL, NULL, NULL, NULL, 1718000000500, NULL, NULL, NULL, NULL);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (1, 1, 0, '1', 'photos', NULL, NULL, 1, NULL, NULL, 1795242150222, 1795242150219, 1, 10, 0, 19);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (2, 1, 1, '2024', '2024', NULL, 'd1', 0, NULL, NULL, 1718000000000, NULL, 2, 2, 0, 18);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (3, 1, 2, 'Sea', 'Sea', NULL, 'd2', 0, NULL, NULL, 1718000000000, NULL, 3, 3, 0, 16);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (4, 1, 1, 'Is it： summer？', 'Is it: summer?', NULL, 'd3', 0, NULL, NULL, 1718000000000, NULL, 4, 4, 0, 13);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (5, 1, 1, 'top.jpg', 'top.jpg', NULL, NULL, 0, 1, 1, 1718000000000, NULL, 5, 19, 0, 0);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (6, 1, 2, 'IMG_1.jpg', 'IMG_1.jpg', NULL, NULL, 0, 2, 2, 1718000000000, NULL, 6, 14, 0, 0);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (7, 1, 3, 'beach.jpg', 'beach.jpg', NULL, NULL, 0, 3, 3, 1718000000000, NULL, 7, 7, 0, 0);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (9, 1, 4, 'what？.jpg', 'what?.jpg', NULL, NULL, 0, 5, 4, 1718000000000, NULL, 9, 9, 0, 0);
INSERT INTO node (id, source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id, modified_ms, created_ms, created_seq, changed_seq, is_unread, subtree_seq) VALUES (10, 1, 3, 'late.jpg', 'late.jpg', NULL, NULL, 0, 6, 3, 1718000000000, NULL, 15, 15, 0, 0);
INSERT INTO sqlite_sequence (name, seq) VALUES ('node', 10);
INSERT INTO tombstone (seq, node_id, source_id, created_seq, removed_ms) VALUES (17, 8, 1, 8, 1795242150224);
INSERT INTO vacancy (parent_id, name, seq, is_collection, collection_seq, left_ms) VALUES (2, 'gone.jpg', 17, 0, 0, 1795242150224);
PRAGMA user_version = 13;
