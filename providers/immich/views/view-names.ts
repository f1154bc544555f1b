/** What of an Immich server can be shown, in the order in which it is told. */
export const VIEW_NAMES = [
  'albums',
  'favorites',
  'people',
  'tags',
  'places',
  'timeline',
  'memories',
] as const;

export type ViewName = (typeof VIEW_NAMES)[number];

/** What the lists behind views need beside `asset.read`; the others are found by searching. */
export const LIST_PERMISSIONS = {
  people: 'person.read',
  tags: 'tag.read',
  memories: 'memory.read',
} as const satisfies Partial<Record<ViewName, string>>;

/** Collections that are made up here share their refs with Immich's ids, which never begin like this. */
export function viewRef(name: ViewName): string {
  return `~${name}`;
}
