import { mkdtemp, rm } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Asset } from '../fakes/immich/model.ts';
import { type FakeImmich, type RequestRecord, startFakeImmich } from '../fakes/immich/server.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { urlOf } from './dav-listing.ts';
import { sha1Of } from './disk-listing.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

export const MIB = 1024 ** 2;
export const FILM_BYTES = 120 * MIB;
/** Names and sizes of what is in `immich/Album 1`, beside its small photos. */
const FILES: readonly (readonly [name: string, size: number])[] = [
  ['large 1.jpg', 3 * MIB + 17],
  ['large 2.jpg', 5 * MIB],
  ['large 3.jpg', MIB],
  ['film.mp4', FILM_BYTES],
];

export interface CacheHealth {
  readonly maxBytes: number;
  readonly usedBytes: number;
  readonly servedBytes: number;
  readonly fetchedBytes: number;
  readonly failure: string | null;
}

export interface SceneOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Before mediadav is started. */
  readonly prepare?: (dataDir: string) => Promise<unknown>;
  /** What mediadav asks instead of Immich. */
  readonly before?: (immichUrl: string) => Promise<string>;
}

/** An Immich server with large files, and mediadav in front of it. Those of a test file end with it. */
export class CacheScene {
  readonly fake: FakeImmich;
  readonly dataDir: string;
  server: MediadavProcess;
  readonly #env: Record<string, string>;

  private constructor(
    fake: FakeImmich,
    dataDir: string,
    server: MediadavProcess,
    env: Record<string, string>,
  ) {
    this.fake = fake;
    this.dataDir = dataDir;
    this.server = server;
    this.#env = env;
  }

  static async set(
    version: Version,
    { env = {}, prepare, before = async (url) => url }: SceneOptions = {},
  ): Promise<CacheScene> {
    const { library, albums } = smallLibrary(1, 3);
    for (const [at, [name, size]] of FILES.entries()) {
      const owner = albums[0].ownerId;
      library.addToAlbum(albums[0], library.addAsset({ owner, name, content: { size, seed: at + 1 } }));
    }
    const fake = await startFakeImmich({ version, library });
    const dataDir = await mkdtemp(join(work, 'data-'));
    await prepare?.(dataDir);
    const all = {
      ...{ IMMICH_URL: await before(fake.url), IMMICH_API_KEY: SMALL_KEY, FLATTEN_ASSET_STRUCTURE: 'true' },
      ...env,
    };
    const server = await startProcess({ env: all, dataDir });
    const scene = new CacheScene(fake, dataDir, server, all);
    scenes.add(scene);
    return scene;
  }

  async startAgain(env: Record<string, string> = {}): Promise<void> {
    this.server = await startProcess({ env: { ...this.#env, ...env }, dataDir: this.dataDir });
  }

  async end(): Promise<void> {
    scenes.delete(this);
    await this.server.kill();
    await this.fake.close();
  }

  url(name: string): string {
    return urlOf(this.server.webdavUrl, `immich/Album 1/${name}`);
  }

  asset(name: string): Asset {
    const found = [...this.fake.library.assets.values()].find((each) => each.originalFileName === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** Downloads of the file from Immich so far. */
  downloads(name: string): RequestRecord[] {
    const path = `/api/assets/${this.asset(name).id}/original`;
    return this.fake.requests.filter((each) => each.method === 'GET' && each.path.startsWith(path));
  }

  async cache(): Promise<CacheHealth> {
    const health = (await (await fetch(`${this.server.url}/api/health`)).json()) as { cache: CacheHealth };
    return health.cache;
  }

  /** Until all of it is on the disk. */
  async kept(bytes: number): Promise<void> {
    await until(async () => (await this.cache()).usedBytes === bytes);
  }

  async expectRight(name: string): Promise<void> {
    const answer = await fetch(this.url(name));
    expect(answer.status).toBe(200);
    expect(sha1Of(Buffer.from(await answer.arrayBuffer()))).toBe(
      this.asset(name).content.sha1().toString('hex'),
    );
  }

  /** Plays the film from a place on as a player does: asks for all the rest, and leaves when it has seen enough. */
  async play(start: number, bytes: number): Promise<void> {
    const { content } = this.asset('film.mp4');
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { range: `bytes=${start}-` };
      httpGet(this.url('film.mp4'), { headers, agent: false }, resolve).on('error', reject);
    });
    expect(answer.statusCode).toBe(206);
    let at = start;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      expect(chunk.equals(content.bytes(at, at + chunk.length))).toBe(true);
      at += chunk.length;
      if (at >= start + bytes) break;
    }
    answer.destroy();
  }
}

/** A folder for whatever a test makes; removed with the scenes at the end of the file. */
export function workFolder(): string {
  return work;
}

let work = '';
const scenes = new Set<CacheScene>();
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-immich-cache-'));
});
afterAll(async () => {
  for (const scene of scenes) await scene.end();
  await rm(work, { recursive: true, force: true });
});
