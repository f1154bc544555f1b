import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { succeed } from './client-command.ts';
import { startFolderApp } from './dav-app.ts';
import { setting } from './dav-lock-requests.ts';
import { onlyResponse, propBody } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';
import { lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const needs = lookUp('mount', MOUNT_RIGHTS);
const MIB = 1024 * 1024;

describe.skipIf(needs.areMissing)(`a full disk${needs.note}`, () => {
  it.each([
    ['known beforehand', false],
    ['met while the bytes come in', true],
  ])('%s: 507, the old content stays, and nothing else is left', async (_when, isChunked) => {
    const disk = await mkdtemp(join(tmpdir(), 'mediadav-full-'));
    await succeed('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', disk]);
    try {
      await writeFile(join(disk, 'old.jpg'), 'old');
      const env = { LOCAL_PATHS: `small=${disk}`, LOCAL_WRITABLE: 'true' };
      const running = await startFolderApp({ env });
      try {
        const body = Buffer.alloc(4 * MIB, 'x');
        const framed = Buffer.concat([
          Buffer.from(`${body.length.toString(16)}\r\n`),
          body,
          Buffer.from('\r\n0\r\n\r\n'),
        ]);
        const request = isChunked ? { headers: { 'Transfer-Encoding': 'chunked' }, body: framed } : { body };
        for (const name of ['old.jpg', 'new.jpg']) {
          const answer = await ask(running.davPort, `/small/${name}`, { method: 'PUT', ...request });
          expect([name, answer.status]).toEqual([name, 507]);
        }
        expect(await readdir(disk)).toEqual(['old.jpg']);
        expect(await readFile(join(disk, 'old.jpg'), 'utf8')).toBe('old');
        const small = await ask(running.davPort, '/small/new.jpg', { method: 'PUT', body: 'fits' });
        expect(small.status).toBe(201);
        // Between two disks, a copy that does not fit leaves all where it is.
      } finally {
        await running.stop();
      }
    } finally {
      await succeed('umount', [disk]);
      await rm(disk, { recursive: true });
    }
  });

  it('below the root is another disk: MOVE there carries all over, and DELETE of the mount names what stays', async () => {
    const running = await startFolderApp({
      files: { 'photos/a.jpg': 'a', 'photos/deep/b.jpg': 'b', 'usb/.keep': '' },
      env: { LOCAL_WRITABLE: 'true' },
    });
    const usb = join(running.root, 'usb');
    await succeed('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', usb]);
    try {
      await running.rescan();
      const move = (from: string, to: string) =>
        ask(running.davPort, `/photos/${from}`, {
          method: 'MOVE',
          headers: { Destination: `/photos/${to}` },
        });
      for (const path of ['photos', 'photos/deep', 'photos/deep/b.jpg']) {
        const body = setting(`<p xmlns="urn:x">of ${path}</p>`);
        await ask(running.davPort, `/photos/${path}`, { method: 'PROPPATCH', body });
      }
      expect((await move('photos', 'usb/photos')).status).toBe(201);
      for (const path of ['photos', 'photos/deep', 'photos/deep/b.jpg']) {
        const body = propBody('{urn:x}p');
        const answer = await propfind(running.davPort, `/photos/usb/${path}`, { body });
        expect(onlyResponse(answer.body).found.get('{urn:x}p')).toBe(`of ${path}`);
      }
      expect(await readFile(join(usb, 'photos/deep/b.jpg'), 'utf8')).toBe('b');
      expect((await readdir(running.root)).sort()).toEqual(['usb']);
      expect((await ask(running.davPort, '/photos/usb/photos/a.jpg')).text).toBe('a');
      await writeFile(join(running.root, 'big.mp4'), Buffer.alloc(2 * MIB));
      await running.rescan();
      expect((await move('big.mp4', 'usb/big.mp4')).status).toBe(507);
      expect((await readdir(running.root)).sort()).toEqual(['big.mp4', 'usb']);
      expect(await readdir(usb)).toEqual(['photos']);
      const deleted = await ask(running.davPort, '/photos/usb', { method: 'DELETE' });
      expect([deleted.status, deleted.text]).toEqual([
        207,
        expect.stringContaining('<D:href>/photos/usb</D:href>'),
      ]);
    } finally {
      await succeed('umount', [usb]);
      await running.stop();
    }
  });
});
