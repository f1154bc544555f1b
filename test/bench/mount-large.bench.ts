import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entry } from '../../src/catalog/catalog.ts';
import { MIGRATIONS } from '../../src/catalog/sqlite/schema.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { median } from './measure.ts';
import { FOUR_PROPERTIES, propfindTimed } from './mount-listing.bench.ts';
import { photoName } from './mount-servers.ts';
import { startMediadav } from './peers/mediadav.ts';
import type { Result } from './result.ts';

const FOLDERS = { ten: 10_000, hundred: 100_000 } as const;
const ROUNDS = 5;
const BATCH = 1_000;
const MB = 1024 * 1024;
const SOURCE = 'photos';

/** A folder of 100,000 files beside one of 10,000: is the time proportional, and does memory stay where it was? */
export async function benchMountLarge({ isQuick }: { readonly isQuick: boolean }): Promise<Result[]> {
  const home = await preparedHome();
  const server = await startMediadav(join(home, SOURCE), home);
  let isOver = false;
  let watch = Promise.resolve();
  try {
    let asked = 0;
    const list = (folder: keyof typeof FOLDERS) => {
      asked += 1;
      // Never asked for before: what is kept of the small folder would be compared with what is read of the large one.
      const body = FOUR_PROPERTIES.replace('</D:prop>', `<n${asked} xmlns="urn:n"/></D:prop>`);
      return propfindTimed(`${server.url}/${folder}/`, body);
    };
    for (let round = 0; round < 3; round++) await list('ten');
    const beforeBytes = await server.residentBytes();
    let peakBytes = beforeBytes;
    watch = (async () => {
      while (!isOver) {
        peakBytes = Math.max(peakBytes, await server.residentBytes());
        await sleep(10);
      }
    })();
    const oursMs: number[] = [];
    const peersMs: number[] = [];
    const firstBytesMs: number[] = [];
    for (let round = 0; round < (isQuick ? 2 : ROUNDS); round++) {
      peersMs.push((await list('ten')).totalMs);
      const hundred = await list('hundred');
      oursMs.push(hundred.totalMs / (FOLDERS.hundred / FOLDERS.ten));
      firstBytesMs.push(hundred.firstByteMs);
    }
    isOver = true;
    await watch;
    const name = 'PROPFIND of 100,000 files';
    const ratio = median(oursMs.map((ms, round) => ms / (peersMs[round] ?? Number.NaN)));
    const peer = '10,000 files';
    const grownMb = (peakBytes - beforeBytes) / MB;
    return [
      { name: `${name}: time of each 10,000`, peer, oursMs, peersMs, ratio, atMost: 1.3 },
      { name: `${name}: first byte, slowest`, value: Math.max(...firstBytesMs), atMost: 50, unit: 'ms' },
      { name: `${name}: growth of memory`, value: grownMb, atMost: 60, unit: 'MB' },
    ];
  } finally {
    isOver = true;
    await watch;
    await server.stop();
  }
}

/** A catalog with the two folders; made once for each schema and kept for the next run. */
async function preparedHome(): Promise<string> {
  const home = join(tmpdir(), `mediadav-bench-large-${MIGRATIONS.length}`);
  if (existsSync(home)) return home;
  const draft = `${home}.draft`;
  await rm(draft, { recursive: true, force: true });
  // Empty on disk: that counts as an outage, so the catalog keeps what it holds.
  await mkdir(join(draft, SOURCE), { recursive: true });
  const catalog = openSqliteCatalog(join(draft, 'data', 'catalog.db'), 'windows');
  const { id } = await catalog.writer.ensureSource(SOURCE);
  for (const [folder, files] of Object.entries(FOLDERS)) {
    const times = { modifiedMs: 1_700_000_000_000, createdMs: null };
    const collection = { kind: 'collection', ref: folder, parent: null, name: folder } as const;
    await catalog.writer.apply(id, [{ ...collection, naming: 'disk', isVirtual: false, ...times }]);
    for (let from = 0; from < files; from += BATCH) {
      await catalog.writer.apply(
        id,
        Array.from({ length: BATCH }, (_, index) => fileEntry(folder, from + index)),
      );
    }
  }
  await catalog.writer.completeScan(id, Date.now());
  await catalog.close();
  await rename(draft, home);
  return home;
}

function fileEntry(collection: string, at: number): Entry {
  const name = photoName(at);
  const facts = {
    ...UNKNOWN_MEDIA,
    ...{ ref: { id: `${collection}-${at}`, path: `${collection}/${name}` }, version: `v${at}` },
    ...{ sizeBytes: at + 1, contentType: 'image/jpeg', kind: 'image' as const, digests: {} },
    ...{ modifiedMs: 1_700_000_000_000 + at, createdMs: null, statusChangedMs: null },
  };
  return { kind: 'asset', facts, collection, anchor: null, name, naming: 'disk' };
}
