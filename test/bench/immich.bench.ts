import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import axios from 'axios';
import type { Version } from '../fakes/immich/versions.ts';
import type { Reading } from './immich-reader.ts';
import { compare } from './measure.ts';
import type { Comparison, Figure, Result } from './result.ts';

const run = promisify(execFile);
const HERE = dirname(fileURLToPath(import.meta.url));
const KEY = 'bench';
/** One album of so many photos: 124 MB as one answer of Immich 2.7. */
const LARGE_ALBUM = 100_000;
const ROUNDS = 25;
/** One for each round and the first that only warms up, as each can be read for the first time only once. */
const PHOTOS = 30;
/** Albums, and a folder of this machine. */
const SOURCES = 2;

/** Reading and refreshing a large library, and photos through mediadav against axios straight to the server. */
export async function benchImmich({ isQuick }: { readonly isQuick: boolean }): Promise<Result[]> {
  const photos = isQuick ? LARGE_ALBUM / 10 : LARGE_ALBUM;
  const albums = photos / 100;
  const large = await readFrom('2.7.5', 1, photos);
  const many = await readFrom('3.1.0', albums, 100);
  const figures: Figure[] = [
    {
      ...{ name: `memory for the first read of an album of ${photos} photos`, unit: 'MB' },
      ...{ value: large.growthMb, atMost: 150 },
    },
    {
      ...{ name: 'longest turn of the event loop while it is read', unit: 'ms' },
      ...{ value: large.stallMs, atMost: 20 },
    },
    {
      ...{ name: `CPU time of an unchanged refresh of ${albums} albums with ${photos} photos`, unit: 'ms' },
      ...{ value: many.refreshCpuMs, atMost: 50 },
    },
    {
      ...{ name: 'requests of that refresh', unit: 'requests' },
      ...{ value: many.refreshRequests, atMost: 2 },
    },
  ];
  return [...figures, ...(await benchGet())];
}

async function readFrom(version: Version, albums: number, photosEach: number): Promise<Reading> {
  const server = await startServer(version, albums, photosEach);
  try {
    const reader = join(HERE, 'immich-reader.ts');
    const { stdout } = await run(process.execPath, [reader, server.url], { maxBuffer: 1024 * 1024 });
    return JSON.parse(stdout) as Reading;
  } finally {
    server.stop();
  }
}

/** Photos of 4 MB through mediadav: not there yet, never read before, and there. */
async function benchGet(): Promise<Comparison[]> {
  const server = await startServer('3.1.0', 1, PHOTOS);
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-immich-'));
  const photos = join(home, 'photos');
  await mkdir(photos);
  const env = {
    ...{ IMMICH_URL: server.url, IMMICH_API_KEY: KEY, FLATTEN_ASSET_STRUCTURE: 'true' },
    ...{ LOCAL_PATHS: `photos=${photos}`, PORT: '0', WEBDAV_PORT: '0', LOG_FORMAT: 'json' },
  };
  const start = (cacheMaxBytes: string) =>
    startMediadav({ ...env, CACHE_MAX_BYTES: cacheMaxBytes, DATA_DIR: join(home, cacheMaxBytes) }, home);
  try {
    const original = await originalUrl(server.url);
    await writeFile(join(photos, 'local.jpg'), await buffer(await openPhoto(original)));
    const peer = { name: 'axios straight to Immich', run: () => readPhoto(original) };

    // Two photos in turn, of which the cache holds one at a time: each is fetched anew, and was read before.
    const small = await start('5MiB');
    const photo = (app: Mediadav, at: number) => `${app.webdavUrl}/immich/Album%200/IMG_0_${at}.jpg`;
    let uncached: Comparison;
    try {
      await readPhoto(photo(small, 0));
      await readPhoto(photo(small, 1));
      let turn = 0;
      const readNext = () => readPhoto(photo(small, turn++ % 2));
      uncached = await compare('uncached GET of a 4 MB photo', readNext, { ...peer, atMost: 1.25 }, ROUNDS);
    } finally {
      small.stop();
    }

    const app = await start('10GiB');
    try {
      let next = 0;
      const readNew = () => readPhoto(photo(app, next++));
      const first = await compare('first GET of it, which works out its digests', readNew, peer, ROUNDS);
      const cached = await compare(
        'GET of a 4 MB photo from the cache',
        () => readPhoto(photo(app, 0)),
        {
          name: 'the same as a local file',
          run: () => readPhoto(`${app.webdavUrl}/photos/local.jpg`),
          atMost: 1.25,
        },
        4 * ROUNDS,
      );
      return [uncached, first, cached];
    } finally {
      app.stop();
    }
  } finally {
    server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

const httpAgent = new Agent({ keepAlive: true });
const headers = { 'x-api-key': KEY };

/** Of the first photo, at Immich itself. */
async function originalUrl(url: string): Promise<string> {
  const albums = await axios.get<{ id: string }[]>(`${url}/api/albums`, { headers });
  const albumIds = [albums.data[0]?.id];
  const found = await axios.post(`${url}/api/search/metadata`, { albumIds }, { headers });
  return `${url}/api/assets/${found.data.assets.items[0].id}/original`;
}

async function openPhoto(url: string): Promise<Readable> {
  return (await axios.get<Readable>(url, { headers, httpAgent, responseType: 'stream' })).data;
}

async function readPhoto(url: string): Promise<void> {
  for await (const chunk of await openPhoto(url)) void chunk;
}

interface Mediadav {
  readonly webdavUrl: string;
  stop(): void;
}

/** In a process of its own: its peer does not share one with whoever asks either. Resolves when all sources are read. */
async function startMediadav(env: Record<string, string>, cwd: string): Promise<Mediadav> {
  const start = join(HERE, '../../src/start.js');
  const child = spawn(process.execPath, [start, 'serve'], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const webdavUrl = await new Promise<string>((resolve, reject) => {
    let url = '';
    let toRead = SOURCES;
    child.once('exit', (code) => reject(new Error(`mediadav ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = JSON.parse(line) as { message: string; webdavUrl?: string };
      url = entry.webdavUrl ?? url;
      if (entry.message.includes('is up to date')) toRead -= 1;
      if (toRead === 0) resolve(url);
    });
  });
  return { webdavUrl, stop: () => child.kill() };
}

interface BenchServer {
  readonly url: string;
  stop(): void;
}

async function startServer(version: Version, albums: number, photosEach: number): Promise<BenchServer> {
  const args = [join(HERE, 'immich-server.ts'), version, String(albums), String(photosEach)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the fake ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  return { url, stop: () => child.stdin.end() };
}
