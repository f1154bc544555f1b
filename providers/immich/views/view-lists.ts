import { createHash } from 'node:crypto';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { Ask } from '../eras/era.ts';
import type { LibraryEra } from '../eras/library-era.ts';
import { asksToWait, namesMissing } from '../translate-error.ts';
import type { LibraryMemory } from './library-state.ts';
import { type Memory, type Person, readMemories, readPeople, readTags, type Tag } from './list-answers.ts';
import { LIST_PERMISSIONS, type ViewName } from './view-names.ts';

/** Views that Immich has a list for. */
export type ListName = keyof typeof LIST_PERMISSIONS;

/** What is remembered of the views that are no albums when everything in them was told. */
export interface ViewsMemory {
  /** Null: no view needs it. */
  readonly library: LibraryMemory | null;
  /** Digests of the lists. */
  readonly lists: Readonly<Partial<Record<ListName, string>>>;
}

/** What came of asking for one list. */
export interface ListLook {
  readonly people: readonly Person[];
  readonly tags: readonly Tag[];
  readonly memories: readonly Memory[];
  /** Of what was told; null when nothing was. */
  readonly digest: string | null;
  /** Why the view is not shown, as a sentence. */
  readonly note: string | null;
  readonly error: CodedError | null;
}

export type Lists = ReadonlyMap<ListName, ListLook>;

const NOTHING: ListLook = { people: [], tags: [], memories: [], digest: null, note: null, error: null };

/** Asks for the lists behind the views, one after the other: each is one small request. */
export async function lookAtLists(ask: Ask, era: LibraryEra, views: readonly ViewName[]): Promise<Lists> {
  const looks = new Map<ListName, ListLook>();
  for (const name of ['people', 'tags', 'memories'] as const) {
    if (views.includes(name)) looks.set(name, await lookAt(name, ask, era));
  }
  return looks;
}

async function lookAt(name: ListName, ask: Ask, era: LibraryEra): Promise<ListLook> {
  if (name === 'memories' && !era.tellsMemories) {
    return hidden('Immich before 1.133 cannot tell its memories; update it.');
  }
  try {
    const told = await read(name, ask);
    return { ...NOTHING, ...told, digest: digestOf(Object.values(told)) };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    if (namesMissing(error, LIST_PERMISSIONS[name])) return hidden(error.message);
    // A key that is refused altogether is no matter of one view.
    if (error.code === 'denied' || error.code === 'cancelled' || asksToWait(error)) throw error;
    return { ...NOTHING, error };
  }
}

async function read(name: ListName, ask: Ask): Promise<Partial<ListLook>> {
  if (name === 'people') return { people: await readPeople(ask) };
  if (name === 'tags') return { tags: await readTags(ask) };
  return { memories: await readMemories(ask, Date.now()) };
}

function hidden(note: string): ListLook {
  return { ...NOTHING, note, digest: digestOf(note) };
}

function digestOf(list: unknown): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 22);
}
