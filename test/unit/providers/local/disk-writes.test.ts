import { closeSync, realpathSync, statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { StageAsk } from '../../../../providers/local/disk-messages.ts';
import { PoolShare } from '../../../../providers/local/pool-share.ts';
import { DiskWrites } from '../../../../providers/local/write/disk-writes.ts';
import { FileSyncs } from '../../../../providers/local/write/file-syncs.ts';

let folder: string;
const nothing = () => undefined;

beforeEach(async () => {
  folder = realpathSync(await mkdtemp(join(tmpdir(), 'mediadav-stage-')));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('a disk that hangs takes a part of the thread pool, and of what is refused then nothing is left', async () => {
  const share = new PoolShare({ maxTrips: 2, patienceMs: 20 });
  const writes = new DiskWrites(nothing, new FileSyncs(nothing, { share }));
  const hanging = Promise.withResolvers<void>();
  const held = [1, 2].map(() => share.run(() => hanging.promise));
  const before = (await openedHere()).length;
  const refused = Array.from({ length: 8 }, (_, at) => writes.stage(askFor(`${at}`)));
  for (const { status } of await Promise.allSettled(refused)) expect(status).toBe('rejected');
  await expect(writes.stage(askFor('later'))).rejects.toMatchObject({ code: 'unavailable' });
  expect(await readdir(folder)).toEqual([]);
  expect((await openedHere()).length).toBe(before);

  hanging.resolve();
  await Promise.all(held);
  const { fd, folderFd } = await writes.stage(askFor('again'));
  expect(await readFile(join(folder, 'again'), 'utf8')).toBe('photo');
  for (const each of [fd, folderFd]) closeSync(each);
});

it('a sync that takes long is no disk that hangs', async () => {
  const share = new PoolShare({ maxTrips: 1 });
  const slow = Promise.withResolvers<void>();
  const held = share.run(() => slow.promise);
  let calls = 0;
  const count = () => {
    calls += 1;
  };
  const writes = new DiskWrites(count, new FileSyncs(count, { share, signMs: 1 }));
  const staging = writes.stage(askFor('slow'));
  const before = calls;
  await expect.poll(() => calls).toBeGreaterThan(before + 3);
  slow.resolve();
  await held;
  const { fd, folderFd } = await staging;
  for (const each of [fd, folderFd]) closeSync(each);
});

it('what is not on the disk in time is refused, and nothing of it is left when the disk answers again', async () => {
  const slow = Promise.withResolvers<void>();
  const share = new PoolShare({ patienceMs: 20 });
  const before = (await openedHere()).length;
  let underWay = 0n;
  const countUnderWay = (more: 1n | -1n) => {
    underWay += more;
  };
  const writes = new DiskWrites(
    nothing,
    new FileSyncs(nothing, { share, syncFile: () => slow.promise, countUnderWay }),
  );
  await expect(writes.stage(askFor('late'))).rejects.toMatchObject({ code: 'unavailable' });
  expect(underWay).toBe(1n);
  // Others of the source go on: it may have another disk.
  const others = new DiskWrites(nothing, new FileSyncs(nothing, { share }));
  const { fd, folderFd } = await others.stage(askFor('other'));
  for (const each of [fd, folderFd]) closeSync(each);
  // What the disk has not answered still uses it.
  expect((await readdir(folder)).sort()).toEqual(['late', 'other']);

  slow.resolve();
  await expect.poll(() => readdir(folder)).toEqual(['other']);
  expect((await openedHere()).length).toBe(before);
  expect(underWay).toBe(0n);
});

function askFor(stagingName: string): StageAsk {
  const { dev: device, ino: inode } = statSync(folder, { bigint: true });
  return {
    ...{ givenPath: folder, root: { path: folder, device, inode }, folder: { fd: null, path: folder } },
    ...{ mayBeUnmounted: false, stagingName, bytes: Buffer.from('photo'), isWhole: true, modifiedMs: null },
  };
}

/** Descriptors of this process that lead into the folder. */
async function openedHere(): Promise<readonly string[]> {
  const opened: string[] = [];
  for (const descriptor of await readdir('/proc/self/fd')) {
    const path = await readlink(`/proc/self/fd/${descriptor}`).catch(() => '');
    if (path.startsWith(folder)) opened.push(path);
  }
  return opened;
}
