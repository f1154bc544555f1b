import { CodedError, messageOf } from '../../../src/model/coded-error.ts';
import type { CollectionEvent, ScanCall, ScanEvent } from '../../../src/provider/provider.ts';
import type { Ask } from '../eras/era.ts';
import { chooseLibraryEra, type LibraryEra } from '../eras/library-era.ts';
import type { AlbumReader } from '../read-album.ts';
import type { ServerVersion } from '../server-version.ts';
import { asksToWait } from '../translate-error.ts';
import { viewFolder } from './album-view.ts';
import { begin, conclude, type Doubts, type ReadPlace, readTime } from './emptiness.ts';
import { LibrarySearch } from './library-search.ts';
import { type LibraryLook, lookAtLibrary, readOwnId } from './library-state.ts';
import { type LibraryView, readLibrary, tellLibrary } from './library-views.ts';
import { memoryShelves, personShelves, tagShelves, type ViewPlace } from './list-views.ts';
import {
  readMatches,
  type Shelf,
  type ShelvesTold,
  type Telling,
  tellContent,
  tellShelves,
} from './shelf.ts';
import { type ListName, type Lists, lookAtLists, type ViewsMemory } from './view-lists.ts';
import { type ViewName, viewRef } from './view-names.ts';

export interface ViewScanParts {
  /** Those beside the albums, in the order of `VIEW_NAMES`. */
  readonly others: readonly ViewName[];
  /** There is nothing beside the one view, so it has no folder of its own. */
  readonly isAlone: boolean;
  readonly ask: Ask;
  readonly version: ServerVersion;
  readonly call: ScanCall;
  /** What was read before this is read anew, in milliseconds since 1970. */
  readonly staleMs: number;
  readonly doubts: Doubts;
}

/** The views of one scan that are no albums: first what the server tells of changes, then what is in them. */
export class ViewScan {
  readonly #parts: ViewScanParts;
  readonly #era: LibraryEra;
  readonly #search: LibrarySearch;
  readonly #startedMs: number;
  #library: LibraryLook | null = null;
  /** Why the library could not be looked at, and so no view of it be told. */
  #libraryError: CodedError | null = null;
  #lists: Lists = new Map();

  constructor(parts: ViewScanParts) {
    this.#parts = parts;
    this.#startedMs = parts.doubts.startedMs;
    this.#era = chooseLibraryEra(parts.version);
    this.#search = new LibrarySearch(parts.ask, this.#era);
  }

  /** Is a server of this version asked in the way that was chosen here? */
  isFor(version: ServerVersion): boolean {
    return chooseLibraryEra(version) === this.#era;
  }

  /**
   * Looks for changes. @returns whether everything is as it was when `memory` was made.
   * @throws CodedError when the server asks to wait, refuses the key, or the scan has ended.
   */
  async look(memory: ViewsMemory | null): Promise<boolean> {
    const { others: views, ask } = this.#parts;
    const needsLibrary = views.some((name) => name !== 'memories');
    if (needsLibrary) await this.#lookAtLibrary(memory);
    this.#lists = await lookAtLists(ask, this.#era, views);
    if (memory === null || this.#libraryError !== null || this.#library?.hasNews === true) return false;
    // Faces are told of by nothing, and found some minutes after a photo has come.
    if (views.includes('people') && memory.library?.isSettled === false) return false;
    return [...this.#lists].every(
      ([name, list]) => list.digest !== null && list.digest === memory.lists[name],
    );
  }

  /** To be remembered when everything was told. */
  memory(): ViewsMemory {
    const lists = Object.fromEntries([...this.#lists].map(([name, { digest }]) => [name, digest ?? '']));
    return { library: this.#library?.memory ?? null, lists };
  }

  /**
   * Tells the views, after `look`. One that cannot be read is `kept`.
   * @throws CodedError when the server asks to wait, refuses the key, or the scan has ended.
   */
  async *tell(reader: AlbumReader): AsyncGenerator<ScanEvent, ShelvesTold, undefined> {
    const { others: views, staleMs, call, doubts } = this.#parts;
    const telling: Telling = {
      ...{ ...doubts, reader, search: this.#search, staleMs },
      heldVersion: (collection) => call.held.versionOf(collection),
    };
    let all: ShelvesTold = { isComplete: true, oldestReadMs: this.#startedMs };
    const add = (told: ShelvesTold) => {
      all = {
        isComplete: all.isComplete && told.isComplete,
        oldestReadMs: Math.min(all.oldestReadMs, told.oldestReadMs),
      };
    };
    for (const name of views) {
      if (name === 'timeline' || name === 'places') continue;
      add(yield* this.#guarded([name], () => this.#tellOne(name, telling)));
    }
    const ofLibrary = views.filter((name) => name === 'timeline' || name === 'places');
    if (ofLibrary.length > 0)
      add(yield* this.#guarded(ofLibrary, () => this.#tellLibrary(ofLibrary, telling)));
    return all;
  }

  async #lookAtLibrary(memory: ViewsMemory | null): Promise<void> {
    try {
      this.#library = await lookAtLibrary(this.#parts.ask, this.#era, this.#search, memory?.library ?? null);
    } catch (error) {
      // The albums and the memories are no part of it.
      if (!(error instanceof CodedError) || concernsAll(error)) throw error;
      this.#libraryError = error;
    }
  }

  /** The views' own folders, and what is in them; what one of them fails with concerns no other. */
  async *#guarded(
    names: readonly ViewName[],
    tell: () => AsyncGenerator<ScanEvent, ShelvesTold, undefined>,
  ): AsyncGenerator<ScanEvent, ShelvesTold, undefined> {
    try {
      if (this.#libraryError !== null && !names.includes('memories')) throw this.#libraryError;
      return yield* tell();
    } catch (error) {
      if (!(error instanceof CodedError) || concernsAll(error)) throw error;
      // What is not to be shown has nothing to be kept.
      for (const name of names) {
        if (await this.#isHidden(name)) continue;
        this.#parts.call.warn(`a view that could not be read: ${messageOf(error)}`, name);
        yield* this.#top(name);
        yield { kind: 'kept', collection: this.#refOf(name), mayHeal: true };
        yield* begin(this.#parts.doubts, this.#place(name));
      }
      return { isComplete: false, oldestReadMs: this.#startedMs };
    }
  }

  async *#tellOne(name: ViewName, telling: Telling): AsyncGenerator<ScanEvent, ShelvesTold, undefined> {
    const state = this.#library?.state ?? '';
    if (name === 'favorites') return yield* this.#tellFavorites(telling, state);
    const list = this.#lists.get(name as ListName);
    if (list === undefined) throw new Error(`a view that nobody has looked at: ${name}`);
    if (list.note !== null) {
      if (await this.#isHidden(name)) {
        yield { kind: 'note', text: `${list.note} Until then there is no folder "${name}".` };
        return { isComplete: true, oldestReadMs: this.#startedMs };
      }
      // Who takes a permission back has not deleted anything; who wants it gone says so in the settings.
      const until = `Until then the folder "${name}" stays as it was read last; to hide it, take it out of IMMICH_VIEWS.`;
      yield { kind: 'note', text: `${list.note} ${until}` };
      yield* this.#top(name);
      yield { kind: 'kept', collection: this.#refOf(name) };
      return { isComplete: false, oldestReadMs: this.#startedMs };
    }
    if (list.error !== null) throw list.error;
    const field = name === 'people' ? 'personIds' : name === 'tags' ? 'tagIds' : null;
    if (field !== null && !(await this.#search.understands(field))) {
      // What another version could tell stays: somebody may still find a way to ask this one.
      if ((await telling.toldVersion(viewRef(name))) !== null)
        throw new CodedError('unavailable', `This version of Immich cannot search by ${name}.`);
      yield {
        kind: 'note',
        text: `This version of Immich cannot search by ${name}: there is no folder "${name}".`,
      };
      return { isComplete: true, oldestReadMs: this.#startedMs };
    }
    yield* this.#top(name);
    const isSettled = this.#library?.memory.isSettled ?? true;
    const view = (own: string): ViewPlace => ({ ref: this.#refOf(name), state: own });
    let shelves: Shelf[] = [];
    if (name === 'people') {
      shelves = personShelves(list.people, telling, view(isSettled ? state : `${state} new`));
    } else if (name === 'tags') shelves = tagShelves(list.tags, telling, view(`${state} ${list.digest}`));
    else shelves = memoryShelves(list.memories, telling, view(''));
    const shown = shelves.filter((shelf) => this.#parts.call.enters(shelf.name));
    const told = yield* tellShelves(shown, telling);
    if (!told.isComplete) {
      yield* begin(telling, this.#place(name));
      return told;
    }
    const outcome = { ...this.#place(name), state: '', isEmpty: shelves.length === 0 };
    return { ...told, isComplete: yield* conclude(telling, outcome) };
  }

  async *#tellFavorites(telling: Telling, state: string): AsyncGenerator<ScanEvent, ShelvesTold, undefined> {
    const ref = this.#refOf('favorites');
    yield* this.#top('favorites');
    const readMs = ref === null ? null : await readTime(telling, ref, state);
    if (ref !== null && readMs !== null) {
      yield { kind: 'unchanged', collection: ref };
      return { isComplete: true, oldestReadMs: readMs };
    }
    const content = await readMatches(telling, { isFavorite: true }, ({ isFavorite }) => isFavorite);
    const isComplete = yield* tellContent(telling, { ...this.#place('favorites'), state }, content);
    return { isComplete, oldestReadMs: this.#startedMs };
  }

  /** Timeline and places show each asset, so the library is read once for both. */
  async *#tellLibrary(
    names: readonly ViewName[],
    telling: Telling,
  ): AsyncGenerator<ScanEvent, ShelvesTold, undefined> {
    const { ask } = this.#parts;
    const library = this.#library;
    if (library === null) throw new Error('a library that nobody has looked at');
    for (const name of names) yield* this.#top(name);
    const refs = names.map((name) => this.#refOf(name));
    const readTimes = await Promise.all(
      refs.map((ref) => (ref === null ? null : readTime(telling, ref, library.state))),
    );
    if (readTimes.every((readMs) => readMs !== null)) {
      for (const collection of refs) yield { kind: 'unchanged', collection };
      return { isComplete: true, oldestReadMs: Math.min(...readTimes) };
    }
    const ownId = await readOwnId(ask, this.#era, library.months);
    let isComplete = true;
    if (ownId === null) {
      if (library.months.some(({ count }) => count > 0))
        throw new CodedError(
          'unavailable',
          'Immich answered a month without the assets that it counts in it.',
        );
      // Nobody owns anything in an empty timeline.
      for (const name of names) {
        const outcome = { ...this.#place(name), state: library.state, isEmpty: true };
        const isBelieved = yield* conclude(telling, outcome);
        isComplete &&= isBelieved;
      }
      return { isComplete, oldestReadMs: this.#startedMs };
    }
    let looks = 0;
    const content = await readLibrary(telling, this.#era, ownId, async () => {
      looks += 1;
      // What has come since the first look is found the next time, for the memory is that of the first.
      return looks === 1 ? library : await lookAtLibrary(ask, this.#era, this.#search, library.memory);
    });
    const views = names.map(
      (name): LibraryView => ({
        ref: this.#refOf(name),
        mark: viewRef(name),
        foldersOf: name === 'timeline' ? content.timelineFolders : content.placeFolders,
      }),
    );
    const marks = yield* tellLibrary(content.assets, views);
    for (const name of names) {
      const place = this.#place(name);
      const outcome = { ...place, state: library.state, isEmpty: !marks.has(place.mark) };
      if (!content.isComplete) yield { kind: 'kept', collection: place.ref, mayHeal: true };
      const isBelieved = content.isComplete && (yield* conclude(telling, outcome));
      isComplete &&= isBelieved;
    }
    return { isComplete, oldestReadMs: this.#startedMs };
  }

  /** It may not be shown, and never was. */
  async #isHidden(name: ViewName): Promise<boolean> {
    const note = this.#lists.get(name as ListName)?.note ?? null;
    return note !== null && (await this.#parts.doubts.toldVersion(viewRef(name))) === null;
  }

  #refOf(name: ViewName): string | null {
    return this.#parts.isAlone ? null : viewRef(name);
  }

  #place(name: ViewName): ReadPlace {
    return { ref: this.#refOf(name), mark: viewRef(name), name };
  }

  #top(name: ViewName): CollectionEvent[] {
    return this.#parts.isAlone ? [] : [viewFolder(name)];
  }
}

function concernsAll(error: CodedError): boolean {
  return error.code === 'denied' || error.code === 'cancelled' || asksToWait(error);
}
