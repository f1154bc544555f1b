import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/catalog/catalog.ts';
import { createLayout, type LayoutName, sourcePrefix } from '../../../src/ingest/layout.ts';
import type { AssetEvent, CollectionEvent } from '../../../src/provider/provider.ts';
import { asset } from '../../conformance/catalog-entries.ts';

const DISK = { membership: 'one', naming: 'disk' } as const;
const ALBUMS = { membership: 'many', naming: 'free' } as const;
const TAKEN = { localText: '2026-11-05T10:00:00', offsetMinutes: null, instantMs: null, derivedFrom: 'exif' };
const FOLDER: CollectionEvent = {
  ...{ kind: 'collection', ref: 'd1', parent: null, name: 'trip', modifiedMs: 1, createdMs: null },
};

function photo(collection: string | null): AssetEvent {
  const facts = { ...asset('f1', 'x.jpg').facts, taken: TAKEN };
  return { kind: 'asset', collection, name: 'x.jpg', facts };
}

/** `ref < parent` for collections, `name @ anchor < parent` for assets. */
function told(entries: readonly Entry[]): string[] {
  return entries.map((entry) => {
    if (entry.kind === 'asset') return `${entry.name} @ ${entry.anchor} < ${entry.collection}`;
    if (entry.kind === 'collection') return `${entry.ref} < ${entry.parent}`;
    if (entry.kind === 'unchanged') return `unchanged ${entry.collection}`;
    return `kept ${entry.collection}, ${entry.views?.join()}`;
  });
}

function layout(layouts: readonly LayoutName[], traits: typeof DISK | typeof ALBUMS = DISK) {
  return createLayout({ layouts, splitsByType: false, traits });
}

describe('several layouts', () => {
  it('are told as views, once, and each asset has a place in each', () => {
    const { entriesOf } = layout(['date', 'folders']);
    expect(told(entriesOf(FOLDER))).toEqual([
      '~view:folders < null',
      '~view:date < null',
      'd1 < ~view:folders',
    ]);
    expect(told(entriesOf(photo('d1')))).toEqual([
      'x.jpg @ null < d1',
      '~date:2026 < ~view:date',
      '~date:2026-11 < ~date:2026',
      'x.jpg @ ~view:date < ~date:2026-11',
    ]);
    expect(told(entriesOf(photo(null)))).toEqual([
      'x.jpg @ null < ~view:folders',
      'x.jpg @ ~view:date < ~date:2026-11',
    ]);
  });

  it('leave the views of a source within their folders', () => {
    const { entriesOf } = layout(['flat', 'folders'], ALBUMS);
    const view: CollectionEvent = { ...FOLDER, ref: '~favorites', name: 'favorites', made: 'view' };
    expect(entriesOf(view).at(-1)).toMatchObject({ parent: '~view:folders', isVirtual: true });
    expect(told(entriesOf(photo('~favorites')))[0]).toBe('x.jpg @ ~favorites < ~favorites');
  });

  it('anchor a place in an album at the album, and one in another view at that', () => {
    const { entriesOf } = layout(['flat', 'folders'], ALBUMS);
    expect(told(entriesOf(photo('d1'))).slice(2)).toEqual([
      'x.jpg @ d1 < d1',
      'x.jpg @ ~view:flat < ~view:flat',
    ]);
  });

  it('have a main one without the folders too, whatever their order', () => {
    for (const layouts of [['flat', 'type'] as const, ['type', 'flat'] as const]) {
      expect(told(layout(layouts).entriesOf(photo('d1'))).slice(2)).toEqual([
        ...['x.jpg @ null < ~view:flat', '~type:images < ~view:type', 'x.jpg @ ~view:type < ~type:images'],
      ]);
    }
  });

  it('are placed anew by time in the view that goes by it only', () => {
    const { timeEntriesOf } = layout(['folders', 'date', 'type']);
    expect(told(timeEntriesOf('x.jpg', photo(null).facts))).toEqual([
      ...['~view:date < null', '~date:2026 < ~view:date', '~date:2026-11 < ~date:2026'],
      'x.jpg @ ~view:date < ~date:2026-11',
    ]);
  });

  it('keep in all views what could not be read', () => {
    const { entriesOf, showsCollections } = layout(['folders', 'date', 'type']);
    expect(showsCollections).toBe(true);
    expect(told(entriesOf({ kind: 'kept', collection: 'd1' })).at(-1)).toBe('kept d1, ~view:type,~view:date');
  });
});

describe('one layout', () => {
  it('is told as it is, without a level of its own', () => {
    const { entriesOf, viewEntries } = layout(['folders']);
    expect(viewEntries()).toEqual([]);
    expect(told([...entriesOf(FOLDER), ...entriesOf(photo('d1'))])).toEqual([
      'd1 < null',
      'x.jpg @ null < d1',
    ]);
    expect(told(entriesOf({ kind: 'kept', collection: null }))).toEqual(['kept null, ']);
    expect(told(layout(['date']).entriesOf(photo('d1')))).toEqual([
      ...['~date:2026 < null', '~date:2026-11 < ~date:2026', 'x.jpg @ null < ~date:2026-11'],
    ]);
  });
});

it.each([
  [['folders'], false, []],
  [['date', 'folders'], false, ['folders']],
  [['folders'], true, null],
  [['folders', 'flat'], true, null],
  [['flat', 'date'], false, null],
  [['date'], false, null],
] as const)('paths of %j, split by type: %j, show the source at %j', (layouts, splitsByType, prefix) => {
  expect(sourcePrefix({ layouts, splitsByType })).toEqual(prefix);
});

describe('views of a source', () => {
  const view: CollectionEvent = { ...FOLDER, ref: '~favorites', name: 'favorites', made: 'view' };
  const person: CollectionEvent = {
    ...FOLDER,
    ref: '~person/1',
    parent: '~people',
    name: 'Ann',
    made: 'group',
  };

  it('are at the top, with names that no album keeps, and their assets belong to no collection', () => {
    const { entriesOf } = createLayout({ layouts: ['folders'], splitsByType: true, traits: ALBUMS });
    expect(entriesOf(view)).toMatchObject([{ naming: 'disk', isVirtual: true, isView: true, parent: null }]);
    expect(told(entriesOf(photo('~favorites')))).toEqual(['x.jpg @ null < ~favorites']);
  });

  it('have no folders by type, while albums have', () => {
    const { entriesOf } = createLayout({ layouts: ['folders'], splitsByType: true, traits: ALBUMS });
    expect(entriesOf(person)).toMatchObject([{ naming: 'free', isVirtual: true }]);
    expect(told(entriesOf(photo('~person/1')))).toEqual(['x.jpg @ ~person/1 < ~person/1']);
    expect(told(entriesOf(photo('d1')))).toEqual(['~type:images@d1 < d1', 'x.jpg @ d1 < ~type:images@d1']);
  });
});
