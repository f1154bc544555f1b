import { closeSync, mkdirSync, realpathSync, statSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Root, StageAsk } from '../../../../providers/local/disk-messages.ts';
import { DiskWrites } from '../../../../providers/local/write/disk-writes.ts';
import { FileSyncs } from '../../../../providers/local/write/file-syncs.ts';
import { HeldFolder } from '../../../../providers/local/write/held-folder.ts';
import { codeOf } from '../../../../src/model/coded-error.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';

/** Moves a folder away and back without a pause. */
const MOVER = `
  const { renameSync } = require('node:fs');
  const { parentPort, workerData: { here, away, end } } = require('node:worker_threads');
  parentPort.postMessage('begun');
  while (Atomics.load(end, 0) === 0) {
    renameSync(here, away);
    renameSync(away, here);
  }
`;
const { signal } = new AbortController();
const CALL = {
  ...{ signal, held: NOTHING_HELD, accepts: () => true, enters: () => true },
  ...{ tell: () => undefined, goesOn: () => undefined },
  attempt: <T>(work: (signal: AbortSignal) => Promise<T>) => work(signal),
};

let base: string;
let root: Root;
const nothing = () => undefined;
const writes = new DiskWrites(nothing, new FileSyncs(nothing, { syncFile: async () => undefined }));

beforeEach(async () => {
  base = realpathSync(await mkdtemp(join(tmpdir(), 'mediadav-moved-')));
  const { dev: device, ino: inode } = statSync(base, { bigint: true });
  root = { path: base, device, inode };
  mkdirSync(join(base, 'folder'));
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

async function upload(stagingName: string, path = 'folder'): Promise<void> {
  const ask: StageAsk = {
    ...{ givenPath: base, root, folder: { fd: null, path: join(base, path) }, mayBeUnmounted: false },
    ...{ stagingName, bytes: Buffer.from('photo'), isWhole: true, modifiedMs: null },
  };
  const { fd, folderFd } = await writes.stage(ask);
  writes.drop({ folder: { fd: folderFd, path: ask.folder.path }, stagingName, fd });
  closeSync(folderFd);
}

async function hold(_name: string, path = 'folder'): Promise<void> {
  const folder = await HeldFolder.open(root, path, CALL);
  await folder.close();
}

describe.each([
  ['an upload', upload],
  ['whatever else is changed', hold],
] as const)('%s in a folder', (_what, write) => {
  it('that is being moved is told that the folder is missing, and of no link', async () => {
    const end = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { here: join(base, 'folder'), away: join(base, 'elsewhere'), end };
    const mover = new Worker(MOVER, { eval: true, workerData });
    await new Promise((resolve) => mover.once('message', resolve));
    const codes = new Set<string>();
    try {
      for (let times = 0; times < 4_000; times += 1) {
        await write(`${times}`).catch((error: unknown) => codes.add(codeOf(error)));
      }
    } finally {
      Atomics.store(end, 0, 1);
      await new Promise((resolve) => mover.once('exit', resolve));
    }
    expect([...codes]).toEqual(['parent-missing']);
  });

  it('behind a link is denied', async () => {
    mkdirSync(join(base, 'other/folder'), { recursive: true });
    symlinkSync(join(base, 'other'), join(base, 'linked'));
    await expect(write('new', 'linked/folder')).rejects.toMatchObject({ code: 'denied' });
  });
});
