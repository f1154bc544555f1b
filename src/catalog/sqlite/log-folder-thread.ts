import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogFolderReply, LogFolderRequest, LogFolderStart } from './log-folder.ts';

/* The thread of `LogFolder`. Without a file to open it ends, which its owner notices. */

/** What `wal_checkpoint` tells, in pages. */
interface Told {
  readonly log: number;
  readonly checkpointed: number;
}

const { file } = workerData as LogFolderStart;
const database = new DatabaseSync(file);
// As the one who writes.
database.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;');
const fold = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
const length = database.prepare('PRAGMA wal_checkpoint(NOOP)');
/** A commit that changes nothing. An UPDATE that changes nothing would be none. */
const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
const beginAnew = database.prepare(`PRAGMA user_version = ${version}`);

/** Short readings keep the log from ending; between them there is time. Whoever writes waits, so not for a long one. */
const MAX_TRIES = 10;
const PAUSE_MS = 2;
const NOBODY = new Int32Array(new SharedArrayBuffer(4));

/** @returns whether the log began anew. */
function foldAll(): boolean {
  const before = fold.get() as unknown as Told;
  if (before.log !== before.checkpointed) return false;
  // Whoever writes next would begin the log anew, and wait for the disk to have its first page: so that is done here.
  beginAnew.run();
  const { log } = length.get() as unknown as Told;
  // While somebody reads the old one, that commit is its last, and if it were not folded it would keep it from ending.
  if (log > before.log) fold.get();
  return log <= before.log;
}

parentPort?.on('message', (request: LogFolderRequest) => {
  if (request === 'end') {
    database.close();
    parentPort?.close();
    return;
  }
  try {
    for (let tries = 1; !foldAll() && tries < MAX_TRIES; tries++) Atomics.wait(NOBODY, 0, 0, PAUSE_MS);
  } catch (error) {
    // A full disk, or one that fails: the log keeps everything, whoever writes is told, and the next time comes. As SQLite
    // takes it when it folds by itself.
    if ((error as { errcode?: unknown }).errcode === undefined) throw error;
  }
  parentPort?.postMessage(null satisfies LogFolderReply);
});
