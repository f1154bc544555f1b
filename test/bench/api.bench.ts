import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '../../src/catalog/catalog.ts';
import { MIGRATIONS } from '../../src/catalog/sqlite/schema.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { compare, median, timed } from './measure.ts';
import type { Result } from './result.ts';
import { startServer } from './server.ts';

/** With its files a thousand nodes a folder. */
const FILES_EACH = 999;
/** So many assets have digests, and so are in `/list`. */
const LISTED = 100_000;
const PAGE = 1_000;
/** Peaks of memory are looked for this often. */
const LOOK_MS = 20;

/** The change feed over a million nodes and `/list` of a hundred thousand assets, of a server in its own process. */
export async function benchApi({ isQuick }: { readonly isQuick: boolean }): Promise<Result[]> {
  const folders = isQuick ? 200 : 1_000;
  const nodes = `${(folders * (FILES_EACH + 1)).toLocaleString('en')} nodes`;
  const home = await preparedHome(folders);
  const server = await startServer(home);
  try {
    const head = (await server.json<{ cursor: number }>('/api/v1/cursor')).cursor;
    const page = (cursor: number) => server.read(`/api/v1/changes?max_size=${PAGE}&cursor=${cursor}`);
    const flat = await compare(
      `/changes: the last page of 1,000 among ${nodes}`,
      () => page(head - PAGE),
      { name: 'the first page', run: () => page(0), atMost: 1.5 },
      25,
    );
    const pagesMs: number[] = [];
    for (let cursor = 0; cursor < head; cursor += Math.floor(head / 200)) {
      pagesMs.push(await timed(() => page(cursor)));
    }
    const everything = await compare(
      `/changes: all ${nodes} as one answer`,
      () => server.read('/api/v1/changes'),
      {
        name: 'the same, compressed',
        run: () => server.read('/api/v1/changes', { 'Accept-Encoding': 'gzip' }),
      },
      1,
    );
    const afterFeedMb = await server.residentMb();

    const before = await server.residentMb();
    let peakMb = before;
    const watch = setInterval(async () => {
      peakMb = Math.max(peakMb, await server.residentMb());
    }, LOOK_MS);
    const lists = [];
    for (let round = 0; round < 5; round++) lists.push(await server.read('/list'));
    clearInterval(watch);
    return [
      ...[flat, everything],
      {
        name: '/changes: page of 1,000, median over the log',
        value: median(pagesMs),
        atMost: 15,
        unit: 'ms',
      },
      {
        name: `memory of the process with ${nodes}, after all of that`,
        value: afterFeedMb,
        atMost: 400,
        unit: 'MB',
      },
      {
        name: '/list of 100,000 assets: first byte, slowest of five',
        ...{ value: Math.max(...lists.map(({ firstByteMs }) => firstByteMs)), atMost: 100, unit: 'ms' },
      },
      { name: '/list of 100,000 assets: growth of memory', value: peakMb - before, atMost: 50, unit: 'MB' },
      {
        name: '/list of 100,000 assets: all of it',
        ...{ value: median(lists.map(({ totalMs }) => totalMs)), atMost: 10_000, unit: 'ms' },
      },
    ];
  } finally {
    await server.stop();
  }
}

/** A folder with a catalog of a million nodes; made once for each schema and kept for the next run. */
async function preparedHome(folders: number): Promise<string> {
  const home = join(tmpdir(), `mediadav-bench-api-${MIGRATIONS.length}-${folders}`);
  if (existsSync(home)) return home;
  const draft = `${home}.draft`;
  await rm(draft, { recursive: true, force: true });
  // Empty on disk: that counts as an outage, so the catalog keeps what it holds.
  await mkdir(join(draft, 'photos'), { recursive: true });
  const catalog = openSqliteCatalog(join(draft, 'data', 'catalog.db'), 'windows');
  const { id } = await catalog.writer.ensureSource('photos');
  for (let folder = 0; folder < folders; folder++) {
    const ref = `d${folder}`;
    const entries: Entry[] = [
      {
        ...{
          kind: 'collection',
          ref,
          parent: null,
          name: `folder ${folder}`,
          naming: 'disk',
          isVirtual: false,
        },
        ...{ modifiedMs: 1_700_000_000_000, createdMs: null },
      },
    ];
    for (let file = 0; file < FILES_EACH; file++) entries.push(fileEntry(ref, folder * FILES_EACH + file));
    await catalog.writer.apply(id, entries);
  }
  await catalog.writer.completeScan(id, Date.now());
  await catalog.close();
  await rename(draft, home);
  return home;
}

function fileEntry(collection: string, at: number): Entry {
  const name = `IMG_${String(at).padStart(7, '0')}.jpg`;
  const digest = (algorithm: string): string => createHash(algorithm).update(name).digest('hex');
  const facts = {
    ...UNKNOWN_MEDIA,
    ...{ ref: { id: name, path: `${collection}/${name}` }, version: `v${at}`, sizeBytes: at + 1 },
    ...{ contentType: 'image/jpeg', kind: 'image' as const, width: 4000, height: 3000 },
    ...{ modifiedMs: 1_700_000_000_000 + at, createdMs: null, statusChangedMs: 1_700_000_000_000 + at },
    digests: at < LISTED ? { sha256: digest('sha256'), sha1: digest('sha1'), md5: digest('md5') } : {},
  };
  return { kind: 'asset', facts, collection, anchor: null, name, naming: 'disk' };
}
