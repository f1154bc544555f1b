import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Catalog, Entry } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { type AssetFacts, UNKNOWN_MEDIA } from '../../../src/model/asset.ts';

const ROUNDS = 150;
const FOLDERS = ['f1', 'f2'];
const FILES = ['1', '2', '3', '4', '5', '6', '7', '8'];
/** Some are shown otherwise than stored; two sort differently by bytes and by code units. */
const NAMES = [
  'a.jpg',
  'A.jpg',
  'b?.jpg',
  'b？.jpg',
  'con.jpg',
  '\u{1f600}.jpg',
  '\uff01.jpg',
  'é.jpg',
  'z.jpg',
];

let folder: string;
let catalog: Catalog;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-batch-'));
  catalog = openSqliteCatalog(join(folder, 'catalog.db'), 'windows');
});
afterAll(async () => {
  await catalog.close();
  await rm(folder, { recursive: true, force: true });
});

/** The same numbers each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** A disk after anything has happened to it: files moved, swapped names, were written to, came and went. */
function listing(roll: (sides: number) => number): Entry[] {
  const entries: Entry[] = [];
  const left = [...FILES];
  for (const ref of FOLDERS) {
    const naming = 'disk';
    entries.push({
      ...{ kind: 'collection', ref, parent: null, name: ref, naming, isVirtual: false },
      ...{ modifiedMs: roll(2), createdMs: null },
    });
    for (const name of NAMES.toSorted()) {
      const id = roll(2) === 0 ? left.splice(roll(left.length), 1)[0] : undefined;
      if (id === undefined) continue;
      const changes = roll(4) === 0 ? 1 : 0;
      const facts = {
        ...UNKNOWN_MEDIA,
        ...{ ref: { id, path: `${ref}/${name}` }, version: `v${changes}`, sizeBytes: 10 + changes },
        ...{ contentType: 'image/jpeg', kind: 'image' as const, digests: {} },
        ...{ modifiedMs: changes, createdMs: null, statusChangedMs: roll(8) === 0 ? 1 : 0 },
      };
      entries.push({ kind: 'asset', facts, collection: ref, anchor: null, name, naming });
    }
  }
  return entries;
}

async function scan(entries: readonly Entry[]): Promise<void> {
  const { writer } = catalog;
  const { id } = await writer.ensureSource('photos');
  const marks = writer.beginScan(id);
  await writer.apply(id, entries, marks);
  await writer.sweep(marks);
}

/** Paths by the source's own names, each with what is known of the file. */
async function held(): Promise<string[]> {
  const { reader } = catalog;
  const { rootId = 0 } = (await reader.source('photos')) ?? {};
  const found: string[] = [];
  for (const { id: folderId, storedName } of (await reader.children(rootId, { limit: 100 })).entries) {
    for (const node of (await reader.children(folderId, { limit: 100 })).entries) {
      if (node.kind === 'asset') found.push(lineOf(`${storedName}/${node.storedName}`, node.asset));
    }
  }
  return found.sort();
}

function told(entries: readonly Entry[]): string[] {
  return entries
    .flatMap((entry) => (entry.kind === 'asset' ? [lineOf(entry.facts.ref.path, entry.facts)] : []))
    .sort();
}

function lineOf(path: string, facts: AssetFacts): string {
  const { ref, version, sizeBytes, modifiedMs, statusChangedMs } = facts;
  return [path, ref.path, ref.id, version, sizeBytes, modifiedMs, statusChangedMs].join(' | ');
}

it('a scan leaves what it was told, whatever has moved, changed or swapped names before it', async () => {
  const roll = dice(20_261_120);
  for (let round = 0; round < ROUNDS; round++) {
    const entries = listing(roll);
    await scan(entries);
    expect(await held(), `round ${round}`).toEqual(told(entries));
    const { assetCount, sizeBytes } = (await catalog.reader.source('photos')) ?? {};
    expect(assetCount).toBe(told(entries).length);
    expect(sizeBytes).toBe(
      entries.reduce((sum, entry) => sum + (entry.kind === 'asset' ? entry.facts.sizeBytes : 0), 0),
    );
  }
});

it('the same listing again changes nothing', async () => {
  const entries = listing(dice(7));
  await scan(entries);
  const head = await catalog.reader.headSeq();
  await scan(entries);
  expect(await catalog.reader.headSeq()).toBe(head);
  expect(await held()).toEqual(told(entries));
});
