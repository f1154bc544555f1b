import { once } from 'node:events';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Library } from '../fakes/immich/library.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { sha1Of } from './disk-listing.ts';
import { numberedBytes } from './media-tree.ts';
import { lookUp, PROC } from './tool-lookup.ts';

const needs = lookUp(PROC);

import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

const MB = 1024 * 1024;
const VIDEO_BYTES = 300 * MB;
/** A part in the middle that starts and ends at no round place. */
const START = 150 * MB + 123;
const PART_BYTES = 3 * MB;
const RANGE = { Range: `bytes=${START}-${START + PART_BYTES - 1}` };
/** What a part may cost: it, a read ahead, and the request itself. */
const MOST_BYTES = 6 * MB;

let work = '';
let fake: FakeImmich;
let server: MediadavProcess;
let localUrl = '';
let immichUrl = '';
/** Of what nobody has read a byte of, so that there is something to wait for. */
let unseenUrl = '';
let localPart: Buffer;
let immichPart: Buffer;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-ranges-'));
  localPart = numberedBytes(PART_BYTES);
  const file = await open(join(work, 'long.mp4'), 'w');
  await file.truncate(VIDEO_BYTES);
  await file.write(localPart, 0, localPart.length, START);
  await file.close();

  const library = new Library();
  const user = library.addUser({ name: 'Ann', email: 'ann@example.com' });
  const key = library.addKey({ user });
  const video = library.addAsset({ owner: user, name: 'long.mp4', content: { size: VIDEO_BYTES, seed: 7 } });
  const unseen = library.addAsset({ owner: user, name: 'unseen.mp4', content: { size: 8 * MB, seed: 8 } });
  library.addAlbum({ owner: user, name: 'Films', assets: [video, unseen] });
  immichPart = video.content.bytes(START, START + PART_BYTES);
  fake = await startFakeImmich({ version: '2.7.5', library });

  const immich = { IMMICH_URL: fake.url, IMMICH_API_KEY: key.key, FLATTEN_ASSET_STRUCTURE: 'true' };
  server = await startProcess({ env: { LOCAL_PATHS: `local=${work}`, ...immich } });
  localUrl = `${server.webdavUrl}/local/long.mp4`;
  immichUrl = `${server.webdavUrl}/immich/Films/long.mp4`;
  unseenUrl = `${server.webdavUrl}/immich/Films/unseen.mp4`;
  await untilNothingIsRead();
});

afterAll(async () => {
  await server.stop();
  await fake.close();
  await rm(work, { recursive: true });
});

/** All that the server process has read so far, from files and sockets. */
async function bytesRead(): Promise<number> {
  const io = await readFile(`/proc/${server.pid}/io`, 'utf8');
  return Number(/^rchar: (\d+)$/m.exec(io)?.[1]);
}

/** A new file is read once, whole, for its digests as soon as it has held still; that is not what is measured here. */
async function untilNothingIsRead(): Promise<void> {
  for (let before = Number.NEGATIVE_INFINITY; ; ) {
    const now = await bytesRead();
    if (now - before < 64 * 1024) return;
    before = now;
    await sleep(3_000);
  }
}

async function openDescriptors(): Promise<number> {
  return (await readdir(`/proc/${server.pid}/fd`)).length;
}

/** Over a connection of its own, which is closed afterwards: clients with a pool would blur the counts. */
async function getPart(url: string): Promise<{ status: number; body: Buffer }> {
  const [answer] = (await once(get(url, { agent: false, headers: RANGE }), 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await buffer(answer) };
}

/** Asks for everything, and breaks the connection after so many bytes. */
async function hangUpAfter(url: string, bytes: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const asked = get(url, { agent: false }, (answer: IncomingMessage) => {
      let seen = 0;
      answer.on('data', (chunk: Buffer) => {
        seen += chunk.length;
        if (seen >= bytes) answer.destroy();
      });
      answer.once('close', () =>
        seen >= bytes ? resolve() : reject(new Error(`ended after ${seen} bytes`)),
      );
      answer.on('error', () => answer.destroy());
    });
    asked.once('error', reject);
  });
}

/** Asks for everything, and breaks the connection while it waits. */
async function hangUpWhileWaiting(url: string, afterMs: number): Promise<void> {
  const asked = get(url, { agent: false }, () => {
    throw new Error('an answer came, so nothing was waited for');
  });
  asked.on('error', () => asked.destroy());
  await sleep(afterMs);
  asked.destroy();
}

describe.skipIf(needs.areMissing)(`a part of a long video${needs.note}`, () => {
  it('is read from a local file without the rest of it', async () => {
    expect((await getPart(localUrl)).status).toBe(206);
    const before = await bytesRead();
    const { status, body } = await getPart(localUrl);
    const growth = (await bytesRead()) - before;
    expect(status).toBe(206);
    expect(sha1Of(body)).toBe(sha1Of(localPart));
    // Less would mean that the measure does not see the reading at all.
    expect(growth).toBeGreaterThanOrEqual(PART_BYTES);
    expect(growth).toBeLessThan(MOST_BYTES);
  });

  it('is read from Immich without the rest of it', async () => {
    const before = fake.bytesSent;
    const { status, body } = await getPart(immichUrl);
    expect(status).toBe(206);
    expect(sha1Of(body)).toBe(sha1Of(immichPart));
    expect(fake.bytesSent - before).toBeGreaterThanOrEqual(PART_BYTES);
    expect(fake.bytesSent - before).toBeLessThan(MOST_BYTES);
  });

  it('costs nothing of the video when only the headers are asked for', async () => {
    const before = { local: await bytesRead(), immich: fake.bytesSent };
    for (const url of [localUrl, immichUrl]) {
      const answer = await fetch(url, { method: 'HEAD' });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-length')).toBe(String(VIDEO_BYTES));
    }
    expect((await bytesRead()) - before.local).toBeLessThan(MB);
    expect(fake.bytesSent).toBe(before.immich);
  });
});

describe.skipIf(needs.areMissing)(`a client that hangs up after 1 MB${needs.note}`, () => {
  it('leaves no stream open at Immich', async () => {
    await hangUpAfter(immichUrl, MB);
    await until(() => fake.openStreams === 0);
    const before = fake.bytesSent;
    await sleep(300);
    expect(fake.bytesSent).toBe(before);
  });

  it('stops the reading of a local file', async () => {
    const before = await bytesRead();
    await hangUpAfter(localUrl, MB);
    await sleep(300);
    expect((await bytesRead()) - before).toBeLessThan(60 * MB);
    const after = await bytesRead();
    await sleep(500);
    expect((await bytesRead()) - after).toBeLessThan(64 * 1024);
  });

  it.each([
    ['a local file', () => localUrl],
    ['Immich', () => immichUrl],
  ])('gives every descriptor back, %s, a hundred times', async (_name, url) => {
    await hangUpAfter(url(), MB);
    await sleep(1_000);
    const before = await openDescriptors();

    await hangUpAfter(url(), MB);
    await until(async () => (await openDescriptors()) <= before);

    for (let round = 0; round < 100; round += 1) await hangUpAfter(url(), MB);
    await until(async () => (await openDescriptors()) <= before && fake.openStreams === 0);
    expect((await getPart(url())).status).toBe(206);
  });

  it('leaves nothing behind when it hangs up before the first byte came', async () => {
    fake.faults.add({ match: '/original', kind: 'delay', ms: 2_000 });
    await sleep(500);
    const before = await openDescriptors();
    for (let round = 0; round < 10; round += 1) {
      await hangUpWhileWaiting(unseenUrl, 300);
    }
    fake.faults.clear();
    await until(async () => (await openDescriptors()) <= before);
    expect(fake.openStreams).toBe(0);
    const cut = fake.requests.slice(-10);
    expect(cut.every(({ path, status }) => path.endsWith('/original') && status === 0)).toBe(true);
  });
});
