const text = (description: string) => ({ type: 'string', description });
const whole = (description: string) => ({ type: 'integer', description });
const orNull = (type: string, description: string) => ({ type: [type, 'null'], description });

const FEED_NODE = {
  id: text('Stays over renames, moves and restarts.'),
  parent_id: orNull('string', 'Null for the super-root.'),
  name: text('Unique within its parent.'),
  is_directory: { type: 'boolean' },
  ctime: text('ISO 8601.'),
  mtime: text('ISO 8601.'),
  mime_type: text('Empty for a directory.'),
  hash: text('MD5, or what "hash" asks for; empty while unknown.'),
  size: whole('Bytes.'),
  is_image: { type: 'boolean' },
  is_video: { type: 'boolean' },
  width: whole('Pixels as displayed; 0 while unknown.'),
  height: whole('Pixels as displayed; 0 while unknown.'),
  ms_duration: whole('Milliseconds; 0 while unknown.'),
  source: text('Name of its source.'),
  sha256: text('Empty while unknown.'),
  sha1: text('Empty while unknown.'),
  taken: orNull('string', 'Wall clock of the capture, with its offset where that is known.'),
  live_photo_video: orNull('string', 'Of the still of a live photo: id of its film.'),
  live_photo_still: orNull('string', 'Of the film of a live photo: id of its still.'),
};

const LIST_ENTRY = {
  filename: text('Name of the file.'),
  last_modified: { type: 'number', description: 'Seconds since 1970.' },
  file_path: text('Full path on disk; of an Immich asset, its path in the mounted tree.'),
  original_creation_date: {
    type: 'number',
    description: 'Seconds since 1970: time of capture, else ctime of the file.',
  },
  width: orNull('integer', 'Pixels as displayed.'),
  height: orNull('integer', 'Pixels as displayed.'),
  latitude: orNull('number', 'Degrees.'),
  longitude: orNull('number', 'Degrees.'),
  mime_type: text('By content where that was read, else by name.'),
  size: whole('Bytes.'),
  source: text('Name of the source.'),
  sha256: orNull('string', 'Null while unknown.'),
  sha1: orNull('string', 'Null while unknown.'),
  md5: orNull('string', 'Null while unknown.'),
  live_photo_video: orNull('string', 'Of the still of a live photo: key of its film; null while unknown.'),
  live_photo_still: orNull('string', 'Of the film of a live photo: key of its still; null while unknown.'),
  paths: { type: 'array', items: { type: 'string' }, description: 'All places; the first is file_path.' },
};

const SOURCE_STATUS = {
  name: text('Its name.'),
  provider: text('local or immich.'),
  mount: text('Path of its collection.'),
  state: { type: 'string', enum: ['waiting', 'scanning', 'ready', 'failing'] },
  assets: whole('Photos and videos.'),
  collections: whole('Folders or albums.'),
  sizeBytes: whole('Bytes of all assets.'),
  lastScan: orNull('string', 'End of the last scan that read everything; ISO 8601.'),
  lastError: orNull('object', 'Why it cannot be read now.'),
  notes: {
    type: 'array',
    items: { type: 'string' },
    description: 'What people should know of it, in sentences.',
  },
  warnings: { type: 'array', items: { type: 'object' }, description: 'What is there and not shown.' },
  fileProblems: {
    type: 'array',
    items: { type: 'object' },
    description: 'Files that are damaged or unreadable now.',
  },
  enriching: orNull('object', 'How far looking into new files is: filesDone and filesTotal.'),
};

const CACHE_STATUS = {
  maxBytes: whole('CACHE_MAX_BYTES.'),
  usedBytes: whole('Bytes that it holds.'),
  contents: whole('Photos and videos that it holds something of.'),
  servedBytes: whole('Bytes handed out of it since the start.'),
  fetchedBytes: whole('Bytes read from sources into it since the start.'),
  failure: orNull('string', 'Why nothing is taken in at the moment.'),
};

/** The shapes that answers refer to, for the OpenAPI document. */
export const SCHEMAS: readonly ({ readonly $id: string } & Record<string, unknown>)[] = [
  object('Problem', {
    type: text('about:blank: the status says what kind of problem it is.'),
    title: text('The phrase of the status.'),
    status: whole('The status.'),
    detail: text('One sentence.'),
    code: text('For programs, such as cursor-expired.'),
  }),
  object('ListEntry', LIST_ENTRY),
  object('FeedNode', FEED_NODE),
  object('FeedCursor', { cursor: whole('Place of the newest change.') }),
  object('FeedChange', {
    removed: { type: 'boolean' },
    node: { $ref: 'FeedNode#' },
    node_id: text('Of what was removed; then there is no node.'),
  }),
  object('FeedChanges', {
    cursor: whole('To go on with.'),
    changes: { type: 'array', items: { $ref: 'FeedChange#' } },
    has_more: { type: 'boolean', description: 'Only with max_size.' },
  }),
  object('FeedMembers', {
    children: { type: 'array', items: { $ref: 'FeedNode#' } },
    next: orNull('string', '"after" of the following page.'),
  }),
  object('FeedPath', { path: text('Absolute.') }),
  object('Status', {
    status: { type: 'string', enum: ['ok', 'degraded'] },
    version: text('Of mediadav.'),
    uptimeSeconds: whole('Since its start.'),
    sources: { type: 'array', items: { type: 'object', properties: SOURCE_STATUS } },
    cache: {
      type: ['object', 'null'],
      description: 'What is kept of remote sources; null: nothing is.',
      properties: CACHE_STATUS,
    },
  }),
];

function object(name: string, properties: object): { $id: string } & Record<string, unknown> {
  return { $id: name, type: 'object', properties };
}
