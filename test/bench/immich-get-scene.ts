import { Agent } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import axios from 'axios';
import {
  BENCH_KEY,
  type BenchMediadav,
  type BenchProcess,
  startFake,
  startMediadav,
  startPassThrough,
} from './immich-processes.ts';

/** More of each than the cache has room for: asked for in turn, none is there when it is asked for again. */
const PHOTOS = 100;
const VIDEOS = 2;
const CACHE = '320MiB';
/** Albums, and a folder of this machine. */
const SOURCES = 2;

export const PASS_THROUGH = 'a bare pass-through';

/** Where the same photos can be asked for. */
export interface Side {
  readonly name: string;
  /** Whoever answers there. */
  readonly process: BenchProcess;
  readonly urlOf: (name: string) => string;
}

/** A fake Immich, mediadav in front of it, and a pass-through in front of it. */
export interface GetScene {
  readonly server: BenchMediadav;
  readonly mediadav: Side;
  readonly straight: Side;
  readonly through: Side;
  /** Names of photos, so many for each turn, that nobody was asked for lately. */
  photos(count: number): (turn: number) => readonly string[];
  /** Reads everything once through mediadav, so that it knows all digests. */
  meetAll(): Promise<void>;
  /** Resolves when nobody has anything left to do. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export function photo(index: number): string {
  return `IMG_0_${index}.jpg`;
}

export function video(index: number): string {
  return `VID_0_${index}.mp4`;
}

export async function openGetScene(
  home: string,
  straight: string,
  line: { readonly bytesPerSecond?: number },
): Promise<GetScene> {
  const started: BenchProcess[] = [];
  const starting = async <T extends BenchProcess>(start: Promise<T>): Promise<T> => {
    const process = await start;
    started.unshift(process);
    return process;
  };
  const close = async () => {
    for (const process of started.splice(0)) await process.stop();
  };
  try {
    const library = { version: '3.1.0', albums: 1, photosEach: PHOTOS, largePhotos: PHOTOS } as const;
    const fake = await starting(startFake({ ...library, videos: VIDEOS, ...line }));
    const through = await starting(startPassThrough(fake.url));
    const env = {
      ...{ IMMICH_URL: fake.url, IMMICH_API_KEY: BENCH_KEY, FLATTEN_ASSET_STRUCTURE: 'true' },
      ...{ LOCAL_PATHS: `photos=${join(home, 'photos')}`, CACHE_MAX_BYTES: CACHE },
      ...{ DATA_DIR: join(home, `data-${line.bytesPerSecond ?? 'fast'}`) },
      ...{ PORT: '0', WEBDAV_PORT: '0', LOG_FORMAT: 'json' },
    };
    const server = await starting(startMediadav(env, { cwd: home, sources: SOURCES }));
    const ids = await originalIds(fake.url);
    const original = (url: string) => (name: string) => `${url}/api/assets/${ids.get(name)}/original`;
    const mediadav = {
      ...{ name: 'mediadav', process: server },
      urlOf: (name: string) => `${server.webdavUrl}/immich/Album%200/${name}`,
    };
    let asked = 0;
    return {
      ...{ server, mediadav, close },
      straight: { name: straight, process: fake, urlOf: original(fake.url) },
      through: { name: PASS_THROUGH, process: through, urlOf: original(through.url) },
      photos(count) {
        const from = asked;
        return (turn) => {
          asked = Math.max(asked, from + (turn + 1) * count);
          return Array.from({ length: count }, (_, at) => photo((from + turn * count + at) % PHOTOS));
        };
      },
      async meetAll() {
        const names = Array.from({ length: PHOTOS }, (_, at) => photo((asked + at) % PHOTOS));
        for (let index = 0; index < VIDEOS; index++) names.push(video(index));
        for (const name of names) await read(mediadav.urlOf(name));
      },
      async idle() {
        collectGarbage();
        for (const process of started) await process.idle();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const httpAgent = new Agent({ keepAlive: true });

/** Of this process: it would do so in the middle of a turn, on one of the processors that the turn needs. */
const collectGarbage: () => void = exposeCollector();

function exposeCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}

const headers = { 'x-api-key': BENCH_KEY };

/** @returns how many bytes there were. */
export async function read(url: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of (await open(url)) as AsyncIterable<Buffer>) bytes += chunk.length;
  return bytes;
}

export async function readAll(url: string): Promise<Buffer> {
  return await buffer(await open(url));
}

async function open(url: string): Promise<Readable> {
  return (await axios.get<Readable>(url, { headers, httpAgent, responseType: 'stream' })).data;
}

/** Ids of what is in the first album, by name. */
async function originalIds(url: string): Promise<ReadonlyMap<string, string>> {
  const albums = await axios.get<{ id: string }[]>(`${url}/api/albums`, { headers });
  const found = await axios.post<{ assets: { items: { id: string; originalFileName: string }[] } }>(
    `${url}/api/search/metadata`,
    { albumIds: [albums.data[0]?.id], size: 1_000 },
    { headers },
  );
  return new Map(found.data.assets.items.map(({ id, originalFileName }) => [originalFileName, id]));
}
