import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSqliteReader } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { listMembers } from './dav-listing.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

const FOLDERS = 1_000;
const FILES_EACH = 100;
const FILES = FOLDERS * FILES_EACH;
/** So large that reading them again could not be missed. */
const FILE_BYTES = 2_048;
/** All of it takes 110 s of a processor, half of them for making and removing the files; beside other work, some minutes. */
const PATIENCE = 400_000;

let work: string;
let photos: string;
let dataDir: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'mediadav-restart-large-'));
  [photos, dataDir] = [join(work, 'photos'), join(work, 'data')];
  mkdirSync(dataDir);
  for (let folder = 0; folder < FOLDERS; folder++) {
    const path = join(photos, nameOf('folder', folder));
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < FILES_EACH; file++) {
      writeFileSync(join(path, `${nameOf('file', file)}.txt`), `${folder} ${file}`.padEnd(FILE_BYTES, '.'));
    }
  }
}, PATIENCE);
afterAll(() => rm(work, { recursive: true, force: true }), PATIENCE);

it(`a restart with ${FILES} unchanged files serves before its rescan ends, and reads none of them again`, {
  timeout: PATIENCE,
}, async () => {
  const first = await serve();
  await until(() => isRead(first), PATIENCE);
  expect(first.log.some(({ message }) => String(message).includes(`looked into ${FILES} files`))).toBe(true);
  await first.stop();
  const head = await headOf();

  const again = await serve();
  // Whoever asks at once sees all of it, and the scan has not ended by then.
  const members = await listMembers(again.webdavUrl, `photos/${nameOf('folder', FOLDERS - 1)}`);
  const { state, assets } = await again.health('photos');
  expect(members.length).toBe(FILES_EACH);
  expect({ state, assets }).toEqual({ state: 'scanning', assets: FILES });

  const before = await again.health('photos');
  await until(async () => (await again.health('photos')).lastScan !== before.lastScan, PATIENCE);
  await until(() => isRead(again), PATIENCE);
  expect(await bytesRead(again)).toBeLessThan(FILES * FILE_BYTES);
  // It says how many files it has looked into, whenever it has.
  const messages = again.log.map(({ message }) => String(message));
  expect(messages.filter((text) => text.includes('up to date'))).toHaveLength(1);
  expect(messages.filter((text) => text.includes('looked into'))).toEqual([]);
  expect((await again.health('photos')).assets).toBe(FILES);
  await again.stop();
  // Nothing of it was written anew.
  expect(await headOf()).toBe(head);
});

function nameOf(what: string, number: number): string {
  return `${what} ${String(number).padStart(4, '0')}`;
}

function serve(): Promise<MediadavProcess> {
  const env = { LOCAL_PATHS: `photos=${photos}`, LOCAL_ALL_FILES: 'true' };
  return startProcess({ env, dataDir, waitsForScan: false });
}

async function isRead(server: MediadavProcess): Promise<boolean> {
  const { state, enriching, assets } = await server.health('photos');
  if (state !== 'ready' || enriching !== null || assets !== FILES) return false;
  const { reader, close } = openSqliteReader(join(dataDir, 'catalog.db'));
  try {
    return (await reader.pendingCount((await reader.source('photos'))?.id ?? 0)) === 0;
  } finally {
    close();
  }
}

/** All that the process has read by now, its own code and the catalog included. */
async function bytesRead({ pid }: MediadavProcess): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

async function headOf(): Promise<number> {
  const { reader, close } = openSqliteReader(join(dataDir, 'catalog.db'));
  try {
    return await reader.headSeq();
  } finally {
    close();
  }
}
