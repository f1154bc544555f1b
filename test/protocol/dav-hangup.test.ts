import { mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patterned, writeFiles } from './dav-app.ts';
import { ask, requestText, Wire } from './dav-wire.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { lookUp, PROC } from './tool-lookup.ts';

const needs = lookUp(PROC);
/** More than the buffers of a connection hold, so that the server is always in the middle of something. */
const BYTES = patterned(8 * 1024 * 1024);

let work = '';
let server: MediadavProcess;
let port = 0;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-hangup-test-'));
  await mkdir(join(work, 'photos'));
  await writeFiles(join(work, 'photos'), { 'film.mp4': BYTES });
  server = await startProcess({ args: [join(work, 'photos')] });
  port = Number(new URL(server.webdavUrl).port);
});

afterAll(async () => {
  await server.stop();
  await rm(work, { recursive: true, force: true });
});

/** What the server has open, by what it is of: paths, and kinds of what has none. */
async function openDescriptors(): Promise<Map<string, number>> {
  const folder = `/proc/${server.pid}/fd`;
  const counts = new Map<string, number>();
  for (const name of await readdir(folder)) {
    // Some are closed while they are looked at.
    const target = await readlink(join(folder, name)).catch(() => null);
    const kind = target?.replace(/:\[\d+\]$/, '') ?? null;
    if (kind !== null) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** Of what there is more than before. */
async function moreThan(before: ReadonlyMap<string, number>): Promise<string[]> {
  const now = await openDescriptors();
  return [...now]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${count} ${kind}`);
}

/** Asks, and leaves: after so many turns of the event loop, then after so many milliseconds. */
async function hangUp(request: Buffer, turns: number, waitMs: number, isReset: boolean): Promise<void> {
  const wire = await Wire.open(port);
  wire.send(request);
  for (let turn = 0; turn < turns; turn += 1) await nextTurn();
  if (waitMs > 0) await sleep(waitMs);
  if (isReset) wire.socket.resetAndDestroy();
  else wire.close();
}

describe.skipIf(needs.areMissing)(`clients that leave at any moment${needs.note}`, () => {
  const REQUESTS: Record<string, Buffer> = {
    'the whole file': requestText(0, '/photos/film.mp4', {}),
    'a part': requestText(0, '/photos/film.mp4', { headers: { Range: 'bytes=1000000-7000000' } }),
    'several parts': requestText(0, '/photos/film.mp4', {
      headers: { Range: 'bytes=0-3000000,4000000-8000000' },
    }),
    'a listing': requestText(0, '/photos/', { method: 'PROPFIND', headers: { Depth: '1' } }),
    'an upload': requestText(0, '/photos/new.mp4', {
      method: 'PUT',
      headers: { 'Content-Length': '9000000' },
    }),
  };

  it.each(Object.entries(REQUESTS))(
    'of %s: the server lives on and keeps nothing of it',
    async (_what, request) => {
      expect((await ask(port, '/photos/film.mp4')).body.equals(BYTES)).toBe(true);
      const before = await openDescriptors();
      for (let round = 0; round < 300; round += 1) {
        // From at once to the middle of the body, some of them side by side.
        const leaving = [0, 1, 2].map((more) => {
          return hangUp(request, (round + more) % 12, round % 6 === 5 ? round % 7 : 0, round % 2 === 0);
        });
        await Promise.all(leaving);
        // Connections stand in line while the server is busy: whoever is answered was behind all those who have left.
        if (round % 20 === 19) expect((await ask(port, '/photos/', { method: 'OPTIONS' })).status).toBe(200);
      }
      await until(async () => (await moreThan(before)).length === 0).catch(async () => {
        expect(await moreThan(before)).toEqual([]);
      });
      expect((await ask(port, '/photos/film.mp4')).body.equals(BYTES)).toBe(true);
      expect(server.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    },
    60_000,
  );
});
