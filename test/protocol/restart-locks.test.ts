import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { locked, setting } from './dav-lock-requests.ts';
import { onlyResponse, propBody } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';

let work: string;
let root: string;
let running: MediadavProcess;

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-restart-locks-'));
  root = await mkdtemp(join(work, 'photos-'));
  await writeFile(join(root, 'a.jpg'), 'a');
  await mkdir(join(work, 'data'));
  running = await start();
});
afterEach(async () => {
  await running.stop();
  await rm(work, { recursive: true, force: true });
});

const start = () =>
  startProcess({ args: [root], env: { LOCAL_WRITABLE: 'true' }, dataDir: join(work, 'data') });
const port = () => Number(new URL(running.webdavUrl).port);

it('keeps locks, dead properties and system files when the process is killed', async () => {
  const folder = `/${basename(root)}`;
  const token = await locked(port(), `${folder}/a.jpg`, { Timeout: 'Second-3600' });
  const headers = { If: `(<${token}>)` };
  const body = setting('<x xml:lang="en">kept</x>');
  expect((await ask(port(), `${folder}/a.jpg`, { method: 'PROPPATCH', headers, body })).status).toBe(207);
  expect((await ask(port(), `${folder}/._a.jpg`, { method: 'PUT', body: 'attributes' })).status).toBe(201);
  await running.kill();
  running = await start();
  expect((await ask(port(), `${folder}/a.jpg`, { method: 'PUT', body: 'x' })).status).toBe(423);
  expect((await ask(port(), `${folder}/._a.jpg`)).text).toBe('attributes');
  const { found } = onlyResponse((await propfind(port(), `${folder}/a.jpg`, { body: propBody('{}x') })).body);
  expect(found.get('{}x')).toBe('kept');
  expect((await ask(port(), `${folder}/a.jpg`, { method: 'PUT', headers, body: 'x' })).status).toBe(204);
  const unlock = { method: 'UNLOCK', headers: { 'Lock-Token': `<${token}>` } };
  expect((await ask(port(), `${folder}/a.jpg`, unlock)).status).toBe(204);
});
