import { CodedError, codeOf, messageOf } from '../../src/model/coded-error.ts';
import type { ScanCall, ScanEvent } from '../../src/provider/provider.ts';
import { chooseAlbums, tellAlbums } from './album-events.ts';
import { type AlbumList, parseMemory, readAlbumList, writeMemory } from './album-list.ts';
import { parseAsset, parseStackedBehind } from './api-answers.ts';
import { AssetDetails } from './asset-details.ts';
import { ageNoteOf, chooseEra } from './eras/choose-era.ts';
import type { Ask, Era } from './eras/era.ts';
import type { ImmichClient } from './http-client.ts';
import { KeyCheck } from './key-check.ts';
import { type AlbumReader, readAlbum } from './read-album.ts';
import type { Rendition } from './rendition.ts';
import { ScanRequests } from './scan-requests.ts';
import { Slots } from './slots.ts';
import { lacksPermissions } from './translate-error.ts';

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
  /** Permissions that writing needs; none where nothing is written. */
  readonly writePermissions: readonly string[];
  /** An album that looks unchanged is read anew after so many milliseconds all the same. */
  readonly fullReadMs: number;
}

/**
 * All albums of the server that are to be shown, with their assets; only that nothing has changed when the list of albums
 * is the one of the last complete scan.
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
    const memory = parseMemory(await call.held.versionOf(null));
    const staleMs = Date.now() - choice.fullReadMs;
    let listed: { list: AlbumList; era: Era } | null = null;
    if (memory !== null && memory.oldestReadMs > staleMs) {
      const known = await requests.attempt((signal) => client.whereabouts(signal));
      const era = chooseEra(known.version);
      const list = await readAlbumList(client, requests, era, memory).catch(asSourceError);
      if (list === null) {
        yield { kind: 'unchanged', collection: null };
        return;
      }
      listed = { list, era };
    }
    // Each time anew: the server may have been upgraded since.
    const { version } = await requests.attempt((signal) => client.locate(signal));
    const note = ageNoteOf(version);
    if (note !== null) yield { kind: 'note', text: note };
    const key = new KeyCheck(client, requests, version, choice.rendition === 'preview' ? ['asset.view'] : []);
    await key.requireListing();
    const missing = await key.missing(choice.writePermissions);
    if (missing.length > 0) {
      yield { kind: 'note', text: `${lacksPermissions(missing)} Until then that is refused.` };
    }
    const era = chooseEra(version);
    if (listed?.era !== era) {
      const list = await readAlbumList(client, requests, era, null).catch(asSourceError);
      if (list === null) throw new Error('a list that was asked for without condition is not there');
      listed = { list, era };
    }
    const { list } = listed;
    const albums = chooseAlbums(list.albums, choice.albumIds, call);
    const mayCollapse = choice.collapsesStacks && (await key.missing([STACKS])).length === 0;
    if (choice.collapsesStacks && !mayCollapse) {
      yield {
        kind: 'note',
        text: `${lacksPermissions([STACKS])} Until then all photos of a stack are shown.`,
      };
    }
    const makeReader = once(() => readerFor({ client, requests, call, era, key, choice, mayCollapse }));
    const read: Parameters<typeof tellAlbums>[1]['read'] = async (album) =>
      readAlbum(await makeReader(), album);
    const told = yield* tellAlbums(albums, { call, staleMs, read });
    const refusal = await key.refusal(told.sampleId);
    if (refusal !== null) throw refusal;
    if (!told.isComplete) return;
    const memo = writeMemory({ etags: list.etags, digest: list.digest, oldestReadMs: told.oldestReadMs });
    yield { kind: 'complete', collection: null, version: memo };
  } catch (error) {
    throw requests.reasonOf(error);
  } finally {
    requests.stop();
  }
}

interface ReaderParts {
  readonly client: ImmichClient;
  readonly requests: ScanRequests;
  readonly call: ScanCall;
  readonly era: Era;
  readonly key: KeyCheck;
  readonly choice: AlbumChoice;
  readonly mayCollapse: boolean;
}

async function readerFor(parts: ReaderParts): Promise<AlbumReader> {
  const { client, requests, call, era, key, choice } = parts;
  const slots = new Slots(MAX_CONTENT_REQUESTS);
  const ask: Ask = {
    json: (request) => requests.attempt((signal) => client.readJson(request, signal)),
    items: (request, wanted, take) =>
      slots.run(() => requests.attempt((signal) => client.readItems(request, wanted, take, signal))),
  };
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
