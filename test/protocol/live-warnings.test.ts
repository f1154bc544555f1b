import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

const LEADS_OUT = 'a link that leads out of the source';
const HIDDEN = 'a hidden name';
const NOT_UTF8 = 'a name that is not UTF-8';

let work = '';
let photos = '';
let server: MediadavProcess;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-left-out-'));
  photos = join(work, 'photos');
  await mkdir(photos);
  await writeFile(join(work, 'outside.jpg'), 'outside');
  await symlink(join(work, 'outside.jpg'), join(photos, 'first.jpg'));
  await writeFile(join(photos, 'a.jpg'), 'a');
  server = await startProcess({ args: [photos], env: { RESCAN_INTERVAL: '0' } });
});
afterAll(async () => {
  await server?.stop();
  await rm(work, { recursive: true, force: true });
});

/** Reasons and how often, by reason. */
async function warnings(): Promise<Record<string, number>> {
  const { warnings: told } = await server.health('photos');
  return Object.fromEntries(told.map(({ reason, count }) => [reason, count] as const).sort());
}
const become = (expected: Record<string, number>) =>
  until(async () => JSON.stringify(await warnings()) === JSON.stringify(expected));

it('counts what is left out as it comes and goes, without a scan', { timeout: 60_000 }, async () => {
  expect(await warnings()).toEqual({ [LEADS_OUT]: 1 });
  const { lastScan } = await server.health('photos');

  const odd = Buffer.concat([Buffer.from(`${photos}/caf`), Buffer.from([0xe9]), Buffer.from('.jpg')]);
  await writeFile(odd, 'named by an old system');
  await symlink(join(work, 'outside.jpg'), join(photos, 'second.jpg'));
  await become({ [LEADS_OUT]: 2, [NOT_UTF8]: 1 });

  // The same again is still the same.
  await rm(join(photos, 'second.jpg'));
  await symlink(join(work, 'outside.jpg'), join(photos, 'second.jpg'));
  await writeFile(odd, 'written once more');
  await writeFile(join(photos, 'b.jpg'), 'something to wait for');
  await until(async () => (await server.health('photos')).assets === 2);
  await sleep(500);
  expect(await warnings()).toEqual({ [LEADS_OUT]: 2, [NOT_UTF8]: 1 });

  // A folder that comes as a whole.
  const bag = join(work, 'bag');
  await mkdir(bag);
  for (const name of ['.one.jpg', '.two.jpg', 'c.jpg']) await writeFile(join(bag, name), name);
  await symlink(join(work, 'outside.jpg'), join(bag, 'third.jpg'));
  await rename(bag, join(photos, 'bag'));
  await become({ [HIDDEN]: 2, [LEADS_OUT]: 3, [NOT_UTF8]: 1 });

  await rename(join(photos, 'bag'), bag);
  await rm(odd);
  await become({ [LEADS_OUT]: 2 });
  // One becomes a photo.
  await rm(join(photos, 'first.jpg'));
  await rename(join(work, 'outside.jpg'), join(photos, 'first.jpg'));
  await become({ [LEADS_OUT]: 1 });
  expect((await server.health('photos')).lastScan).toBe(lastScan);
});
