import { createHash } from 'node:crypto';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { albumState } from './album-version.ts';
import { type ImmichAlbum, parseAlbums } from './api-answers.ts';
import type { Era } from './eras/era.ts';
import type { ImmichClient, TaggedAnswer } from './http-client.ts';
import type { ScanRequests } from './scan-requests.ts';
import type { ViewsMemory } from './views/view-lists.ts';

/** What is remembered of the list of albums when everything in it was read. */
export interface ListMemory {
  /** Of each answer that makes the list; null where there was none. */
  readonly etags: readonly (string | null)[];
  /** Of what the list tells of the albums. */
  readonly digest: string;
  /** When the album was read whose last reading is the oldest, in milliseconds since 1970. */
  readonly oldestReadMs: number;
  /** Null: albums were all that was shown. */
  readonly views: ViewsMemory | null;
}

/** Every album the key may see, each once. */
export interface AlbumList {
  readonly albums: readonly ImmichAlbum[];
  readonly etags: readonly (string | null)[];
  readonly digest: string;
}

/** The list, or null when it is the one that is remembered. One request a list the era has, unless only some have changed. */
export async function readAlbumList(
  client: ImmichClient,
  requests: ScanRequests,
  era: Era,
  memory: ListMemory | null,
): Promise<AlbumList | null> {
  const isSameEra = memory?.etags.length === era.albumLists.length;
  const ask = (path: string, etag: string | null) => {
    const request = { method: 'GET', path, what: 'the list of albums' } as const;
    return requests.attempt((signal) => client.readJsonUnless(request, etag, signal));
  };
  const etagAt = (index: number) => (isSameEra ? (memory.etags[index] ?? null) : null);
  const answers = await Promise.all(era.albumLists.map((path, index) => ask(path, etagAt(index))));
  if (answers.every((answer) => answer === null)) return null;
  const parts: TaggedAnswer[] = [];
  for (const [index, path] of era.albumLists.entries()) {
    // An answer without condition is always there.
    const part = answers[index] ?? (await ask(path, null));
    if (part !== null) parts.push(part);
  }
  // Of thousands of albums each of the steps takes some milliseconds.
  await yieldToEventLoop();
  const albums = [
    ...new Map(parts.flatMap(({ body }) => parseAlbums(body)).map((album) => [album.id, album])).values(),
  ];
  await yieldToEventLoop();
  const list = { albums, etags: parts.map(({ etag }) => etag), digest: digestOf(albums) };
  // Without ETags only the content tells. With others than before they are worth being remembered.
  const hasNoNews = list.digest === memory?.digest && list.etags.every((etag) => etag === null);
  return hasNoNews && isSameEra ? null : list;
}

export function writeMemory(memory: ListMemory): string {
  return JSON.stringify(memory);
}

/** Null for a text that is none. */
export function parseMemory(text: string | null): ListMemory | null {
  if (text === null) return null;
  try {
    const memory = JSON.parse(text) as Partial<ListMemory>;
    const isWhole = Array.isArray(memory.etags) && typeof memory.oldestReadMs === 'number';
    return isWhole && typeof memory.digest === 'string' ? (memory as ListMemory) : null;
  } catch {
    // Written by another version of mediadav: then everything is looked at.
    return null;
  }
}

/** In no order: servers list the same albums in any. */
function digestOf(albums: readonly ImmichAlbum[]): string {
  const lines = albums.map((album) =>
    JSON.stringify([album.id, album.albumName, album.createdAt, albumState(album)]),
  );
  return createHash('sha256').update(lines.sort().join('\n')).digest('base64url');
}
