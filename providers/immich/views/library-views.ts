import type { AssetFacts } from '../../../src/model/asset.ts';
import type { ScanEvent } from '../../../src/provider/provider.ts';
import { AlbumAssets } from '../album-assets.ts';
import type { ImmichAsset } from '../api-answers.ts';
import type { LibraryEra } from '../eras/library-era.ts';
import type { LibraryLook } from './library-state.ts';
import { finish, folder, type ShelfContent, type Telling } from './shelf.ts';

/** Where a view puts one asset: names of folders, outermost first; null: nowhere. */
type FoldersOf = (facts: AssetFacts) => readonly string[] | null;

/** The library with what the facts of an asset do not tell. */
export interface Library extends ShelfContent {
  readonly timelineFolders: FoldersOf;
  readonly placeFolders: FoldersOf;
}

/**
 * All own assets, read once for all views that show each of them: with exif, and once more without if the months have more
 * of them. Incomplete when the count is not right then, even at the second time.
 */
export async function readLibrary(
  telling: Telling,
  era: LibraryEra,
  ownId: string,
  look: () => Promise<LibraryLook>,
): Promise<Library> {
  const { reader, search } = telling;
  let counted = expectedCount(era, await look());
  for (let tries = 0; tries < 2; tries += 1) {
    const found = new AlbumAssets(reader.choice);
    const places = new Places();
    const take = (asset: ImmichAsset) => {
      if (asset.ownerId !== ownId) return;
      places.note(asset);
      found.take(asset);
    };
    await search.find({}, true, take);
    if (counted === null || found.shownCount < counted) await search.find({}, false, take);
    if (counted === null || found.shownCount === counted) {
      const content = await finish(reader, found);
      return { ...content, timelineFolders: monthFolders, placeFolders: (facts) => places.foldersOf(facts) };
    }
    counted = expectedCount(era, await look());
  }
  reader.warn(
    'the changes of a timeline that does not come with as many photos as Immich counts',
    'timeline',
  );
  return { assets: [], isComplete: false, timelineFolders: monthFolders, placeFolders: () => null };
}

/** A view of the library: where it is, and where in it an asset goes. */
export interface LibraryView {
  /** Null where it stands alone. */
  readonly ref: string | null;
  /** Begins the refs of its folders. */
  readonly mark: string;
  readonly foldersOf: FoldersOf;
}

/** Every asset in each of the views, with the folders it is in there. @returns the marks of the views that show some. */
export function* tellLibrary(
  assets: Iterable<AssetFacts>,
  views: readonly LibraryView[],
): Generator<ScanEvent, ReadonlySet<string>, undefined> {
  const told = new Set<string>();
  const marks = new Set<string>();
  for (const facts of assets) {
    for (const { ref, mark, foldersOf } of views) {
      const names = foldersOf(facts);
      if (names === null) continue;
      marks.add(mark);
      let collection = ref;
      for (const [depth, name] of names.entries()) {
        const own = `${mark}/${JSON.stringify(names.slice(0, depth + 1))}`;
        if (!told.has(own)) yield folder({ ref: own, parent: collection, name });
        told.add(own);
        collection = own;
      }
      yield { kind: 'asset', collection, name: facts.ref.path, facts };
    }
  }
  return marks;
}

function expectedCount(era: LibraryEra, { months }: LibraryLook): number | null {
  return era.countsAreExact ? months.reduce((sum, { count }) => sum + count, 0) : null;
}

/** By the camera's wall clock, as Immich's own timeline; without one by the time of the file. */
function monthFolders({ taken, modifiedMs }: AssetFacts): readonly string[] {
  const day = taken?.localText ?? new Date(modifiedMs).toISOString();
  return [day.slice(0, 4), day.slice(0, 7)];
}

/** Where assets were taken: 100,000 of them are in a few hundred places. */
class Places {
  readonly #known = new Map<string, readonly string[]>();
  readonly #ofAsset = new Map<string, readonly string[]>();

  note({ id, exif, livePhotoVideoId }: ImmichAsset): void {
    const names = [exif?.country, exif?.city].filter((name) => name != null && name !== '') as string[];
    if (names.length === 0) return;
    const key = JSON.stringify(names);
    const place = this.#known.get(key) ?? names;
    this.#known.set(key, place);
    this.#ofAsset.set(id, place);
    // The video stays beside its still.
    if (livePhotoVideoId !== null) this.#ofAsset.set(livePhotoVideoId, place);
  }

  foldersOf({ ref }: AssetFacts): readonly string[] | null {
    return this.#ofAsset.get(ref.id) ?? null;
  }
}
