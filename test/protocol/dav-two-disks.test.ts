import { appendFileSync, readdirSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { succeed } from './client-command.ts';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { lock } from './dav-lock-requests.ts';
import { ask } from './dav-wire.ts';
import { lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const needs = lookUp('mount', MOUNT_RIGHTS);
const LARGE = Buffer.alloc(48 * 1024 * 1024, 'a');

describe.skipIf(needs.areMissing)(
  `MOVE between two disks, while somebody else is at work${needs.note}`,
  () => {
    let running: FolderApp;
    let usb = '';

    beforeAll(async () => {
      running = await startFolderApp({ files: { 'usb/.keep': '' }, env: { LOCAL_WRITABLE: 'true' } });
      usb = join(running.root, 'usb');
      await succeed('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'none', usb]);
    });
    afterAll(async () => {
      await succeed('umount', [usb]);
      await running.stop();
    });

    const move = (name: string) =>
      ask(running.davPort, `/photos/${name}`, {
        method: 'MOVE',
        headers: { Destination: `/photos/usb/${name}` },
      });
    /** Resolves when the copying has begun. */
    const untilUnderWay = async () => {
      while (!readdirSync(usb).some((name) => name.startsWith('.mediadav-upload'))) await turn();
    };

    it('what is written to the original is not lost: 503, and doing it again moves that', async () => {
      const original = join(running.root, 'film.mp4');
      await writeFile(original, LARGE);
      await running.rescan();
      const moving = move('film.mp4');
      await untilUnderWay();
      appendFileSync(original, 'the end');
      const answer = await moving;
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toBeDefined();
      expect((await readFile(original)).subarray(LARGE.length).toString()).toBe('the end');

      expect((await move('film.mp4')).status).toBeLessThan(300);
      expect((await readFile(join(usb, 'film.mp4'))).subarray(LARGE.length).toString()).toBe('the end');
      expect(await readdir(running.root)).not.toContain('film.mp4');
      expect((await readdir(usb)).filter((name) => name.startsWith('.'))).toEqual([]);
    });

    it('who locks the original keeps it: 423', async () => {
      await writeFile(join(running.root, 'locked.mp4'), LARGE);
      await running.rescan();
      const moving = move('locked.mp4');
      await untilUnderWay();
      const locked = await lock(running.davPort, '/photos/locked.mp4');
      expect((await moving).status).toBe(423);
      expect(locked.status).toBe(200);
      expect(await readdir(running.root)).toContain('locked.mp4');
    });
  },
);
