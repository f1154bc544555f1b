/** The examples of the reference that the change feed follows, for the documentation. */
const NODE = {
  id: '6f1c2a90-77be-8000-8000-00000000002a',
  parent_id: '6f1c2a90-77be-8000-8000-000000000001',
  name: 'image.jpg',
  is_directory: false,
  ctime: '2026-03-04T12:00:00+00:00',
  mtime: '2026-03-04T12:00:00+00:00',
  mime_type: 'image/jpeg',
  hash: 'd41d8cd98f00b204e9800998ecf8427e',
  size: 204800,
  is_image: true,
  is_video: false,
  width: 1920,
  height: 1080,
  ms_duration: 0,
};

export const FEED_EXAMPLES = {
  cursor: { cursor: 42 },
  changes: {
    cursor: 57,
    changes: [
      { removed: false, node: NODE },
      { removed: true, node_id: '6f1c2a90-77be-8000-8000-000000000029' },
    ],
  },
  root: {
    id: '00000000-0000-0000-0000-000000000000',
    parent_id: null,
    name: '',
    is_directory: true,
    ctime: '2026-03-04T12:00:00+00:00',
    mtime: '2026-03-04T12:00:00+00:00',
    mime_type: '',
    hash: '',
    size: 0,
    is_image: false,
    is_video: false,
    width: 0,
    height: 0,
    ms_duration: 0,
  },
  path: { path: '/mnt/media/photos/image.jpg' },
} as const;
