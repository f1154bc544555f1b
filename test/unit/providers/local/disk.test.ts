import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Disk } from '../../../../providers/local/disk.ts';
import { FOUND, factsAt, LISTED } from '../../../../providers/local/disk-messages.ts';
import { topOf } from '../../../../providers/local/entry.ts';
import { walk } from '../../../../providers/local/walk.ts';
import { CodedError } from '../../../../src/model/coded-error.ts';
import type { ScanCall, ScanEvent } from '../../../../src/provider/provider.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';

const BUSY = new URL('./busy-disk-thread.ts', import.meta.url);
const HANGING = new URL('./hanging-disk-thread.ts', import.meta.url);

let folder: string;
let disk: Disk;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-disk-'));
});
afterEach(async () => {
  disk.close();
  await rm(folder, { recursive: true, force: true });
});

function callFor(signal: AbortSignal): ScanCall {
  return {
    ...{ signal, attempt: (work) => work(signal), accepts: () => true, enters: () => true },
    ...{ warn: () => undefined, held: NOTHING_HELD },
  };
}

async function walked(signal: AbortSignal): Promise<ScanEvent[]> {
  const root = await disk.ask('root', { path: folder });
  if (root === null) throw new Error('no root');
  const events: ScanEvent[] = [];
  const place = { disk, root, call: callFor(signal), listener: null, leftovers: null };
  for await (const event of walk(place, topOf())) events.push(event);
  return events;
}

describe('the disk of a source', () => {
  it('tells what is there and what is behind it', async () => {
    disk = new Disk();
    await mkdir(join(folder, 'b'));
    await writeFile(join(folder, 'a.jpg'), '12345');
    await symlink('a.jpg', join(folder, 'c.jpg'));
    await symlink('/', join(folder, 'd'));
    const { names, types, restId, isEmpty } = await disk.ask('list', { path: folder });
    expect(names).toEqual(['a.jpg', 'b', 'c.jpg', 'd']);
    expect([...types]).toEqual([LISTED.file, LISTED.folder, LISTED.link, LISTED.link]);
    expect({ restId, isEmpty }).toEqual({ restId: null, isEmpty: false });
    const root = await disk.ask('root', { path: folder });
    const ask = { rootPath: root?.path ?? '', rootDevice: root?.device ?? 0n, folderPath: '' };
    const found = await disk.ask('look', { ...ask, names: [...names, 'gone'] });
    expect([...found.types]).toEqual([
      ...[FOUND.file, FOUND.folder, FOUND.file, FOUND.linkOutside],
      FOUND.nothing,
    ]);
    expect(factsAt(found, 2).sizeBytes).toBe(5);
    expect(factsAt(found, 2).refId.startsWith(factsAt(found, 0).refId)).toBe(true);
    expect(factsAt(found, 2).refId).not.toBe(factsAt(found, 0).refId);
  });

  it('answers a failure with its errno', async () => {
    disk = new Disk();
    await expect(disk.ask('list', { path: join(folder, 'gone') })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.ask('root', { path: join(folder, 'gone') })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('tells all of a large folder, by name, in parts', async () => {
    disk = new Disk();
    const names = Array.from({ length: 2_345 }, (_, at) => `${String(at).padStart(5, '0')}.jpg`);
    await Promise.all(names.map((name) => writeFile(join(folder, name), '')));
    const events = await walked(new AbortController().signal);
    expect(events.map((event) => (event.kind === 'asset' ? event.name : event.kind))).toEqual(names);
  });

  it('answers again after its thread has ended for want of questions', async () => {
    disk = new Disk({ idleMs: 1 });
    const ask = () => disk.ask('isEmpty', { path: folder });
    expect(await ask()).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await ask()).toBe(true);
  });

  it('keeps its thread as long as that has something at the disk', async () => {
    disk = new Disk({ idleMs: 5, entry: BUSY });
    const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
    const thread = await disk.ask('isEmpty', { path: folder });
    await pause();
    // Another one would let as much hang again as this one may.
    expect(await disk.ask('isEmpty', { path: folder })).toBe(thread);
    expect(await disk.ask('dropRest', { restId: 0 })).toBe(thread);
    await pause();
    expect(await disk.ask('isEmpty', { path: folder })).not.toBe(thread);
  });
});

describe('a disk that hangs', { timeout: 60_000 }, () => {
  let pipe: string;

  beforeEach(() => {
    pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
  });

  /** Opening the other end lets the one who hangs go. */
  async function letGo(): Promise<void> {
    await (await open(pipe, 'r+')).close();
  }

  it('is unavailable in time, then at once, and answers again when it does', async () => {
    disk = new Disk({ limitMs: 500, entry: HANGING });
    // The thread is there, so what takes too long is its disk.
    await vi.waitFor(() => disk.ask('isEmpty', { path: folder }), 20_000);
    const unavailable = { code: 'unavailable', message: 'The disk does not answer.' };
    const [first, behind] = [disk.ask('list', { path: pipe }), disk.ask('isEmpty', { path: folder })];
    await expect(first).rejects.toMatchObject(unavailable);
    await expect(behind).rejects.toMatchObject(unavailable);
    await expect(disk.ask('isEmpty', { path: folder })).rejects.toMatchObject(unavailable);
    await letGo();
    await vi.waitFor(async () => expect(await disk.ask('isEmpty', { path: folder })).toBe(null), 20_000);
  });

  it('holds up neither another disk nor whoever gives up waiting', async () => {
    const healthy = new Disk();
    disk = new Disk({ entry: HANGING });
    const stop = new AbortController();
    const hanging = disk.ask('list', { path: pipe }, stop.signal);
    // The pipe is in there.
    expect(await healthy.ask('isEmpty', { path: folder })).toBe(false);
    stop.abort(new CodedError('cancelled', 'The server is stopping.'));
    await expect(hanging).rejects.toMatchObject({ code: 'cancelled' });
    healthy.close();
    await letGo();
  });
});

describe('a walk', () => {
  it('ends with the reason of its signal, wherever it is', async () => {
    disk = new Disk();
    for (const name of ['a', 'b', 'c']) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'x.jpg'), name);
    }
    const root = await disk.ask('root', { path: folder });
    if (root === null) throw new Error('no root');
    const stop = new AbortController();
    const seen: string[] = [];
    const walking = async () => {
      const place = { disk, root, call: callFor(stop.signal), listener: null, leftovers: null };
      for await (const event of walk(place, topOf())) {
        seen.push(event.kind);
        stop.abort(new CodedError('cancelled', 'The server is stopping.'));
      }
    };
    await expect(walking()).rejects.toMatchObject({ code: 'cancelled' });
    // The folder whose reading was there already, and not all that follow.
    expect(seen.length).toBeLessThan(3);
  });
});
