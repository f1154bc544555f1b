import { closeSync, mkdirSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { versionOf } from '../../../../providers/local/stat-facts.ts';
import { DiskWrites } from '../../../../providers/local/write/disk-writes.ts';
import type { Over } from '../../../../src/model/write.ts';

/** Called once, when an upload has just got its name, before anything else is asked of the disk. */
let onPlaced: () => void;
/** What the disk says to hard links; null: it has them. */
let linkErrno: string | null;
/** A file that goes while the disk is asked about it has no name any more in the answer. */
let goesWhileAsked: string | null;

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>();
  const linkSync = (from: string, to: string) => {
    if (linkErrno === null) fs.linkSync(from, to);
    tellOnce();
    if (linkErrno !== null) throw Object.assign(new Error(linkErrno), { code: linkErrno });
  };
  const renameSync = (from: string, to: string) => {
    fs.renameSync(from, to);
    tellOnce();
  };
  const lstatSync = (path: string, options: import('node:fs').StatSyncOptions & { bigint: true }) => {
    const stats = fs.lstatSync(path, options);
    if (stats !== undefined && goesWhileAsked !== null && path.endsWith(goesWhileAsked)) stats.nlink = 0n;
    return stats;
  };
  return { ...fs, linkSync, renameSync, lstatSync };
});

function tellOnce(): void {
  const tell = onPlaced;
  onPlaced = () => undefined;
  tell();
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-placed-'));
  await mkdir(join(folder, 'a'));
  onPlaced = () => undefined;
  linkErrno = null;
  goesWhileAsked = null;
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

it.each(['a new file', 'a replaced file'])('tells the version of %s, whoever is faster', async (which) => {
  const path = join(folder, 'a/photo.jpg');
  if (which === 'a replaced file') await writeFile(path, 'before');
  const upload = await stage();
  const own = versionOf(statSync(join(folder, 'a/staged'), { bigint: true }));
  onPlaced = () => writeFileSync(path, 'of somebody else');
  const placed = upload.place();
  expect(await readFile(path, 'utf8')).toBe('of somebody else');
  expect(placed?.file.version).toBe(own);
  expect(placed?.file.sizeBytes).toBe(3);
});

it('tells the version of its own file, not of one as large that another server placed in the same tick of the clock', async () => {
  const path = join(folder, 'a/photo.jpg');
  const upload = await stage();
  // The disk's clock may stand for some milliseconds; a time that every disk can hold stands for that.
  const other = join(folder, 'a/other');
  writeFileSync(other, 'his');
  for (const each of [join(folder, 'a/staged'), other]) utimesSync(each, 1, 1);
  const own = versionOf(statSync(join(folder, 'a/staged'), { bigint: true }));
  onPlaced = () => renameSync(other, path);
  const placed = upload.place();
  expect(await readFile(path, 'utf8')).toBe('his');
  expect(placed?.file.version).toBe(own);
});

it('tells the version of a file that goes in the very moment: it was stored', async () => {
  const upload = await stage();
  const own = versionOf(statSync(join(folder, 'a/staged'), { bigint: true }));
  goesWhileAsked = '/photo.jpg';
  expect(upload.place()?.file.version).toBe(own);
});

it('tells nothing of a file whose folder another one has taken the place of', async () => {
  const upload = await stage();
  onPlaced = () => {
    renameSync(join(folder, 'a'), join(folder, 'moved'));
    mkdirSync(join(folder, 'a'));
  };
  // Somebody has to look: there is no such file.
  expect(upload.place()).toBeNull();
  expect(await readFile(join(folder, 'moved/photo.jpg'), 'utf8')).toBe('own');
});

it.each(['EPERM', 'EIO'])(
  "takes nobody's place either where the disk answers %s to hard links, however long that takes",
  async (errno) => {
    const upload = await stage('nothing');
    linkErrno = errno;
    onPlaced = () => writeFileSync(join(folder, 'a/photo.jpg'), 'of somebody else');
    expect(() => upload.place()).toThrow(expect.objectContaining({ code: 'exists' }));
    expect(await readFile(join(folder, 'a/photo.jpg'), 'utf8')).toBe('of somebody else');
  },
);

it('replaces what came in the very moment where anything may be there, as it would have a moment before', async () => {
  const upload = await stage();
  linkErrno = 'EPERM';
  const path = join(folder, 'a/photo.jpg');
  onPlaced = () => writeFileSync(path, 'of somebody else');
  expect(upload.place()?.file.sizeBytes).toBe(3);
  expect(await readFile(path, 'utf8')).toBe('own');
});

it.each([
  ['a folder', 'exists', (path: string) => mkdirSync(path)],
  ['a link that leads out', 'denied', (path: string) => symlinkSync('/nowhere', path)],
])('does not take the place of %s', async (_what, code, make) => {
  const upload = await stage();
  make(join(folder, 'a/photo.jpg'));
  expect(() => upload.place()).toThrow(expect.objectContaining({ code }));
});

/** @returns what gives it its name, once. */
async function stage(over: Over = 'anything') {
  const writes = new DiskWrites(() => undefined);
  const { dev: device, ino: inode } = statSync(folder, { bigint: true });
  const root = { path: folder, device, inode };
  const { fd, folderFd } = await writes.stage({
    ...{ givenPath: folder, root, folder: { fd: null, path: join(folder, 'a') } },
    ...{
      mayBeUnmounted: false,
      stagingName: 'staged',
      bytes: Buffer.from('own'),
      isWhole: true,
      modifiedMs: null,
    },
  });
  const place = () => {
    try {
      return writes.place({
        ...{ root, path: 'a/photo.jpg', name: 'photo.jpg', stagingName: 'staged', kind: 'asset', fd },
        ...{ folder: { fd: folderFd, path: join(folder, 'a') }, over },
      });
    } finally {
      closeSync(folderFd);
    }
  };
  return { place };
}
