import type { AssetEntry, CollectionEntry, Entry, Naming } from '../catalog/catalog.ts';
import type { AssetFacts, CaptureTime } from '../model/asset.ts';
import type { MediaKind } from '../model/content-type.ts';
import type {
  AssetEvent,
  CollectionEvent,
  KeptEvent,
  PlaceEvent,
  Traits,
  UnchangedEvent,
} from '../provider/provider.ts';

/** How the places of a source's assets are laid out. `folders`: as the source itself has them. */
export type LayoutName = 'folders' | 'flat' | 'type' | 'date';

export interface LayoutOptions {
  /** At least one. Of several, each is a view of its own, in a collection of its name. */
  readonly layouts: readonly LayoutName[];
  /** In `folders`, within each collection of the source, one more level: `images`, `videos`, … */
  readonly splitsByType: boolean;
  readonly traits: Pick<Traits, 'membership' | 'naming'>;
}

/** What a provider tells, as it is to be shown: an asset may have been given names. */
export type NamedEvent = Exclude<PlaceEvent, AssetEvent> | NamedAssetEvent;

export interface NamedAssetEvent extends AssetEvent, Pick<AssetEntry, 'otherNames' | 'takes'> {
  /** The name that the source tells, if `name` was given. */
  readonly ownName?: string;
}

/** Turns what a provider tells into places in the catalog. One per scan: it remembers what it has made. */
export interface Layout {
  /** False: collections of the source show nowhere, so nothing can be kept below one of them. */
  readonly showsCollections: boolean;
  /** What a collection of the source holds shows there and nowhere else. */
  readonly showsOnce: boolean;
  /** See `sourcePrefix`. */
  readonly prefix: readonly string[] | null;
  /** The place of an asset depends on when it was taken, in some view. */
  readonly goesByTime: boolean;
  /** Some of its assets hold their paths: see `AssetEntry.holdsPath`. */
  readonly holdsPaths: boolean;
  /** @param taken when it was taken, if that is known and the source does not tell it. */
  entriesOf(event: NamedEvent | UnchangedEvent, taken?: CaptureTime | null): Entry[];
  /** Only the places that depend on when it was taken: for those, where the source has the asset does not matter. */
  timeEntriesOf(name: string, facts: AssetFacts): Entry[];
  /** The collections of the views, which are there even if nothing is in them; none where one layout stands alone. */
  viewEntries(): Entry[];
}

/** Layouts' own collections share the refs of a source with the provider's; this keeps them apart. */
const VIRTUAL = '~';

const TYPE_FOLDERS: Readonly<Record<MediaKind, string>> = {
  image: 'images',
  video: 'videos',
  audio: 'audio',
  raw: 'raw',
  other: 'other',
};

/** The first of those that are wanted is the main view, whatever order they are told in. */
const LAYOUT_NAMES: readonly LayoutName[] = ['folders', 'flat', 'type', 'date'];

interface VirtualFolder {
  readonly ref: string;
  readonly name: string;
}

/**
 * Stored names of the collections, outermost first, below which everything shows at the path that it has in the
 * source, so that a path tells what to remove, and a place tells where to write. Empty: at the root itself. Null: nowhere.
 */
export function sourcePrefix({
  layouts,
  splitsByType,
}: Omit<LayoutOptions, 'traits'>): readonly string[] | null {
  if (!layouts.includes('folders') || splitsByType) return null;
  return layouts.length > 1 ? ['folders'] : [];
}

export function createLayout(options: LayoutOptions): Layout {
  const names = LAYOUT_NAMES.filter((name) => options.layouts.includes(name));
  const isAlone = names.length === 1;
  const made: MadeRefs = { views: new Set(), all: new Set() };
  const views = names.map((name, at) => new View(name, isAlone, at === 0, options, made));
  const [main] = views;
  const others = views.slice(1).flatMap(({ ref }) => ref ?? []);
  const showsCollections = names.includes('folders');
  let hasToldViews = false;

  const viewEntries = (): Entry[] => {
    hasToldViews = true;
    return views.flatMap((view) => view.ownEntry());
  };

  return {
    showsCollections,
    showsOnce: showsCollections && isAlone,
    prefix: sourcePrefix(options),
    goesByTime: names.includes('date'),
    holdsPaths: views.some((view) => view.holdsPath),
    viewEntries,
    entriesOf(event, taken = null) {
      if (event.kind === 'unchanged') return unchangedEntries(event);
      const entries = hasToldViews ? [] : viewEntries();
      if (event.kind === 'asset') for (const view of views) entries.push(...view.assetEntries(event, taken));
      else if (showsCollections && event.kind === 'kept') entries.push(keptEntry(event, others, main?.ref));
      else if (showsCollections && event.kind === 'collection') {
        const parent = event.parent ?? main?.ref ?? null;
        entries.push(sourceCollection(event, parent, options.traits.naming, made));
      }
      return entries;
    },
    timeEntriesOf(name, facts) {
      const event: AssetEvent = { kind: 'asset', collection: null, name, facts };
      const byTime = views.filter((view) => view.name === 'date');
      const entries: Entry[] = hasToldViews ? [] : byTime.flatMap((view) => view.ownEntry());
      hasToldViews = true;
      for (const view of byTime) entries.push(...view.assetEntries(event, null));
      return entries;
    },
  };
}

/** Refs of the collections that the provider has made up, as far as they were told. */
interface MadeRefs {
  /** Those that are views right below the root: no anchors, because their assets belong to no other collection. */
  readonly views: Set<string>;
  readonly all: Set<string>;
}

/** One layout of a source. */
class View {
  readonly name: LayoutName;
  /** Of the collection that it is shown in; null where it stands alone. */
  readonly ref: string | null;
  readonly holdsPath: boolean;
  readonly #anchor: string | null;
  readonly #splits: boolean;
  readonly #naming: Naming;
  readonly #isShared: boolean;
  readonly #madeBySource: MadeRefs;
  readonly #made = new Set<string>();

  /** @param isMain an asset that has lost its places there has lost them in all views. */
  constructor(
    name: LayoutName,
    isAlone: boolean,
    isMain: boolean,
    options: LayoutOptions,
    madeBySource: MadeRefs,
  ) {
    const { membership, naming } = options.traits;
    const isFolders = name === 'folders';
    this.name = name;
    this.ref = isAlone ? null : `${VIRTUAL}view:${name}`;
    this.#anchor = isMain ? null : this.ref;
    this.#splits = isFolders && options.splitsByType;
    this.#naming = isFolders && !this.#splits ? naming : 'free';
    this.#isShared = isFolders && membership === 'many';
    this.#madeBySource = madeBySource;
    // Where names are those of a disk, a name is held by one thing anyway.
    this.holdsPath = membership === 'one' && naming === 'disk' && this.#naming === 'free';
  }

  /** The collection that it is shown in. */
  ownEntry(): CollectionEntry[] {
    if (this.ref === null) return [];
    const own = virtualCollection({ ref: this.ref, name: this.name }, null);
    // Whatever else has its name at the top is from before there were views, and will be told at another place.
    return [{ ...own, naming: 'disk', isView: true }];
  }

  assetEntries(event: NamedAssetEvent, taken: CaptureTime | null): Entry[] {
    const entries: Entry[] = [];
    const isFolders = this.name === 'folders';
    let collection = (isFolders ? event.collection : null) ?? this.ref;
    for (const folder of this.#foldersFor(event, event.facts.taken ?? taken)) {
      if (!this.#made.has(folder.ref)) {
        this.#made.add(folder.ref);
        entries.push(virtualCollection(folder, collection));
      }
      collection = folder.ref;
    }
    const own = this.#madeBySource.views.has(event.collection ?? '') ? null : event.collection;
    const anchor = this.#isShared ? own : this.#anchor;
    const place = { collection, anchor, naming: this.#naming, holdsPath: this.holdsPath };
    // Names are given in a collection of the source.
    const naming = isFolders ? nameOf(event) : { name: event.ownName ?? event.name };
    entries.push({ kind: 'asset', facts: event.facts, ...place, ...naming } satisfies AssetEntry);
    return entries;
  }

  /** Its folders for an asset, outermost first. */
  #foldersFor(event: AssetEvent, taken: CaptureTime | null): VirtualFolder[] {
    const splits = this.#splits && !this.#madeBySource.all.has(event.collection ?? '');
    if (this.name === 'type' || splits) {
      const name = TYPE_FOLDERS[event.facts.kind];
      const within = splits ? `@${event.collection ?? ''}` : '';
      return [{ ref: `${VIRTUAL}type:${name}${within}`, name }];
    }
    if (this.name !== 'date') return [];
    const month = monthOf(event.facts, taken);
    const year = month.slice(0, 4);
    return [
      { ref: `${VIRTUAL}date:${year}`, name: year },
      { ref: `${VIRTUAL}date:${month}`, name: month },
    ];
  }
}

function nameOf({
  name,
  otherNames,
  takes,
}: NamedAssetEvent): Pick<AssetEntry, 'name' | 'otherNames' | 'takes'> {
  return {
    name,
    ...(otherNames === undefined ? {} : { otherNames }),
    ...(takes === undefined ? {} : { takes }),
  };
}

/** None for the whole source: whoever is told so reads no further. */
function unchangedEntries({ kind, collection }: UnchangedEvent): Entry[] {
  return collection === null ? [] : [{ kind, collection }];
}

/** What could not be read stays in every view. */
function keptEntry(
  { collection }: KeptEvent,
  views: readonly string[],
  main: string | null | undefined,
): Entry {
  return { kind: 'kept', collection: collection ?? main ?? null, views };
}

/** A collection as the source tells it, or one of those that its provider has made up. */
function sourceCollection(
  event: CollectionEvent,
  parent: string | null,
  naming: Naming,
  told: MadeRefs,
): CollectionEntry {
  const { made, ...own } = event;
  if (made === undefined) return { ...own, parent, naming, isVirtual: false };
  told.all.add(event.ref);
  const isView = made === 'view' && parent === null;
  if (isView) told.views.add(event.ref);
  // At the top, whatever else has the name of a view is from before there were views: see `View.ownEntry`.
  const virtual = virtualCollection({ ref: event.ref, name: event.name }, parent);
  return isView ? { ...virtual, naming: 'disk', isView } : virtual;
}

function virtualCollection(folder: VirtualFolder, parent: string | null): CollectionEntry {
  // Its time is that of its last change, which the catalog knows; 0 is never stored.
  const times = { modifiedMs: 0, createdMs: null };
  return { kind: 'collection', ...folder, parent, naming: 'free', isVirtual: true, ...times };
}

/** `2026-11` by the camera's wall clock, else by the time of the file in this machine's zone. */
function monthOf(facts: AssetFacts, taken: CaptureTime | null): string {
  if (taken !== null) return taken.localText.slice(0, 7);
  const time = new Date(facts.modifiedMs);
  const [year, month] = [`${time.getFullYear()}`, `${time.getMonth() + 1}`];
  return `${year.padStart(4, '0')}-${month.padStart(2, '0')}`;
}
