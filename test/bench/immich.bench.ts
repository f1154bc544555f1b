import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
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

/** Reading and refreshing a large library, and a photo through mediadav against axios straight to the server. */
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
  return [...figures, await benchGet()];
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

/** A photo of 4 MB that nothing has cached. */
async function benchGet(): Promise<Comparison> {
  const server = await startServer('3.1.0', 1, 1);
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-immich-'));
  const env = {
    ...{ IMMICH_URL: server.url, IMMICH_API_KEY: KEY, FLATTEN_ASSET_STRUCTURE: 'true' },
    ...{ PORT: '0', WEBDAV_PORT: '0', DATA_DIR: join(home, 'data'), LOG_FORMAT: 'json' },
  };
  const app = await startMediadav(env, home);
  try {
    const headers = { 'x-api-key': KEY };
    const albums = await axios.get<{ id: string }[]>(`${server.url}/api/albums`, { headers });
    const found = await axios.post(
      `${server.url}/api/search/metadata`,
      { albumIds: [albums.data[0]?.id] },
      { headers },
    );
    const original = `${server.url}/api/assets/${found.data.assets.items[0].id}/original`;
    const httpAgent = new Agent({ keepAlive: true });
    const read = async (url: string) => {
      const answer = await axios.get<Readable>(url, { headers, httpAgent, responseType: 'stream' });
      for await (const chunk of answer.data) void chunk;
    };
    return await compare(
      'uncached GET of a 4 MB photo',
      () => read(`${app.webdavUrl}/immich/Album%200/IMG_0_0.jpg`),
      { name: 'axios straight to Immich', run: () => read(original) },
      25,
    );
  } finally {
    app.stop();
    server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

/** In a process of its own: its peer does not share one with whoever asks either. Resolves when the albums are read. */
async function startMediadav(
  env: Record<string, string>,
  cwd: string,
): Promise<{ webdavUrl: string; stop(): void }> {
  const start = join(HERE, '../../src/start.js');
  const child = spawn(process.execPath, [start, 'serve'], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const webdavUrl = await new Promise<string>((resolve, reject) => {
    let url = '';
    child.once('exit', (code) => reject(new Error(`mediadav ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = JSON.parse(line) as { message: string; webdavUrl?: string };
      url = entry.webdavUrl ?? url;
      if (entry.message.includes('is up to date')) resolve(url);
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
