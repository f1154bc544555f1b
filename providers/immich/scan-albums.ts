import { CodedError, codeOf, messageOf } from '../../src/model/coded-error.ts';
import type { ScanCall, ScanEvent } from '../../src/provider/provider.ts';
import { chooseAlbums, type Told, tellAlbums } from './album-events.ts';
import {
  type AlbumList,
  hadAlbums,
  type ListMemory,
  parseMemory,
  readAlbumList,
  writeMemory,
} from './album-list.ts';
import { parseReading, writeReading } from './album-version.ts';
import { parseAsset, parseStackedBehind } from './api-answers.ts';
import { AssetDetails } from './asset-details.ts';
import { ageNoteOf, chooseEra } from './eras/choose-era.ts';
import type { Ask, Era } from './eras/era.ts';
import type { ImmichClient } from './http-client.ts';
import { KeyCheck } from './key-check.ts';
import { type AlbumReader, readAlbum } from './read-album.ts';
import type { Rendition } from './rendition.ts';
import { ScanRequests } from './scan-requests.ts';
import type { ServerVersion } from './server-version.ts';
import { Slots } from './slots.ts';
import { lacksPermissions } from './translate-error.ts';
import { VIEW_NAMES, type ViewName, viewRef } from './views/view-names.ts';
import { ViewScan, viewFolder } from './views/view-scan.ts';

/** Requests for the content of albums that are under way at once, whatever albums and pages they are for. */
const MAX_CONTENT_REQUESTS = 4;
const STACKS = 'stack.read';

/** What of the server is shown. */
export interface AlbumChoice {
  /** Empty: all albums. */
  readonly albumIds: readonly string[];
  readonly rendition: Rendition;
  readonly showsArchived: boolean;
  readonly showsLiveVideos: boolean;
  /** Only the first photo of each stack. */
  readonly collapsesStacks: boolean;
  /** At least one. */
  readonly views: readonly ViewName[];
  /** There are searches beside the views. */
  readonly hasSearch: boolean;
  /** An album that looks unchanged is read anew after so many milliseconds all the same. */
  readonly fullReadMs: number;
}

/**
 * Everything of the server that is to be shown: the albums with their assets, then the other views; only that nothing has
 * changed when the server tells the same as after the last complete scan.
 *
 * @throws CodedError when the version or the album list cannot be read, when the server refuses the key or a permission
 *   is missing (that is no matter of one album), when none of `albumIds` exists (`invalid`), when the server is lost on
 *   the way, and when it asks to wait, with the longest wait it asked for. `denied` for want of `asset.download` comes
 *   after everything was told: the tree is whole, but its files cannot be opened.
 */
export async function* scanAlbums(
  client: ImmichClient,
  choice: AlbumChoice,
  call: ScanCall,
): AsyncGenerator<ScanEvent, void, undefined> {
  const requests = new ScanRequests(call);
  try {
    const ask = askThrough(client, requests);
    const memory = parseMemory(await call.held.versionOf(null));
    const staleMs = Date.now() - choice.fullReadMs;
    const known = memory !== null && memory.oldestReadMs > staleMs ? memory : null;
    const shown = shownOf(choice);
    const look = async (version: ServerVersion, from: ListMemory | null): Promise<Look> => {
      const era = chooseEra(version);
      const list = shown.hasAlbums
        ? await readAlbumList(client, requests, era, from).catch(asSourceError)
        : null;
      const views =
        shown.others.length === 0 ? null : new ViewScan({ ...shown, ask, version, call, staleMs });
      const isSame = (await views?.look(from?.views ?? null).catch(asSourceError)) ?? true;
      return { era, list, views, isSame: isSame && list === null };
    };
    let found: Look | null = null;
    if (known !== null) {
      const { version } = await requests.attempt((signal) => client.whereabouts(signal));
      found = await look(version, known);
      if (found.isSame) {
        yield { kind: 'unchanged', collection: null };
        return;
      }
    }
    // Each time anew: the server may have been upgraded since.
    const { version } = await requests.attempt((signal) => client.locate(signal));
    const note = ageNoteOf(version);
    if (note !== null) yield { kind: 'note', text: note };
    const key = new KeyCheck(client, requests, version, choice.rendition === 'preview' ? ['asset.view'] : []);
    await key.requireListing(shown.hasAlbums ? ['album.read', 'asset.read'] : ['asset.read']);
    const isSameAge = found?.views?.isFor(version) ?? true;
    if (found === null || found.era !== chooseEra(version) || !isSameAge) found = await look(version, null);
    const { era, list, views } = found;
    const mayCollapse = choice.collapsesStacks && (await key.missing([STACKS])).length === 0;
    if (choice.collapsesStacks && !mayCollapse) {
      yield {
        kind: 'note',
        text: `${lacksPermissions([STACKS])} Until then all photos of a stack are shown.`,
      };
    }
    const makeReader = once(() => readerFor({ client, requests, ask, call, era, key, choice, mayCollapse }));
    const read: Parameters<typeof tellAlbums>[1]['read'] = async (album) =>
      readAlbum(await makeReader(), album);

    let told: Told = { sampleId: null, isComplete: true, oldestReadMs: Date.now() };
    const parent = shown.isAlone ? null : viewRef('albums');
    const heldList = parent === null ? null : parseReading(await call.held.versionOf(parent));
    if (shown.hasAlbums && parent !== null) yield viewFolder('albums');
    if (list === null && heldList !== null) {
      yield { kind: 'unchanged', collection: parent };
      told = { ...told, oldestReadMs: heldList.readMs };
    } else if (shown.hasAlbums) {
      const { albums } =
        list ?? (await readAlbumList(client, requests, era, null).catch(asSourceError)) ?? missingList();
      if (albums.length === 0 && parent !== null && hadAlbums(memory)) {
        // Beside other views nobody above sees that the source is suddenly empty.
        call.warn('a list of albums that is suddenly empty', 'albums');
        yield { kind: 'kept', collection: parent, mayHeal: true };
        told = { ...told, isComplete: false };
      } else {
        const chosen = chooseAlbums(albums, choice.albumIds, call);
        told = yield* tellAlbums(chosen, { call, parent, staleMs, read });
        const state = list?.digest ?? '-';
        if (parent !== null && told.isComplete) {
          const version = writeReading({ readMs: told.oldestReadMs, state });
          yield { kind: 'complete', collection: parent, version };
        }
      }
    }
    if (views !== null) {
      const others = yield* views.tell(await makeReader());
      told = {
        sampleId: told.sampleId,
        isComplete: told.isComplete && others.isComplete,
        oldestReadMs: Math.min(told.oldestReadMs, others.oldestReadMs),
      };
    }
    const refusal = await key.refusal(told.sampleId);
    if (refusal !== null) throw refusal;
    if (!told.isComplete) return;
    const { etags, digest } = list ?? known ?? { etags: [], digest: '' };
    const memo = { etags, digest, oldestReadMs: told.oldestReadMs, views: views?.memory() ?? null };
    yield { kind: 'complete', collection: null, version: writeMemory(memo) };
  } catch (error) {
    throw requests.reasonOf(error);
  } finally {
    requests.stop();
  }
}

/** What the server tells of changes. */
interface Look {
  readonly era: Era;
  /** Null: the one that is remembered, or none is wanted. */
  readonly list: AlbumList | null;
  readonly views: ViewScan | null;
  readonly isSame: boolean;
}

interface Shown {
  readonly hasAlbums: boolean;
  /** Views beside the albums. */
  readonly others: readonly ViewName[];
  /** One view alone is shown as it is; several, or one beside searches, in folders of their names. */
  readonly isAlone: boolean;
}

function shownOf({ views, hasSearch }: Pick<AlbumChoice, 'views' | 'hasSearch'>): Shown {
  const others = VIEW_NAMES.filter((name) => name !== 'albums' && views.includes(name));
  return { others, hasAlbums: views.includes('albums'), isAlone: views.length === 1 && !hasSearch };
}

function askThrough(client: ImmichClient, requests: ScanRequests): Ask {
  const slots = new Slots(MAX_CONTENT_REQUESTS);
  return {
    json: (request) => requests.attempt((signal) => client.readJson(request, signal)),
    items: (request, wanted, take) =>
      slots.run(() => requests.attempt((signal) => client.readItems(request, wanted, take, signal))),
  };
}

function missingList(): never {
  throw new Error('a list that was asked for without condition is not there');
}

interface ReaderParts {
  readonly client: ImmichClient;
  readonly requests: ScanRequests;
  readonly ask: Ask;
  readonly call: ScanCall;
  readonly era: Era;
  readonly key: KeyCheck;
  readonly choice: AlbumChoice;
  readonly mayCollapse: boolean;
}

async function readerFor(parts: ReaderParts): Promise<AlbumReader> {
  const { client, requests, ask, call, era, key, choice } = parts;
  const warn = (reason: string, name: string) => call.warn(reason, name);
  const details = new AssetDetails(choice.rendition, {
    held: call.held,
    warn,
    askSize: async ({ id }, rendition) => {
      if ((await key.refusal(id)) !== null) return null;
      return requests.attempt((signal) => client.readSize(id, rendition, signal));
    },
    askAsset: async (id) =>
      parseAsset(await ask.json({ method: 'GET', path: `/assets/${id}`, what: 'this asset' })),
  });
  const stackedBehind = new Set(parts.mayCollapse ? await readStackedBehind(ask) : []);
  const accepts = (name: string) => call.accepts(name);
  return { era, ask, details, warn, choice: { ...choice, stackedBehind, accepts } };
}

/** Neither albums nor searches tell of stacks; their owner's own list does. */
async function readStackedBehind(ask: Ask): Promise<string[]> {
  return parseStackedBehind(await ask.json({ method: 'GET', path: '/stacks', what: 'the stacks' }));
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** Without the album list the source as a whole cannot be read. */
function asSourceError(error: unknown): never {
  const code = codeOf(error);
  if (code !== 'not-found' && code !== 'too-large') throw error;
  throw new CodedError('unavailable', messageOf(error), { cause: error });
}
