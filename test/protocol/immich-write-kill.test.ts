import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { listMembers, urlOf } from './dav-listing.ts';
import { sha1Of } from './disk-listing.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { Random } from './restart-changes.ts';

const KILLS = Number(process.env.KILLS ?? 6);
const LANES = 4;
const random = new Random(20_261_121);

let dataDir = '';
let fake: FakeImmich;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediadav-immich-kill-'));
  fake = await startFakeImmich({ version: '3.1.0', library: smallLibrary(1, 1).library });
});
afterAll(async () => {
  await fake.close();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<MediadavProcess> {
  const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY, IMMICH_WRITABLE: 'true' };
  return await startProcess({ dataDir, env });
}

/** Uploads until the server is gone, one photo after the other; each 64 KiB and more. @returns the names answered with 201. */
async function load(url: string, kill: number, lane: number, sha1s: Map<string, string>): Promise<string[]> {
  const stored: string[] = [];
  for (let serial = 0; ; serial += 1) {
    const name = `${kill}-${lane}-${serial}.jpg`;
    const body = Buffer.concat([
      makeJpeg(8, 8, [1, 2, 3], name),
      Buffer.alloc(65_536 + random.between(0, 300_000), name),
    ]);
    sha1s.set(name, sha1Of(body));
    try {
      const answer = await fetch(urlOf(url, `immich/Album 1/${name}`), { method: 'PUT', body });
      if (answer.status === 201) stored.push(name);
    } catch {
      // The server was killed: nothing else ends a request here.
      return stored;
    }
  }
}

it(`kill -9 while clients upload, ${KILLS} times: what was answered is in Immich, nothing waits, the mount agrees`, async () => {
  const sha1s = new Map<string, string>();
  const answered: string[] = [];
  for (let kill = 0; kill <= KILLS; kill += 1) {
    const server = await start();
    const waiting = await readdir(join(dataDir, 'uploads'), { recursive: true, withFileTypes: true });
    expect(waiting.filter((entry) => entry.isFile())).toEqual([]);
    const [album] = [...fake.library.albums.values()];
    const held = [...(album?.assetIds ?? [])].map((id) => fake.library.asset(id));
    const shown = await listMembers(server.webdavUrl, 'immich/Album 1');
    expect(shown.map(({ path }) => path.slice('immich/Album 1/'.length)).sort()).toEqual(
      held.map(({ originalFileName }) => originalFileName).sort(),
    );
    const inAlbum = new Map(held.map((asset) => [asset.originalFileName, asset]));
    for (const name of answered) {
      expect([name, sha1Of(inAlbum.get(name)?.content.bytes() ?? Buffer.alloc(0))]).toEqual([
        name,
        sha1s.get(name),
      ]);
    }
    if (kill === KILLS) {
      await server.stop();
      break;
    }
    const lanes = Array.from({ length: LANES }, (_, lane) => load(server.webdavUrl, kill, lane, sha1s));
    await sleep(random.between(150, 700));
    await server.kill();
    for (const names of await Promise.all(lanes)) answered.push(...names);
  }
  // Otherwise the kills came too early to hit anything.
  expect(answered.length).toBeGreaterThan(KILLS);
}, 120_000);
