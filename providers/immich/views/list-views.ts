import { codeOf } from '../../../src/model/coded-error.ts';
import { AlbumAssets } from '../album-assets.ts';
import { parseAsset } from '../api-answers.ts';
import type { Memory, Person, Tag } from './list-answers.ts';
import { finish, readMatches, type Shelf, type ShelfContent, type Telling } from './shelf.ts';

/** Where the shelves of one view are, and what tells that all of them may have changed. */
export interface ViewPlace {
  /** Ref of the view; null where it stands alone. */
  readonly ref: string | null;
  readonly state: string;
}

export function personRef({ id }: Pick<Person, 'id'>): string {
  return `~person/${id}`;
}

export function tagRef({ id }: Pick<Tag, 'id'>): string {
  return `~tag/${id}`;
}

/** A folder for each person. */
export function personShelves(people: readonly Person[], telling: Telling, view: ViewPlace): Shelf[] {
  return people.map(({ id, name, updatedAt }) => ({
    ref: personRef({ id }),
    parent: view.ref,
    name,
    state: `${updatedAt} ${view.state}`,
    read: () => readMatches(telling, { personIds: [id] }, () => true),
  }));
}

/** The tree of tags. An asset is shown with the tags that it has itself, not once more with those above them. */
export function tagShelves(tags: readonly Tag[], telling: Telling, view: ViewPlace): Shelf[] {
  const known = new Set(tags.map(({ id }) => id));
  const childrenOf = Map.groupBy(tags, ({ parentId }) =>
    parentId !== null && known.has(parentId) ? parentId : null,
  );
  const shelves: Shelf[] = [];
  const add = (parentId: string | null, parent: string | null) => {
    for (const { id, name } of childrenOf.get(parentId) ?? []) {
      const ref = tagRef({ id });
      const children = childrenOf.get(id) ?? [];
      const read = () => readTag(telling, id, children);
      shelves.push({ ref, parent, name, state: view.state, read });
      add(id, ref);
    }
  };
  add(null, view.ref);
  return shelves;
}

/** Searching for a tag finds what has one of the tags below it, too. */
async function readTag(telling: Telling, id: string, children: readonly Tag[]): Promise<ShelfContent> {
  const below = new Set<string>();
  for (const child of children) {
    await telling.search.find({ tagIds: [child.id] }, false, (asset) => below.add(asset.id));
  }
  return await readMatches(telling, { tagIds: [id] }, (asset) => !below.has(asset.id));
}

/** A folder for each memory, by the day that it is shown on. */
export function memoryShelves(memories: readonly Memory[], telling: Telling, view: ViewPlace): Shelf[] {
  return memories.map((memory) => ({
    ref: `~memory/${memory.id}`,
    parent: view.ref,
    name: memoryName(memory),
    state: memory.assets.map(({ id, updatedAt }) => `${id} ${updatedAt}`).join(' '),
    read: () => readMemory(telling, memory),
  }));
}

export function memoryName({ day, yearsAgo }: Pick<Memory, 'day' | 'yearsAgo'>): string {
  if (yearsAgo === null || yearsAgo <= 0) return day;
  return `${day} ${yearsAgo === 1 ? '1 year' : `${yearsAgo} years`} ago`;
}

/** Memories tell their assets without exif, so each is asked for: they are a handful. */
async function readMemory({ reader }: Telling, { assets }: Memory): Promise<ShelfContent> {
  const found = new AlbumAssets(reader.choice);
  for (const { id } of assets) {
    const request = { method: 'GET', path: `/assets/${id}`, what: 'this asset' } as const;
    try {
      found.take(parseAsset(await reader.ask.json(request)));
    } catch (error) {
      // Removed since the list was told.
      if (codeOf(error) !== 'not-found') throw error;
    }
  }
  return await finish(reader, found);
}
