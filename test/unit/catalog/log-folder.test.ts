import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogFolder, type LogFolderOptions } from '../../../src/catalog/sqlite/log-folder.ts';
import { WriteConnection } from '../../../src/catalog/sqlite/write-connection.ts';

/** Of 4 KiB, and one row takes one: the log is long after 1,000 of them. */
const LONG = 1_200;
/** With its header. */
const PAGE_IN_LOG_BYTES = 4_120;

let home: string;
let scenes: Scene[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mediadav-fold-'));
  scenes = [];
});
afterEach(async () => {
  for (const scene of scenes) await scene.close();
  await rm(home, { recursive: true });
});

it('folds in what a process that was killed has left, and begins the log anew', async () => {
  const killed = await open('killed.db', { entry: thread(NEVER_ANSWERS) });
  await killed.write(LONG);
  for (const part of ['', '-wal']) await copyFile(`${killed.file}${part}`, join(home, `next.db${part}`));

  const next = await open('next.db');
  await next.write(1);
  await next.connection.untilFree();
  expect(next.pagesInLog()).toBeLessThan(10);
  expect(next.rows()).toBe(LONG + 1);
});

it('leaves no log on the disk as long as the longest commit was', async () => {
  const scene = await open('long.db');
  await scene.write(20_000);
  await scene.connection.untilFree();
  expect((await stat(`${scene.file}-wal`)).size).toBeLessThanOrEqual(64 * 1024 * 1024);
  expect(scene.rows()).toBe(20_000);
});

it('makes no catalog where somebody has removed one', async () => {
  const scene = await open('removed.db');
  await scene.write(1);
  for (const part of ['', '-wal', '-shm']) await rm(`${scene.file}${part}`);
  await scene.write(LONG);
  await scene.connection.untilFree();
  expect(scene.folded).toBe(1);
  expect(await readdir(home)).toEqual([]);
  expect(scene.rows()).toBe(LONG + 1);
});

it('while the disk is waited for, readers are answered, and who writes waits', async () => {
  const answer = new BroadcastChannel('answer');
  const slow = await open('slow.db', { entry: thread(ANSWERS_WHEN_TOLD) });
  await slow.write(LONG);
  let isWritten = false;
  const writing = slow.write(1).then(() => {
    isWritten = true;
  });
  for (let round = 0; round < 20; round++) {
    await turn();
    expect(slow.rows()).toBe(LONG);
  }
  expect(isWritten).toBe(false);
  const telling = setInterval(() => answer.postMessage('now'), 10);
  await writing;
  clearInterval(telling);
  answer.close();
  expect(slow.rows()).toBe(LONG + 1);
});

it('goes on without the thread, and the log does not grow', async () => {
  const alone = await open('alone.db', { entry: thread('throw new Error("no thread today");') });
  await alone.write(LONG);
  await alone.connection.untilFree();
  const { size } = await stat(`${alone.file}-wal`);
  for (let round = 0; round < 10; round++) await alone.write(LONG);
  expect((await stat(`${alone.file}-wal`)).size).toBeLessThan(2.5 * size);
  expect(alone.rows()).toBe(11 * LONG);
});

it('what somebody reads without end is tried again now and then, and folded when they have left', async () => {
  const scene = await open('read.db');
  const reader = new DatabaseSync(scene.file, { readOnly: true });
  await scene.write(1);
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM step').get();
  for (let round = 0; round < 1_000; round++) await scene.write(LONG / 200);
  await scene.connection.untilFree();
  expect(scene.folded).toBeGreaterThanOrEqual(3);
  expect(scene.folded).toBeLessThanOrEqual(70);
  reader.close();
  await scene.write(LONG);
  await scene.connection.untilFree();
  expect(scene.pagesInLog()).toBeLessThan(10);
});

it('the log begins anew although somebody always reads', async () => {
  const scene = await open('busy.db');
  await scene.write(LONG / 2);
  const reader = new Worker(thread(ALWAYS_READS), { workerData: scene.file });
  await once(reader, 'message');
  // Where it does not begin anew in time, because the machine is busy and a reading takes long, it does later.
  let writtenBytes = (LONG / 2) * PAGE_IN_LOG_BYTES;
  const isShort = async () => (await stat(`${scene.file}-wal`)).size < writtenBytes / 4;
  for (let round = 0; round < 120 || (round < 600 && !(await isShort())); round++) {
    await scene.write(LONG / 4);
    writtenBytes += (LONG / 4) * PAGE_IN_LOG_BYTES;
  }
  await scene.connection.untilFree();
  await reader.terminate();
  expect(scene.folded).toBeGreaterThan(5);
  expect(await isShort()).toBe(true);
});

it('ends its thread when there is nothing to do, begins another one, and leaves no file open', async () => {
  const scene = await open('idle.db', { idleMs: 0 });
  await scene.write(1);
  expect(scene.rows()).toBe(1);
  const before = (await openFiles(scene.file)).length;
  for (let round = 0; round < 3; round++) {
    await scene.write(LONG);
    await scene.connection.untilFree();
    // SQLite keeps one descriptor of the database for the next who opens it here, or its locks would be lost.
    while ((await openFiles(scene.file)).length > before + 1) await turn();
  }
  expect(scene.folded).toBe(3);
  await scene.close();
  expect(await openFiles(scene.file)).toEqual([]);
});

it('ends after the call under way, and a process that waits for nothing else stays until then', () => {
  const catalogs = new URL('../../../src/catalog/sqlite/', import.meta.url);
  // What was written is folded in while the catalog is being closed.
  const code = `
    import { DatabaseSync } from 'node:sqlite';
    import { LogFolder } from ${JSON.stringify(new URL('log-folder.ts', catalogs))};
    const file = ${JSON.stringify(join(home, 'ending.db'))};
    const database = new DatabaseSync(file);
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE step (name TEXT)');
    const log = new LogFolder(file);
    await log.fold();
    const last = log.fold();
    await log.close();
    await last;
    console.log('closed');`;
  const told = execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
  expect(told).toBe('closed\n');
});

it('who waits is told when the thread is lost while it is being closed', async () => {
  const log = new LogFolder(join(home, 'lost.db'), { entry: thread(ENDS_WITHOUT_ANSWER) });
  const folding = log.fold();
  while (!log.isRunning) await turn();
  const closing = log.close();
  await expect(folding).rejects.toThrow('ended');
  await closing;
});

interface Scene {
  readonly file: string;
  readonly connection: WriteConnection;
  /** How often folding began. */
  readonly folded: number;
  /** So many pages, in one transaction. */
  write(rows: number): Promise<void>;
  rows(): unknown;
  pagesInLog(): number;
  close(): Promise<void>;
}

class CountedFolder extends LogFolder {
  folds = 0;

  override async fold(): Promise<void> {
    this.folds += 1;
    await super.fold();
  }
}

async function open(name: string, options: LogFolderOptions = {}): Promise<Scene> {
  const file = join(home, name);
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS step (name TEXT)');
  const log = new CountedFolder(file, options);
  const connection = new WriteConnection(database, log);
  const reading = new DatabaseSync(file, { readOnly: true });
  const insert = database.prepare('INSERT INTO step VALUES (?)');
  const count = reading.prepare('SELECT count(*) AS rows FROM step');
  const scene: Scene = {
    file,
    connection,
    get folded() {
      return log.folds;
    },
    async write(rows) {
      await connection.transaction(() => {
        for (let at = 0; at < rows; at++) insert.run('x'.repeat(4_000));
      });
    },
    rows: () => count.get()?.rows,
    pagesInLog: () => Number(database.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.log),
    async close() {
      if (!database.isOpen) return;
      reading.close();
      await log.close();
      database.close();
    },
  };
  scenes.push(scene);
  return scene;
}

const NEVER_ANSWERS = `
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (request) => {
    if (request === 'end') process.exit();
  });`;

/** One reading after the other, each of some milliseconds. */
const ALWAYS_READS = `
  import { DatabaseSync } from 'node:sqlite';
  import { parentPort, workerData } from 'node:worker_threads';
  const database = new DatabaseSync(workerData, { readOnly: true });
  const read = database.prepare('SELECT sum(length(name)) AS sum FROM (SELECT name FROM step LIMIT 2000)');
  const again = () => {
    read.get();
    parentPort.postMessage('read');
    setImmediate(again);
  };
  again();`;

const ENDS_WITHOUT_ANSWER = `
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', () => process.exit());`;

const ANSWERS_WHEN_TOLD = `
  import { parentPort } from 'node:worker_threads';
  const told = new BroadcastChannel('answer');
  parentPort.on('message', (request) => {
    if (request === 'end') process.exit();
    told.onmessage = () => parentPort.postMessage(null);
  });`;

function thread(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** Those of this process, of all connections to the database. */
async function openFiles(file: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const descriptor of await readdir('/proc/self/fd')) {
    // One that was closed meanwhile leads nowhere.
    const path = await readlink(`/proc/self/fd/${descriptor}`).catch(() => '');
    if (path === file || path === `${file}-wal`) found.push(path);
  }
  return found;
}
