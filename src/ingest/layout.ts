import type { AssetEntry, CollectionEntry, Entry, Naming } from '../catalog/catalog.ts';
import type { AssetFacts, CaptureTime } from '../model/asset.ts';
import type { MediaKind } from '../model/content-type.ts';
import type { AssetEvent, PlaceEvent, Traits, UnchangedEvent } from '../provider/provider.ts';

/** How the places of a source's assets are laid out. `folders`: as the source itself has them. */
export type LayoutName = 'folders' | 'flat' | 'type' | 'date';

export interface LayoutOptions {
  readonly layout: LayoutName;
  /** Within each collection of the source one more level: `images`, `videos`, … Only for `folders`. */
  readonly splitsByType: boolean;
  readonly traits: Pick<Traits, 'membership' | 'naming'>;
}

/** Turns what a provider tells into places in the catalog. One per scan: it remembers what it has made. */
export interface Layout {
  /** False: collections of the source do not show, so nothing can be kept below one of them. */
  readonly showsCollections: boolean;
  /** Everything shows at the path it has in the source, so that a path tells what to remove. */
  readonly mapsPaths: boolean;
  /** The place of an asset depends on when it was taken. */
  readonly goesByTime: boolean;
  /** @param taken when it was taken, if that is known and the source does not tell it. */
  entriesOf(event: PlaceEvent | UnchangedEvent, taken?: CaptureTime | null): Entry[];
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

interface VirtualFolder {
  readonly ref: string;
  readonly name: string;
}

export function createLayout(options: LayoutOptions): Layout {
  const made = new Set<string>();
  const showsCollections = options.layout === 'folders';
  const splits = showsCollections && options.splitsByType;
  const naming: Naming = showsCollections && !splits ? options.traits.naming : 'free';

  /** The layout's folders for an asset, outermost first. */
  const foldersFor = (event: AssetEvent, taken: CaptureTime | null): VirtualFolder[] => {
    if (options.layout === 'type' || splits) {
      const name = TYPE_FOLDERS[event.facts.kind];
      const within = splits && event.collection !== null ? `@${event.collection}` : '';
      return [{ ref: `${VIRTUAL}type:${name}${within}`, name }];
    }
    if (options.layout === 'date') {
      const month = monthOf(event.facts, taken);
      const year = month.slice(0, 4);
      return [
        { ref: `${VIRTUAL}date:${year}`, name: year },
        { ref: `${VIRTUAL}date:${month}`, name: month },
      ];
    }
    return [];
  };

  const assetEntries = (event: AssetEvent, taken: CaptureTime | null): Entry[] => {
    const entries: Entry[] = [];
    let collection = showsCollections ? event.collection : null;
    for (const folder of foldersFor(event, event.facts.taken ?? taken)) {
      if (!made.has(folder.ref)) {
        made.add(folder.ref);
        entries.push(virtualCollection(folder, collection));
      }
      collection = folder.ref;
    }
    const isShared = showsCollections && options.traits.membership === 'many';
    const place = { collection, anchor: isShared ? event.collection : null, name: event.name, naming };
    entries.push({ kind: 'asset', facts: event.facts, ...place } satisfies AssetEntry);
    return entries;
  };

  return {
    showsCollections,
    mapsPaths: showsCollections && !splits,
    goesByTime: options.layout === 'date',
    entriesOf(event, taken = null) {
      if (event.kind === 'asset') return assetEntries(event, taken);
      if (!showsCollections) return [];
      if (event.kind === 'kept') return [event];
      if (event.kind === 'unchanged') {
        const { kind, collection } = event;
        return collection === null ? [] : [{ kind, collection }];
      }
      return [{ ...event, naming: options.traits.naming, isVirtual: false }];
    },
  };
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
