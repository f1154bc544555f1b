/**
 * Folder and name without its extension, whatever the case of its letters in ASCII. @param path SQL.
 * As of the two below, there is an index over this: another text needs a migration that makes it anew.
 */
export function liveNameSql(path: string): string {
  return `lower(rtrim(${path}, replace(${path}, '.', '')))`;
}

/** SQL: an asset that its name alone may make half of a live photo. */
export const PAIRS_BY_NAME = `enriched_version = version AND live_id IS NOT ''
  AND content_type IN ('image/heic', 'image/heif', 'image/jpeg', 'video/quicktime')`;

/** SQL: an asset that waits to be read. */
export const IS_PENDING = '(enriched_version IS NOT version OR read_again IS NOT NULL)';

/**
 * The migrations, in order. A catalog's `user_version` is the number of those it has had; opening one brings it
 * forward. Never edit one that was released: add the next.
 *
 * Columns are few and indexes fewer, because every one of them is paid for on each file of a first scan:
 *  - `match_name` is set only where it differs from `name`, so its index holds only those rows;
 *  - public ids are computed from the row number and the catalog's epoch instead of being stored;
 *  - there is no separate table of changes: a node carries the number of its last change, and what is removed
 *    leaves a tombstone. Several updates of a node are one by construction.
 */
export const MIGRATIONS: readonly string[] = [
  `
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
    sha256 BLOB, sha1 BLOB, md5 BLOB,
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
    changed_seq INTEGER NOT NULL,
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
  `,
  `
  ALTER TABLE asset ADD COLUMN status_changed_ms REAL;
  -- The version that was read for digests and metadata; anything else waits for it.
  ALTER TABLE asset ADD COLUMN enriched_version TEXT;
  CREATE INDEX asset_by_sha256 ON asset (sha256) WHERE sha256 IS NOT NULL;
  CREATE INDEX asset_by_sha1 ON asset (sha1) WHERE sha1 IS NOT NULL;
  CREATE INDEX asset_by_md5 ON asset (md5) WHERE md5 IS NOT NULL;
  CREATE INDEX tombstone_by_time ON tombstone (removed_ms);
  `,
  `
  -- Only the few whose shown name is another; without it, asking for what is not there reads the whole collection.
  CREATE INDEX node_by_stored_name ON node (parent_id, stored_name) WHERE stored_name <> name;
  `,
  `
  -- Asked after each change; without it, finding that nothing waits reads every asset.
  CREATE INDEX asset_pending ON asset (source_id, id) WHERE enriched_version IS NOT version;
  `,
  `
  -- A collection that could not be read the first time it was seen: empty means nothing.
  ALTER TABLE node ADD COLUMN is_unread INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- Of a collection: number of the newest change at anything below it. 0: none since there is this column.
  ALTER TABLE node ADD COLUMN subtree_seq INTEGER NOT NULL DEFAULT 0;
  -- Places that something has left, each for the last time that happened: see Vacancies.
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
  `,
  `
  -- Of WebDAV: see LockStore and PropertyStore.
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
  `,
  `
  -- Nothing to be made: is_virtual may be 2 now, for one of several views, which stays when it is empty.
  `,
  `
  -- What a source called the content of a collection when it was last read completely, so that it need not be read
  -- again while it is called the same.
  CREATE TABLE content_version (
    source_id INTEGER NOT NULL,
    ref TEXT NOT NULL,               -- of the collection; empty: the whole source
    version TEXT NOT NULL,
    PRIMARY KEY (source_id, ref)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What is wrong with a file in one version of it; that of another version counts no more.
  CREATE TABLE asset_problem (
    asset_id INTEGER PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Live photos, see LivePairs. What both halves have in common; empty: the source tells that there is no other half.
  ALTER TABLE asset ADD COLUMN live_id TEXT;
  -- The other half.
  ALTER TABLE asset ADD COLUMN live_partner_id INTEGER;
  CREATE INDEX asset_by_live_id ON asset (source_id, live_id) WHERE live_id > '';
  -- Only what was read, so that a first scan does not pay for it.
  CREATE INDEX asset_by_live_name ON asset (source_id, ${liveNameSql('path')}) WHERE ${PAIRS_BY_NAME};

  -- 1: read by a mediadav that did not look for all that is looked for now; what it found is true all the same.
  ALTER TABLE asset ADD COLUMN read_again INTEGER;
  DROP INDEX asset_pending;
  CREATE INDEX asset_pending ON asset (source_id, id) WHERE ${IS_PENDING};
  UPDATE asset SET read_again = 1
    WHERE enriched_version = version AND taken_from IS NOT 'immich'
      AND (camera LIKE 'Apple%' OR content_type = 'video/quicktime');
  -- What a source has told without it, it is to tell once more.
  DELETE FROM content_version;
  `,
  `
  -- Names that clients gave to assets in a collection of a source that cannot keep them itself. All names of an asset in
  -- that collection, if there is one here.
  CREATE TABLE given_name (
    source_id INTEGER NOT NULL,
    collection TEXT NOT NULL,        -- ref
    ref TEXT NOT NULL,               -- of the asset
    name TEXT NOT NULL,
    is_held_back INTEGER NOT NULL,   -- 1: the source does not know the asset
    hides TEXT,                      -- ref of an asset that does not show in the collection meanwhile
    UNIQUE (source_id, collection, ref, name)
  ) STRICT;
  `,
  `
  -- Since when the catalog has not had the asset of a given name, in milliseconds since 1970: null: it has it, or nobody
  -- has looked.
  ALTER TABLE given_name ADD COLUMN gone_ms REAL;
  `,
];

/**
 * Made when a source is first shown in a layout that has not its folders: who was at this path before? Everybody else
 * would pay for it on each file of a first scan.
 */
export const INDEX_OF_PATHS = 'CREATE INDEX IF NOT EXISTS asset_by_path ON asset (path)';

/** Rows of `catalog`. */
export const EPOCH_KEY = 'epoch';
/** Tombstones up to this number were pruned; a cursor below it cannot be served any more. */
export const PRUNED_SEQ_KEY = 'pruned_seq';
/** How often the log was pruned so far, from 1 to `MAX_PRUNINGS` and around. */
export const PRUNINGS_KEY = 'prunings';
export const MAX_PRUNINGS = 8191;
/** Which sources are the tree, as JSON: see `ShownSources`. */
export const SHOWN_KEY = 'shown';

/** `parent_id` of the root of a source. */
export const NO_PARENT = 0;
/** `parent_id` of a node whose name was taken over by another; it is either seen elsewhere or swept. */
export const DISPLACED = -1;
