import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteCatalog, openSqliteReader } from '../../../src/catalog/sqlite/sqlite-catalog.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediadav-lock-'));
  file = join(folder, 'data', 'catalog.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that opens the catalog and keeps it open. */
async function holder(): Promise<{ kill(): Promise<void> }> {
  const module = new URL('../../../src/catalog/sqlite/sqlite-catalog.ts', import.meta.url).href;
  const script = `
    const { openSqliteCatalog } = await import(${JSON.stringify(module)});
    const catalog = openSqliteCatalog(${JSON.stringify(file)}, 'windows');
    await catalog.writer.ensureSource('theirs');
    console.log('open');
    setInterval(() => catalog.reader.headSeq(), 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return {
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

it('lets one process write, and the next one after it was killed', async () => {
  const other = await holder();
  try {
    expect(() => openSqliteCatalog(file, 'windows')).toThrow(
      expect.objectContaining({ code: 'locked', message: expect.stringMatching(/^Another mediadav writes/) }),
    );
  } finally {
    await other.kill();
  }
  const catalog = openSqliteCatalog(file, 'windows');
  expect(await catalog.reader.source('theirs')).not.toBeNull();
  await catalog.close();
});

it('lets others read meanwhile', async () => {
  const other = await holder();
  try {
    const { reader, close } = openSqliteReader(file);
    expect(await reader.source('theirs')).not.toBeNull();
    close();
  } finally {
    await other.kill();
  }
});

it('holds for one process, too, and whatever way leads to the file', async () => {
  const catalog = openSqliteCatalog(file, 'windows');
  const link = join(folder, 'link');
  symlinkSync(join(folder, 'data'), link);
  for (const path of [file, join(link, 'catalog.db'), join(folder, 'data', '..', 'data', 'catalog.db')]) {
    expect(() => openSqliteCatalog(path, 'windows')).toThrow(/Another mediadav/);
  }
  const elsewhere = openSqliteCatalog(join(folder, 'data', 'other.db'), 'windows');
  await elsewhere.close();
  await catalog.close();
  await openSqliteCatalog(file, 'windows').close();
});

it('says what to do where there is nothing to read', () => {
  expect(() => openSqliteReader(file)).toThrow(
    /There is no catalog yet: start the server, or run "mediadav scan"/,
  );
});

it('does not read what an older mediadav wrote, nor what a newer one did', async () => {
  const { DatabaseSync } = await import('node:sqlite');
  const { MIGRATIONS } = await import('../../../src/catalog/sqlite/schema.ts');
  await openSqliteCatalog(file, 'windows').close();
  for (const [version, message] of [
    [MIGRATIONS.length - 1, /older mediadav: start the server/],
    [MIGRATIONS.length + 1, /newer mediadav/],
  ] as const) {
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
    expect(() => openSqliteReader(file)).toThrow(message);
  }
});

it('can be opened again after it could not be', async () => {
  const { writeFileSync } = await import('node:fs');
  await openSqliteCatalog(file, 'windows').close();
  writeFileSync(file, 'not a database at all, but long enough to be looked at as one'.repeat(100));
  expect(() => openSqliteCatalog(file, 'windows')).toThrow(expect.objectContaining({ code: 'corrupt' }));
  rmSync(file);
  await openSqliteCatalog(file, 'windows').close();
});
