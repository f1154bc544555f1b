import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Entry } from '../../src/catalog/catalog.ts';
import { MIGRATIONS } from '../../src/catalog/sqlite/schema.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { type Comparison, compare, median, timed } from './measure.ts';

const FOLDERS = 1_000;
const FILES_EACH = 999;
/** Of them so many have digests, and so are in `/list`. */
const LISTED = 100_000;
const PAGE = 1_000;
const MB = 1024 * 1024;
const START = resolve(dirname(fileURLToPath(import.meta.url)), '../../src/start.js');

/** Something measured that has a limit instead of a peer. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
  readonly unit: 'ms' | 'MB' | 'requests';
}

export interface ApiFigures {
  readonly comparisons: readonly Comparison[];
  readonly figures: readonly Figure[];
}

/** The change feed over a million nodes and `/list` of a hundred thousand assets, of a server in its own process. */
export async function benchApi(): Promise<ApiFigures> {
  const home = await preparedHome();
  const server = await startServer(home);
  try {
    const head = (await server.json<{ cursor: number }>('/api/v1/cursor')).cursor;
    const page = (cursor: number) => server.read(`/api/v1/changes?max_size=${PAGE}&cursor=${cursor}`);
    const flat = await compare(
      '/changes: the last page of 1,000 among 1,000,000 nodes',
      () => page(head - PAGE),
      { name: 'the first page', run: () => page(0) },
      25,
    );
    const pagesMs: number[] = [];
    for (let cursor = 0; cursor < head; cursor += Math.floor(head / 200)) {
      pagesMs.push(await timed(() => page(cursor)));
    }
    const everything = await compare(
      '/changes: all 1,000,000 nodes as one answer',
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
    }, 20);
    const lists = [];
    for (let round = 0; round < 5; round++) lists.push(await server.read('/list'));
    clearInterval(watch);
    const figures: Figure[] = [
      {
        name: '/changes: page of 1,000, median over the log',
        value: median(pagesMs),
        atMost: 15,
        unit: 'ms',
      },
      { name: 'memory of the process with 1,000,000 nodes', value: afterFeedMb, atMost: 400, unit: 'MB' },
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
    return { comparisons: [flat, everything], figures };
  } finally {
    await server.stop();
  }
}

/** The figures as a table for people. */
export function figuresText(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, atMost, unit }) => [
    name,
    `${value.toFixed(1)} ${unit}`,
    `at most ${atMost} ${unit}`,
    value <= atMost ? 'kept' : 'MISSED',
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

/** A folder with a catalog of a million nodes; made once for each schema and kept for the next run. */
async function preparedHome(): Promise<string> {
  const home = join(tmpdir(), `mediadav-bench-api-${MIGRATIONS.length}`);
  if (existsSync(home)) return home;
  const draft = `${home}.draft`;
  await rm(draft, { recursive: true, force: true });
  // Empty on disk: that counts as an outage, so the catalog keeps what it holds.
  await mkdir(join(draft, 'photos'), { recursive: true });
  const catalog = openSqliteCatalog(join(draft, 'data', 'catalog.db'), 'windows');
  const { id } = await catalog.writer.ensureSource('photos');
  for (let folder = 0; folder < FOLDERS; folder++) {
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

interface Reading {
  readonly firstByteMs: number;
  readonly totalMs: number;
}

interface Server {
  json<T>(path: string): Promise<T>;
  read(path: string, headers?: Record<string, string>): Promise<Reading>;
  residentMb(): Promise<number>;
  stop(): Promise<void>;
}

async function startServer(home: string): Promise<Server> {
  const env = {
    ...{ PATH: process.env.PATH, HOME: home, DATA_DIR: join(home, 'data'), PORT: '0', WEBDAV_PORT: 'off' },
    LOG_FORMAT: 'json',
  };
  const args = [START, 'serve', join(home, 'photos')];
  const child = spawn(process.execPath, args, { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const url = await new Promise<string>((resolveUrl, reject) => {
    child.once('exit', (code) => reject(new Error(`mediadav ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = line.startsWith('{') ? (JSON.parse(line) as { message: string; url: string }) : null;
      if (entry?.message === 'listening') resolveUrl(entry.url);
    });
  });
  return {
    json: (path) =>
      new Promise((resolveJson, reject) => {
        const asked = httpRequest(url + path, (answer) => resolveJson(json(answer) as never));
        asked.on('error', reject).end();
      }),
    read: (path, headers = {}) => readTimed(url + path, headers),
    async residentMb() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / MB;
    },
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function readTimed(url: string, headers: Record<string, string>): Promise<Reading> {
  return new Promise((resolveReading, reject) => {
    const startedMs = performance.now();
    let firstByteMs = 0;
    const asked = httpRequest(url, { headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} was answered ${answer.statusCode}`));
      answer.once('data', () => {
        firstByteMs = performance.now() - startedMs;
      });
      answer.on('end', () => resolveReading({ firstByteMs, totalMs: performance.now() - startedMs }));
      answer.on('error', reject);
      answer.resume();
    });
    asked.on('error', reject).end();
  });
}
