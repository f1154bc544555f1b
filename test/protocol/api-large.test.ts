import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AssetEntry } from '../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';

const ASSETS = 100_000;
const BATCH = 1_000;
const MB = 1024 * 1024;

let work: string;
let server: MediadavProcess;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-large-'));
  const [photos, dataDir] = [join(work, 'photos'), join(work, 'data')];
  // Empty on disk: that counts as an outage, so the catalog keeps what it holds.
  await mkdir(photos);
  const catalog = openSqliteCatalog(join(dataDir, 'catalog.db'), 'windows');
  const { id } = await catalog.writer.ensureSource('photos');
  for (let from = 0; from < ASSETS; from += BATCH) {
    await catalog.writer.apply(
      id,
      Array.from({ length: BATCH }, (_, at) => entryOf(from + at)),
    );
  }
  await catalog.close();
  server = await startProcess({ args: [photos], dataDir });
});
afterAll(async () => {
  await server?.stop();
  await rm(work, { recursive: true, force: true });
});

it.each(['/list', '/api/v1/changes'])(
  '%s begins at once and is streamed at the speed of the reader',
  async (path) => {
    // What is compiled and cached once is not what an answer costs.
    await read(path, { afterBytes: Number.POSITIVE_INFINITY, pauseMs: 0 });
    const before = await residentBytes();
    const { firstByteMs, bytes, peakBytes } = await read(path, { afterBytes: MB, pauseMs: 1_000 });
    expect(bytes).toBeGreaterThan(ASSETS * 400);
    expect(firstByteMs).toBeLessThan(1_000);
    expect(peakBytes - before).toBeLessThan(80 * MB);
  },
);

it('answers others meanwhile', async () => {
  const reading = read('/list', { afterBytes: Number.POSITIVE_INFINITY, pauseMs: 0 });
  const slowest = { ms: 0 };
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const startedMs = performance.now();
      await (await fetch(`${server.url}/api/v1/cursor`)).arrayBuffer();
      slowest.ms = Math.max(slowest.ms, performance.now() - startedMs);
    }
  })();
  await reading;
  isOver = true;
  await asking;
  expect(slowest.ms).toBeLessThan(500);
});

/** Reads an answer, and looks away for a while after so many bytes. */
function read(
  path: string,
  { afterBytes, pauseMs }: { readonly afterBytes: number; readonly pauseMs: number },
): Promise<{ firstByteMs: number; bytes: number; peakBytes: number }> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    let [bytes, firstByteMs, peakBytes] = [0, 0, 0];
    let hasPaused = false;
    const watch = setInterval(async () => {
      peakBytes = Math.max(peakBytes, await residentBytes());
    }, 50);
    request(`${server.url}${path}`, (answer) => {
      answer.on('data', (chunk: Buffer) => {
        if (bytes === 0) firstByteMs = performance.now() - startedMs;
        bytes += chunk.length;
        if (hasPaused || bytes < afterBytes) return;
        hasPaused = true;
        answer.pause();
        void sleep(pauseMs).then(() => answer.resume());
      });
      answer.on('end', () => {
        clearInterval(watch);
        resolve({ firstByteMs, bytes, peakBytes });
      });
      answer.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}

function entryOf(at: number): AssetEntry {
  const name = `IMG_${String(at).padStart(6, '0')}.jpg`;
  const digest = (algorithm: string): string => createHash(algorithm).update(name).digest('hex');
  const facts = {
    ...UNKNOWN_MEDIA,
    ...{ ref: { id: name, path: name }, version: `v${at}`, sizeBytes: at, contentType: 'image/jpeg' },
    ...{ kind: 'image' as const, modifiedMs: 1_700_000_000_000 + at, createdMs: null, statusChangedMs: null },
    digests: { sha256: digest('sha256'), sha1: digest('sha1'), md5: digest('md5') },
  };
  return { kind: 'asset', facts, collection: null, anchor: null, name, naming: 'disk' };
}
