import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { propBody, readMultistatus } from './dav-multistatus.ts';
import { ask, propfind, requestText, Wire } from './dav-wire.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { lookUp, PROC } from './tool-lookup.ts';

const needs = lookUp(PROC);

const COUNT = 10_000;
const MB = 1024 * 1024;
/** What rclone asks for. */
const FOUR = propBody('displayname', 'getlastmodified', 'getcontentlength', 'resourcetype');
const LISTING = { method: 'PROPFIND', headers: { Depth: '1' } };
/** 240 bytes each, 720 in an href: a listing of them is more than all buffers of a connection hold. */
const LONG_STEM = '\u5199'.repeat(78);
/** Explorer shows no folder at all when its listing is longer; 2,000 photos are two days of a wedding. */
const EXPLORER_LIMIT_BYTES = 1_000_000;
const EXPLORER_COUNT = 2_000;

let work = '';
const shortNames = Array.from({ length: COUNT }, (_, index) => `IMG_${String(index).padStart(5, '0')}.jpg`);
const longNames = Array.from(
  { length: COUNT },
  (_, index) => `${LONG_STEM}${String(index).padStart(5, '0')}.jpg`,
);

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-large-test-'));
  for (const [folder, names] of [
    ['short', shortNames],
    ['long', longNames],
  ] as const) {
    await mkdir(join(work, 'photos', folder), { recursive: true });
    for (let at = 0; at < names.length; at += 500) {
      const some = names.slice(at, at + 500);
      await Promise.all(some.map((name) => writeFile(join(work, 'photos', folder, name), name)));
    }
  }
}, 120_000);

afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

/** Decoded names of the members. */
function namesIn(body: Buffer): string[] {
  return readMultistatus(body)
    .slice(1)
    .map(({ href }) => decodeURIComponent(href.split('/').at(-1) ?? ''));
}

/** Starts a listing, waits until it has begun to arrive, and reads no further. */
async function beginListing(port: number, path: string, body?: string): Promise<Wire> {
  const wire = await Wire.open(port);
  wire.send(requestText(port, path, body === undefined ? LISTING : { ...LISTING, body }));
  await wire.receives(1);
  wire.socket.pause();
  return wire;
}

describe('a collection of 10,000 files', () => {
  let running: FolderApp;

  beforeAll(async () => {
    running = await startFolderApp({ env: { LOCAL_PATHS: join(work, 'photos') } });
  }, 120_000);

  afterAll(async () => {
    await running.stop();
  });

  it.each([
    ['four properties', FOUR],
    ['all properties', undefined],
  ])('lists each of them once, in order, with %s', async (_what, body) => {
    const answer = await propfind(running.davPort, '/photos/short', {
      ...LISTING,
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(207);
    const responses = readMultistatus(answer.body);
    expect(responses.length).toBe(COUNT + 1);
    expect(namesIn(answer.body)).toEqual(shortNames);
    const sizes = new Set(responses.slice(1).map(({ found }) => found.get('getcontentlength')));
    expect([...sizes]).toEqual([String('IMG_00000.jpg'.length)]);
    expect(answer.text).not.toMatch(/quota|lockdiscovery|supportedlock|checksum/);
  });

  it('starts to answer before the last page is read', async () => {
    const wire = await beginListing(running.davPort, '/photos/long/');
    // Whatever is on its way by now, the end of the folder is not.
    const last = `${LONG_STEM}99999.jpg`;
    await writeFile(join(work, 'photos', 'long', last), 'added while the listing was under way');
    await running.rescan();
    wire.socket.resume();
    const names = namesIn((await wire.answer('PROPFIND')).body);
    wire.close();
    await rm(join(work, 'photos', 'long', last));
    await running.rescan();
    expect(names.at(-1)).toBe(last);
    expect(names.length).toBe(COUNT + 1);
  }, 120_000);

  it('costs few enough bytes for Explorer to show a day of photos', async () => {
    const headers = { Depth: '1', 'User-Agent': 'Microsoft-WebDAV-MiniRedir/10.0.19045', translate: 'f' };
    const answer = await propfind(running.davPort, '/photos/short', { headers });
    expect((answer.body.length / COUNT) * EXPLORER_COUNT).toBeLessThan(EXPLORER_LIMIT_BYTES);
  });

  it('has a page for browsers with a link to each', async () => {
    const { text } = await ask(running.davPort, '/photos/short/');
    expect(text.match(/<a href="\/photos\/short\/IMG_\d{5}\.jpg">/g)?.length).toBe(COUNT);
  });
});

describe.skipIf(needs.areMissing)(`the process that lists it${needs.note}`, () => {
  let server: MediadavProcess;
  let port = 0;

  beforeAll(async () => {
    server = await startProcess({ env: { LOCAL_PATHS: join(work, 'photos') } });
    port = Number(new URL(server.webdavUrl).port);
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
  });

  afterEach(() => {
    // What libraries print on their own shows up here as well.
    expect(server.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  async function memoryBytes(): Promise<number> {
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  async function openDescriptors(): Promise<number> {
    return (await readdir(`/proc/${server.pid}/fd`)).length;
  }

  it('grows by less than 100 MB', async () => {
    const before = await memoryBytes();
    for (const request of [{ ...LISTING, body: FOUR }, LISTING, { ...LISTING, body: FOUR }, LISTING]) {
      const answer = await propfind(port, '/photos/short', request);
      expect(answer.status).toBe(207);
      expect(answer.body.length).toBeGreaterThan(2 * MB);
      expect((await memoryBytes()) - before).toBeLessThan(100 * MB);
    }
  });

  it('keeps no more than a page of each for clients that are slow, and serves the others meanwhile', async () => {
    const wires: Wire[] = [];
    const before = await memoryBytes();
    for (let index = 0; index < 50; index += 1) wires.push(await beginListing(port, '/photos/long/'));
    // All of them together are some 650 MB. Whoever gathers them first has done so by now.
    await sleep(300);
    expect((await memoryBytes()) - before).toBeLessThan(400 * MB);
    expect((await propfind(port, '/photos/short/IMG_00000.jpg')).status).toBe(207);
    expect((await ask(port, '/photos/short/IMG_00001.jpg')).text).toBe('IMG_00001.jpg');

    const [first, ...others] = wires;
    for (const wire of others) wire.close();
    first?.socket.resume();
    expect(namesIn((await first?.answer('PROPFIND'))?.body ?? Buffer.alloc(0))).toEqual(longNames);
    first?.close();
  }, 60_000);

  it('gives everything back when clients leave in the middle', async () => {
    await propfind(port, '/photos/short/');
    const before = await openDescriptors();
    for (let round = 0; round < 60; round += 1) {
      const path = round % 3 === 0 ? '/photos/short/' : '/photos/long/';
      const wire = await beginListing(port, path, round % 2 === 0 ? FOUR : undefined);
      if (round % 2 === 0) wire.socket.resetAndDestroy();
      else wire.close();
    }
    await until(async () => (await openDescriptors()) <= before, 2_000);
    // A page that nobody reads to its end is no different.
    for (let round = 0; round < 20; round += 1) {
      const wire = await Wire.open(port);
      wire.send(requestText(port, '/photos/long/', {}));
      await wire.receives(1);
      wire.close();
    }
    await until(async () => (await openDescriptors()) <= before, 2_000);
    expect((await propfind(port, '/photos/short/')).status).toBe(207);
  }, 60_000);
});
