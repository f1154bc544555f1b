import { expect, it } from 'vitest';
import type { AssetEntry, Entry } from '../../src/catalog/catalog.ts';
import { type AssetFacts, type MediaFacts, UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { otherHalfOf } from '../../src/model/live-photo.ts';
import type { Node } from '../../src/model/node.ts';
import { Random } from '../protocol/restart-changes.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

const ID = '570F1469-09C7-4E50-9875-05F21D5BD166';
const OTHER_ID = '8A21D8A5-2F0E-4B8A-9C7E-111111111111';

/** Which still and which film are one live photo, and who is told when that changes. */
export function livePhotoCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create);

  const apply = (...entries: Entry[]) => on.catalog.writer.apply(on.sourceId, entries);
  /** A file of a disk, below folders that are named by their refs. */
  const file = (path: string, facts: Partial<AssetFacts> = {}, ref = path): AssetEntry => {
    const [name = '', parent = null] = path.split('/').reverse();
    const entry = asset(ref, name, parent);
    return { ...entry, facts: { ...entry.facts, ref: { id: ref, path }, ...facts } };
  };
  const read = (ref: string, media: Partial<MediaFacts> = {}, version = `v-${ref}`) =>
    on.catalog.writer.enrich(on.sourceId, ref, version, {
      ...{ digests: {}, media: { ...UNKNOWN_MEDIA, ...media }, contentType: null },
    });
  /** New files that were read. */
  const add = async (...files: readonly [path: string, livePhotoId: string | null][]): Promise<void> => {
    await apply(...files.map(([path]) => file(path)));
    for (const [path, livePhotoId] of files) await read(path, { livePhotoId });
  };
  const nodeAt = async (path: string): Promise<Node> => {
    let node: Node | null = null;
    for (const name of path.split('/')) node = await on.catalog.reader.child(node?.id ?? on.rootId, name);
    if (node === null) throw new Error(`nothing is at ${path}`);
    return node;
  };
  /** Name of the other half. */
  const twinOf = async (path: string): Promise<string | null> => {
    const node = await nodeAt(path);
    const twinId = node.kind === 'asset' ? node.twinId : null;
    return twinId === null ? null : ((await on.catalog.reader.pathOf(twinId)).join('/') ?? null);
  };
  const twins = async (...paths: string[]) => Promise.all(paths.map(twinOf));
  /** Names of assets that the log tells to have changed while `work` ran. */
  const told = async (work: () => Promise<unknown>): Promise<string[]> => {
    const before = await on.catalog.reader.headSeq();
    await work();
    const { changes } = await on.catalog.reader.changes(before, 1000);
    return changes
      .flatMap((change) =>
        change.kind === 'updated' && change.node.kind === 'asset' ? change.node.name : [],
      )
      .sort();
  };

  it('pairs by what both halves have in common, wherever they are, once both were read', async () => {
    await apply(folder('d1', 'd1'), file('IMG_1.HEIC'), file('d1/film.MOV'));
    await read('IMG_1.HEIC', { livePhotoId: ID });
    expect(await twinOf('IMG_1.HEIC')).toBeNull();
    const names = await told(() => read('d1/film.MOV', { livePhotoId: ID }));
    expect(names).toEqual(['IMG_1.HEIC', 'film.MOV']);
    expect(await twins('IMG_1.HEIC', 'd1/film.MOV')).toEqual(['d1/film.MOV', 'IMG_1.HEIC']);
    await on.catalog.close();
    await on.reopen();
    expect(await twins('IMG_1.HEIC', 'd1/film.MOV')).toEqual(['d1/film.MOV', 'IMG_1.HEIC']);
  });

  it('pairs nothing of one kind, of different ids, of another source, or of no id', async () => {
    const other = await on.catalog.writer.ensureSource('other');
    await on.catalog.writer.apply(other.id, [file('theirs.MOV')]);
    const found = { digests: {}, media: { ...UNKNOWN_MEDIA, livePhotoId: ID }, contentType: null };
    await on.catalog.writer.enrich(other.id, 'theirs.MOV', 'v-theirs.MOV', found);
    await add(['a.HEIC', ID], ['b.HEIC', ID], ['c.MOV', OTHER_ID], ['d.HEIC', null], ['e.MOV', null]);
    expect(await twins('a.HEIC', 'b.HEIC', 'c.MOV', 'd.HEIC', 'e.MOV')).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it('prefers the same folder, then the same name, then the first path; each half chooses for itself', async () => {
    await apply(folder('d1', 'd1'), folder('d2', 'd2'));
    await add(['d1/IMG_1.HEIC', ID], ['d1/IMG_E1.JPG', ID], ['d2/IMG_1.HEIC', ID]);
    await add(['d2/x.MOV', ID], ['d1/IMG_1.MOV', ID]);
    expect(await twins('d1/IMG_1.HEIC', 'd1/IMG_E1.JPG', 'd2/IMG_1.HEIC')).toEqual([
      ...['d1/IMG_1.MOV', 'd1/IMG_1.MOV', 'd2/x.MOV'],
    ]);
    expect(await twins('d1/IMG_1.MOV', 'd2/x.MOV')).toEqual(['d1/IMG_1.HEIC', 'd2/IMG_1.HEIC']);
    // The film of one folder for both, as soon as there is no other.
    expect(await told(() => on.catalog.writer.removeAt(on.sourceId, ['d2', 'x.MOV']))).toEqual([
      'IMG_1.HEIC',
    ]);
    expect(await twinOf('d2/IMG_1.HEIC')).toBe('d1/IMG_1.MOV');
  });

  it('falls back on folder and name, whatever the case, where an id is missing', async () => {
    await apply(folder('d1', 'd1'));
    await add(['IMG_1.heic', null], ['img_1.MOV', null], ['d1/IMG_2.JPG', ID], ['d1/IMG_2.mov', null]);
    expect(await twins('IMG_1.heic', 'img_1.MOV')).toEqual(['img_1.MOV', 'IMG_1.heic']);
    expect(await twins('d1/IMG_2.JPG', 'd1/IMG_2.mov')).toEqual(['d1/IMG_2.mov', 'd1/IMG_2.JPG']);
  });

  it.each([
    ['another folder', 'd1/IMG_1.MOV', {}],
    ['another name', 'IMG_10.MOV', {}],
    ['another name up to a dot', 'IMG_1.1.MOV', {}],
    ['no QuickTime', 'IMG_1.mp4', {}],
    ['a film that is too long', 'IMG_1.MOV', { durationMs: 5_001 }],
    ['another id', 'IMG_1.MOV', { livePhotoId: OTHER_ID }],
  ])('does not fall back on %s', async (_what, path, media) => {
    await apply(folder('d1', 'd1'), file('IMG_1.HEIC'), file(path));
    await read('IMG_1.HEIC', { livePhotoId: 'livePhotoId' in media ? ID : null });
    await read(path, media);
    expect(await twins('IMG_1.HEIC', path)).toEqual([null, null]);
  });

  it('does not fall back on names before both were read, nor where the source tells who is half of what', async () => {
    await apply(file('IMG_1.HEIC'), file('IMG_1.MOV', { durationMs: 3_000, livePhotoId: null }));
    await read('IMG_1.HEIC');
    expect(await twinOf('IMG_1.HEIC')).toBeNull();
    await read('IMG_1.MOV');
    expect(await twinOf('IMG_1.HEIC')).toBe('IMG_1.MOV');
    await apply(file('IMG_2.HEIC', { livePhotoId: '' }), file('IMG_2.MOV', { livePhotoId: '' }));
    for (const ref of ['IMG_2.HEIC', 'IMG_2.MOV']) await read(ref);
    expect(await twins('IMG_2.HEIC', 'IMG_2.MOV')).toEqual([null, null]);
  });

  it('takes what the source tells at once', async () => {
    const names = await told(() =>
      apply(file('a.HEIC', { livePhotoId: 'film-1' }), file('b.MOV', { livePhotoId: 'film-1' })),
    );
    expect(names).toEqual(['a.HEIC', 'b.MOV']);
    expect(await twins('a.HEIC', 'b.MOV')).toEqual(['b.MOV', 'a.HEIC']);
    expect(await told(() => apply(file('a.HEIC', { livePhotoId: '' })))).toEqual(['a.HEIC', 'b.MOV']);
    expect(await twins('a.HEIC', 'b.MOV')).toEqual([null, null]);
  });

  it('tells the other half when one is renamed, moved, changed, read again or removed', async () => {
    await apply(folder('d1', 'd1'));
    await add(['IMG_1.HEIC', null], ['IMG_1.MOV', null]);
    const movie = (path: string, version = 'v-IMG_1.MOV') => file(path, { version }, 'IMG_1.MOV');
    expect(await told(() => apply(movie('IMG_2.MOV')))).toEqual(['IMG_1.HEIC', 'IMG_2.MOV']);
    expect(await twins('IMG_1.HEIC', 'IMG_2.MOV')).toEqual([null, null]);
    expect(await told(() => apply(movie('IMG_1.MOV')))).toEqual(['IMG_1.HEIC', 'IMG_1.MOV']);
    expect(await twinOf('IMG_1.HEIC')).toBe('IMG_1.MOV');
    expect(await told(() => apply(movie('d1/IMG_1.MOV')))).toEqual(['IMG_1.HEIC', 'IMG_1.MOV']);
    expect(await twinOf('IMG_1.HEIC')).toBeNull();
    await apply(movie('IMG_1.MOV'));
    expect(await told(() => apply(movie('IMG_1.MOV', 'v2')))).toEqual(['IMG_1.HEIC', 'IMG_1.MOV']);
    expect(await twins('IMG_1.HEIC', 'IMG_1.MOV')).toEqual([null, null]);
    expect(await told(() => read('IMG_1.MOV', {}, 'v2'))).toEqual(['IMG_1.HEIC', 'IMG_1.MOV']);
    expect(await twins('IMG_1.HEIC', 'IMG_1.MOV')).toEqual(['IMG_1.MOV', 'IMG_1.HEIC']);
    expect(await told(() => on.catalog.writer.removeAt(on.sourceId, ['IMG_1.MOV']))).toEqual(['IMG_1.HEIC']);
    expect(await twinOf('IMG_1.HEIC')).toBeNull();
  });

  it('tells the other half when a complete scan does not see one any more', async () => {
    await add(['a.HEIC', ID], ['b.MOV', ID]);
    const names = await told(async () => {
      const scan = on.catalog.writer.beginScan(on.sourceId);
      await on.catalog.writer.apply(on.sourceId, [file('b.MOV')], scan);
      expect(await on.catalog.writer.sweep(scan)).toBe(1);
    });
    expect(names).toEqual(['b.MOV']);
    expect(await twinOf('b.MOV')).toBeNull();
  });

  it('keeps a pair, and its silence, while the same is told again', async () => {
    await add(['a.HEIC', ID], ['b.MOV', ID]);
    expect(await told(() => apply(file('a.HEIC'), file('b.MOV')))).toEqual([]);
    expect(await twins('a.HEIC', 'b.MOV')).toEqual(['b.MOV', 'a.HEIC']);
  });

  it('moves a folder with its pairs', async () => {
    await apply(folder('d1', 'd1'));
    await add(['d1/a.HEIC', null], ['d1/a.MOV', null]);
    const moved = (name: string): Entry => {
      const entry = file(`d1/${name}`);
      return { ...entry, facts: { ...entry.facts, ref: { id: `d1/${name}`, path: `new/${name}` } } };
    };
    await apply(folder('d1', 'new'), moved('a.HEIC'), moved('a.MOV'));
    expect(await twins('new/a.HEIC', 'new/a.MOV')).toEqual(['new/a.MOV', 'new/a.HEIC']);
  });

  it('moves a folder at once with its pairs, before what is in it was told again', async () => {
    await apply(folder('d1', 'd1'));
    await add(['d1/a.HEIC', null], ['d1/a.MOV', null], ['d1/b.HEIC', ID], ['b.MOV', ID]);
    await apply(folder('d1', 'new'));
    expect(await twins('new/a.HEIC', 'new/a.MOV', 'new/b.HEIC', 'b.MOV')).toEqual([
      ...['new/a.MOV', 'new/a.HEIC', 'b.MOV', 'new/b.HEIC'],
    ]);
  });

  it('pairs a file that has replaced another one, once it was read and the other is gone', async () => {
    await add(['a.HEIC', ID], ['b.MOV', ID]);
    const scan = on.catalog.writer.beginScan(on.sourceId);
    await on.catalog.writer.apply(on.sourceId, [file('a.HEIC', {}, 'another'), file('b.MOV')], scan);
    await read('another', { livePhotoId: ID });
    await on.catalog.writer.sweep(scan);
    expect(await twins('a.HEIC', 'b.MOV')).toEqual(['b.MOV', 'a.HEIC']);
    expect(await told(() => on.catalog.writer.removeAt(on.sourceId, ['b.MOV']))).toEqual(['a.HEIC']);
  });

  it('names the half in the same album, and tells when there is one', async () => {
    const albums = [folder('a1', 'One', null, 'free'), folder('a2', 'Two', null, 'free')];
    const at = (name: string, album: string): Entry => {
      const entry = asset(name, name, album, 'free');
      return { ...entry, anchor: album, facts: { ...entry.facts, livePhotoId: ID } };
    };
    await apply(...albums, at('a.HEIC', 'a1'), at('a.HEIC', 'a2'), at('b.MOV', 'a1'));
    expect(await twins('One/a.HEIC', 'Two/a.HEIC')).toEqual(['One/b.MOV', 'One/b.MOV']);
    expect(await told(() => apply(at('b.MOV', 'a2')))).toContain('a.HEIC');
    expect(await twins('One/a.HEIC', 'Two/a.HEIC')).toEqual(['One/b.MOV', 'Two/b.MOV']);
    expect(await told(() => on.catalog.writer.removeAt(on.sourceId, ['Two', 'b.MOV']))).toContain('a.HEIC');
    expect(await twins('One/a.HEIC', 'Two/a.HEIC')).toEqual(['One/b.MOV', 'One/b.MOV']);
  });

  it('believes no id that more than a hundred files share', async () => {
    const stills = Array.from({ length: 99 }, (_, at) => file(`${at}.HEIC`, { livePhotoId: ID }));
    await apply(...stills, file('film.MOV', { livePhotoId: ID }));
    expect(await twins('7.HEIC', 'film.MOV')).toEqual(['film.MOV', '0.HEIC']);
    const names = await told(() => apply(file('more.HEIC', { livePhotoId: ID })));
    expect(names).toHaveLength(101);
    expect(await twins('7.HEIC', 'film.MOV', 'more.HEIC')).toEqual([null, null, null]);
    await on.catalog.writer.removeAt(on.sourceId, ['more.HEIC']);
    expect(await twins('7.HEIC', 'film.MOV')).toEqual(['film.MOV', '0.HEIC']);
  });

  it.each([1, 2, 3])(
    'stays what follows from the files, whatever happens to them, and tells of it (seed %i)',
    async (seed) => {
      const random = new Random(seed);
      const pick = <T>(of: readonly T[]): T => random.oneOf(of);
      const folders = ['d1', 'd2'];
      await apply(...folders.map((name) => folder(name, name)));
      /** What is known of each file, by its ref. */
      const files = new Map<
        string,
        { path: string; version: string; isRead: boolean; livePhotoId: string | null }
      >();
      /** Of each file the path of its other half, as a client of the change feed holds it. */
      const held = new Map<string, string | null>();
      let cursor = 0;
      const follow = async () => {
        const page = await on.catalog.reader.changes(cursor, 1000);
        ({ cursor } = page);
        for (const change of page.changes) {
          if (change.kind === 'removed' || change.node.kind === 'collection') continue;
          const { asset: facts, twinId } = change.node;
          const twin = twinId === null ? null : await on.catalog.reader.node(twinId);
          held.set(facts.ref.id, twin?.kind === 'asset' ? twin.asset.ref.id : null);
        }
      };
      const freePath = (extension: string): string | null => {
        const path = `${pick(folders)}/${pick(['IMG_1', 'img_1', 'IMG_2'])}.${extension}`;
        return [...files.values()].some((other) => other.path === path) ? null : path;
      };
      for (let step = 0; step < 250; step++) {
        const ref = pick([...files.keys(), '']);
        const known = files.get(ref);
        const action = pick(['add', 'add', 'read', 'read', 'rename', 'change', 'remove']);
        if (action === 'add' || known === undefined) {
          const path = freePath(pick(['HEIC', 'JPG', 'MOV']));
          if (path === null) continue;
          const state = { path, version: `v${step}`, isRead: false, livePhotoId: null };
          files.set(`f${step}`, state);
          await apply(file(path, { version: state.version }, `f${step}`));
        } else if (action === 'read') {
          known.livePhotoId ??= known.isRead ? null : pick([null, ID, OTHER_ID]);
          known.isRead = true;
          await read(ref, { livePhotoId: known.livePhotoId }, known.version);
        } else if (action === 'remove') {
          files.delete(ref);
          await on.catalog.writer.removeAt(on.sourceId, known.path.split('/'));
        } else if (action === 'change') {
          Object.assign(known, { version: `v${step}`, isRead: false, livePhotoId: null });
          await apply(file(known.path, { version: known.version }, ref));
        } else {
          known.path = freePath(known.path.split('.')[1] ?? '') ?? known.path;
          await apply(file(known.path, { version: known.version }, ref));
        }
        await follow();
        const halves = [...files].map(([id, { path, isRead, livePhotoId }]) => {
          const { contentType } = file(path).facts;
          return { id, path, isRead, livePhotoId, contentType, durationMs: null };
        });
        const looked = halves.filter(({ isRead }) => isRead);
        for (const half of halves) {
          const expected = half.isRead ? (otherHalfOf(half, looked, looked)?.id ?? null) : null;
          expect(held.get(half.id), `${half.path} after ${action} in step ${step}`).toBe(expected);
        }
      }
    },
  );

  it('leaves no trace of a batch that failed', async () => {
    await add(['a.HEIC', ID]);
    const bad = file('nowhere/b.JPG');
    await expect(apply(file('b.MOV', { livePhotoId: ID }), bad)).rejects.toMatchObject({
      code: 'parent-missing',
    });
    expect(await told(() => apply(file('c.JPG')))).toEqual(['c.JPG']);
    expect(await twinOf('a.HEIC')).toBeNull();
  });
}
