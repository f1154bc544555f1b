import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

const PATIENCE = { timeout: 90_000 };
const LONG_AGO = new Date('2024-06-15T12:00:00Z');

let work = '';
let photos = '';
let server: MediadavProcess;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-problems-'));
  photos = join(work, 'photos');
  await mkdir(photos);
  await mkdir(join(work, 'data'));
});
afterAll(async () => {
  await server?.stop();
  await rm(work, { recursive: true, force: true });
});

const put = async (name: string, content: Buffer) => {
  await writeFile(join(photos, name), content);
  await utimes(join(photos, name), LONG_AGO, LONG_AGO);
};
const start = async () => {
  server = await startProcess({ args: [photos], dataDir: join(work, 'data') });
};
const problems = async () => (await server.health('photos')).fileProblems;
const damaged = (count: number, example: string) => [{ reason: 'a damaged image', count, example }];
const becomes = (expected: object[]) =>
  until(async () => JSON.stringify(await problems()) === JSON.stringify(expected));

it(
  'what is wrong with files is what is wrong now: over a restart, until they are mended or gone',
  PATIENCE,
  async () => {
    const whole = await sharp({ create: { width: 40, height: 30, channels: 3, background: '#d02020' } })
      .png()
      .toBuffer();
    for (const name of ['a.png', 'b.png', 'c.png']) await put(name, whole.subarray(0, 20));
    await put('d.png', whole);
    await start();
    await becomes(damaged(3, 'a.png'));

    await server.stop();
    await start();
    expect(await problems()).toEqual(damaged(3, 'a.png'));

    // Mended while the server looks on, and gone.
    await put('a.png', whole);
    await becomes(damaged(2, 'b.png'));
    await rm(join(photos, 'b.png'));
    await becomes(damaged(1, 'c.png'));

    // Mended while it does not.
    await server.kill();
    await put('c.png', whole);
    await start();
    await becomes([]);
  },
);
