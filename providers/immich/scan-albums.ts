import { CodedError, codeOf, messageOf } from '../../src/model/coded-error.ts';
import type { ScanCall, ScanEvent } from '../../src/provider/provider.ts';
import type { Told } from './album-events.ts';
import { type AlbumList, type ListMemory, parseMemory, readAlbumList, writeMemory } from './album-list.ts';
import { ageNoteOf, chooseEra } from './eras/choose-era.ts';
import type { Era } from './eras/era.ts';
import type { ImmichClient } from './http-client.ts';
import { KeyCheck } from './key-check.ts';
import { readAlbum } from './read-album.ts';
import type { Rendition } from './rendition.ts';
import { askThrough, once, readerFor } from './scan-reader.ts';
import { ScanRequests } from './scan-requests.ts';
import type { ServerVersion } from './server-version.ts';
import { lacksPermissions } from './translate-error.ts';
import { tellAlbumView } from './views/album-view.ts';
import type { Doubts } from './views/emptiness.ts';
import { VIEW_NAMES, type ViewName, viewRef } from './views/view-names.ts';
import { ViewScan } from './views/view-scan.ts';

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
  /** Permissions that writing needs; none where nothing is written. */
  readonly writePermissions: readonly string[];
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
  doubtMs: number,
  call: ScanCall,
): AsyncGenerator<ScanEvent, void, undefined> {
  const requests = new ScanRequests(call);
  try {
    const ask = askThrough(client, requests);
    const memory = parseMemory(await call.held.versionOf(null));
    const staleMs = Date.now() - choice.fullReadMs;
    const known = memory !== null && memory.oldestReadMs > staleMs ? memory : null;
    const shown = shownOf(choice);
    const doubts: Doubts = {
      ...{ doubtMs, startedMs: Date.now() },
      toldVersion: (collection) => call.held.toldVersionOf(collection),
      warn: (reason, name) => call.warn(reason, name),
    };
    const look = async (version: ServerVersion, from: ListMemory | null): Promise<Look> => {
      const era = chooseEra(version);
      const list = shown.hasAlbums
        ? await readAlbumList(client, requests, era, from).catch(asSourceError)
        : null;
      const views =
        shown.others.length === 0 ? null : new ViewScan({ ...shown, ask, version, call, staleMs, doubts });
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
    const missing = await key.missing(choice.writePermissions);
    if (missing.length > 0) {
      yield { kind: 'note', text: `${lacksPermissions(missing)} Until then that is refused.` };
    }
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
    let told: Told = { sampleId: null, isComplete: true, oldestReadMs: Date.now() };
    if (shown.hasAlbums) {
      told = yield* tellAlbumView({
        ...{ call, staleMs, list, doubts, albumIds: choice.albumIds },
        parent: shown.isAlone ? null : viewRef('albums'),
        readList: () => readAlbumList(client, requests, era, null).catch(asSourceError),
        read: async (album) => readAlbum(await makeReader(), album),
      });
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

export interface Shown {
  readonly hasAlbums: boolean;
  /** Views beside the albums. */
  readonly others: readonly ViewName[];
  /** One view alone is shown as it is; several, or one beside searches, in folders of their names. */
  readonly isAlone: boolean;
}

/** What of the server is shown, and how. */
export function shownOf({ views, hasSearch }: Pick<AlbumChoice, 'views' | 'hasSearch'>): Shown {
  const others = VIEW_NAMES.filter((name) => name !== 'albums' && views.includes(name));
  return { others, hasAlbums: views.includes('albums'), isAlone: views.length === 1 && !hasSearch };
}

/** Without the album list the source as a whole cannot be read. */
function asSourceError(error: unknown): never {
  const code = codeOf(error);
  if (code !== 'not-found' && code !== 'too-large') throw error;
  throw new CodedError('unavailable', messageOf(error), { cause: error });
}
