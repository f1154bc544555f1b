import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '../../src/catalog/catalog.ts';
import { MIGRATIONS } from '../../src/catalog/sqlite/schema.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import type { Aim } from './contest.ts';
import { median } from './measure.ts';
import { FOUR_PROPERTIES, propfindTimed } from './mount-listing.bench.ts';
import { photoName } from './mount-servers.ts';
import { startMediadav } from './peers/mediadav.ts';

const FOLDERS = { ten: 10_000, hundred: 100_000 } as const;
const ROUNDS = 5;
const BATCH = 1_000;
const MB = 1024 * 1024;
const SOURCE = 'photos';

/** A folder of 100,000 files beside one of 10,000: is the time proportional, and does memory stay where it was? */
export async function benchMountLarge(): Promise<Aim[]> {
  const home = await preparedHome();
  const server = await startMediadav(join(home, SOURCE), home);
  try {
    const list = (folder: keyof typeof FOLDERS) => propfindTimed(`${server.url}/${folder}/`, FOUR_PROPERTIES);
    for (let round = 0; round < 3; round++) await list('ten');
    const beforeBytes = await server.residentBytes();
    let peakBytes = beforeBytes;
    let isOver = false;
    const watch = (async () => {
      while (!isOver) {
        peakBytes = Math.max(peakBytes, await server.residentBytes());
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    const growths: number[] = [];
    const firstBytesMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const ten = await list('ten');
      const hundred = await list('hundred');
      growths.push(hundred.totalMs / ten.totalMs / (FOLDERS.hundred / FOLDERS.ten));
      firstBytesMs.push(hundred.firstByteMs);
    }
    isOver = true;
    await watch;
    const aim = (text: string, value: number, limit: number, unit: Aim['unit']): Aim => ({
      ...{ text, value, limit, isAtMost: true, unit },
    });
    return [
      aim('100,000 files: time of each, against 10,000 files', median(growths), 1.3, '×'),
      aim('100,000 files: first byte, slowest', Math.max(...firstBytesMs), 50, 'ms'),
      aim('100,000 files: growth of memory', (peakBytes - beforeBytes) / MB, 60, 'MB'),
    ];
  } finally {
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
