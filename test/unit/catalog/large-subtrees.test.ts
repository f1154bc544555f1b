import { copyFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AssetEntry, Catalog, CatalogReader } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { asset, folder } from '../../conformance/catalog-entries.ts';

const FOLDERS = 20;
const FILES_EACH = 150;
/** With those in the folder, and the folder itself. */
const NODES = FOLDERS * (FILES_EACH + 1) + 1;

let home: string;
let catalog: Catalog;
let sourceId: number;
let rootId: number;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mediadav-large-'));
  catalog = openSqliteCatalog(join(home, 'catalog.db'), 'windows');
  ({ id: sourceId, rootId } = await catalog.writer.ensureSource('photos'));
  await catalog.writer.apply(sourceId, [folder('big', 'big'), folder('other', 'other')]);
  for (let at = 0; at < FOLDERS; at += 1) {
    const files = Array.from({ length: FILES_EACH }, (_, file) => photo(`big/folder ${at}`, at, file));
    await catalog.writer.apply(sourceId, [folder(`d${at}`, `folder ${at}`, 'big'), ...files]);
  }
});
afterEach(async () => {
  await catalog.close();
  await rm(home, { recursive: true, force: true });
});

function photo(path: string, at: number, file: number): AssetEntry {
  const entry = asset(`f${at}-${file}`, `${file}.jpg`, `d${at}`);
  return { ...entry, facts: { ...entry.facts, ref: { id: `f${at}-${file}`, path: `${path}/${file}.jpg` } } };
}

const move = () => catalog.writer.apply(sourceId, [folder('big', 'moved', 'other')]);

/** What a reader sees: where the folder is, what is in it, and where the first and the last of its files are. */
async function seen(reader: CatalogReader, head: number) {
  const other = await reader.child(rootId, 'other');
  const top = (await reader.child(rootId, 'big')) ?? (await reader.child(other?.id ?? 0, 'moved'));
  const members = top === null ? 0 : (await reader.children(top.id, { limit: 1000 })).entries.length;
  const path = async (refId: string) => (await reader.asset(sourceId, refId))?.ref.path ?? null;
  const paths = [await path('f0-0'), await path(`f${FOLDERS - 1}-${FILES_EACH - 1}`)];
  const { changes } = await reader.changes(head, 2 * NODES);
  const told = changes.filter((change) => change.kind === 'removed' || change.node.parentId !== null).length;
  return { name: top?.name ?? null, members, paths, told };
}

/** What a reader sees in each turn of the event loop until the work is done, without what is the same. */
async function seenWhile(work: () => Promise<unknown>): Promise<{ turns: number; states: unknown[] }> {
  const head = await catalog.reader.headSeq();
  const states = [await seen(catalog.reader, head)];
  let isDone = false;
  const working = work().finally(() => {
    isDone = true;
  });
  let turns = 0;
  for (; !isDone; turns += 1) {
    states.push(await seen(catalog.reader, head));
    await nextTurn();
  }
  await working;
  states.push(await seen(catalog.reader, head));
  const texts = states.map((state) => JSON.stringify(state));
  return { turns, states: states.filter((_, at) => texts[at] !== texts[at - 1]) };
}

const last = `folder ${FOLDERS - 1}/${FILES_EACH - 1}.jpg`;
const BEFORE = {
  ...{ name: 'big', members: FOLDERS, told: 0 },
  paths: ['big/folder 0/0.jpg', `big/${last}`],
};
const AFTER = {
  // With the folder that it came into.
  ...{ name: 'moved', members: FOLDERS, told: NODES },
  paths: ['other/moved/folder 0/0.jpg', `other/moved/${last}`],
};

describe('a large folder', () => {
  it('that is moved lets others have turns, and they see it before or after, never in between', async () => {
    const { turns, states } = await seenWhile(move);
    expect(turns).toBeGreaterThan(3);
    expect(states).toEqual([BEFORE, AFTER]);
  });

  it('that is removed does as well, with all that is in it', async () => {
    const { turns, states } = await seenWhile(() => catalog.writer.removeAt(sourceId, ['big']));
    expect(turns).toBeGreaterThan(3);
    expect(states).toEqual([BEFORE, { name: null, members: 0, paths: [null, null], told: NODES }]);
    expect(await catalog.reader.source('photos')).toMatchObject({ assetCount: 0, collectionCount: 1 });
  });

  it('is where it was when the server dies in the middle', async () => {
    await mkdir(join(home, 'left'));
    const moving = move();
    await nextTurn();
    await nextTurn();
    // The files as the process would leave them.
    for (const name of ['catalog.db', 'catalog.db-wal']) {
      copyFileSync(join(home, name), join(home, 'left', name));
    }
    expect(await seen(catalog.reader, await catalog.reader.headSeq())).toEqual(BEFORE);
    const left = openSqliteCatalog(join(home, 'left', 'catalog.db'), 'windows');
    expect(await seen(left.reader, await left.reader.headSeq())).toEqual(BEFORE);
    await left.close();
    await moving;
  });

  it('stays where it is when that fails in the middle, and what others write meanwhile stays as well', async () => {
    const outside = new DatabaseSync(join(home, 'catalog.db'));
    outside.exec(`CREATE TRIGGER broken BEFORE UPDATE OF path ON asset WHEN new.path LIKE '%moved/${last}'
      BEGIN SELECT raise(ABORT, 'no'); END`);
    outside.close();
    const failed = expect(move()).rejects.toThrow('no');
    await nextTurn();
    const others = [
      catalog.writer.apply(sourceId, [folder('new', 'new')]),
      catalog.properties.update(rootId, [{ namespace: 'x:', local: 'a', xml: '<a/>' }]),
    ];
    await failed;
    await Promise.all(others);
    expect(await seen(catalog.reader, await catalog.reader.headSeq())).toEqual(BEFORE);
    expect(await catalog.reader.child(rootId, 'new')).not.toBeNull();
    expect((await catalog.properties.of([rootId])).size).toBe(1);
  });

  it('that is moved has its lock taken, its properties set and more told of it meanwhile', async () => {
    const moving = move();
    await nextTurn();
    const lock = { token: 't', path: '/a', depth: '0', scope: 'exclusive', owner: '', user: null } as const;
    const others = [
      catalog.locks.take({ ...lock, expiresMs: 2 }, 1),
      catalog.properties.update(rootId, [{ namespace: 'x:', local: 'a', xml: '<a/>' }]),
      catalog.writer.apply(sourceId, [folder('new', 'new', 'big')]),
    ];
    // Asked for before the move is over.
    expect(await catalog.locks.covering('/a', 1)).toEqual([]);
    await moving;
    await Promise.all(others);
    expect(await catalog.locks.covering('/a', 1)).toHaveLength(1);
    expect((await catalog.properties.of([rootId])).get(rootId)).toHaveLength(1);
    const { name, members } = await seen(catalog.reader, 0);
    expect({ name, members }).toEqual({ name: 'moved', members: FOLDERS + 1 });
  });

  it('is moved as a whole before the catalog is closed', async () => {
    const moving = move();
    await nextTurn();
    await catalog.close();
    await moving;
    catalog = openSqliteCatalog(join(home, 'catalog.db'), 'windows');
    const { name, paths } = await seen(catalog.reader, 0);
    expect({ name, paths }).toEqual({ name: AFTER.name, paths: AFTER.paths });
  });
});
