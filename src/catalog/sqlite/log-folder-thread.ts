import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogFolderReply, LogFolderRequest, LogFolderStart } from './log-folder.ts';
import { LEFT_LOG_BYTES } from './log-length.ts';

/* The thread of `LogFolder`. Without a file to open it ends, which its owner notices. */

/** A reading takes some milliseconds; who reads longer is waited for the next time. Whoever writes waits meanwhile. */
const READING_MS = 25;

const { file } = workerData as LogFolderStart;
// Never makes one: where somebody has removed the catalog, another one would be in its place.
const place = pathToFileURL(file);
place.searchParams.set('mode', 'rw');
const database = new DatabaseSync(place, { timeout: READING_MS });
// As the one who writes.
database.exec(
  `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LEFT_LOG_BYTES};`,
);
/**
 * Waits for those who read an older state, and then for all who read the log. Whoever begins to read when all of it is folded
 * in reads the file, and is not in the way. Not all of it, where somebody reads for longer.
 */
const fold = database.prepare('PRAGMA wal_checkpoint(RESTART)');
/** A commit that changes nothing. An UPDATE that changes nothing would be none. */
const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
const beginAnew = database.prepare(`PRAGMA user_version = ${version}`);

parentPort?.on('message', (request: LogFolderRequest) => {
  if (request === 'end') {
    database.close();
    parentPort?.close();
    return;
  }
  try {
    // Whoever writes next would begin the log anew, and wait for the disk to have its first page: so that is done here. Not
    // while somebody reads it: the commit would go to its end, and as that is not folded in, nobody could begin it anew.
    if (fold.get()?.busy === 0) beginAnew.run();
  } catch (error) {
    // A full disk, or one that fails: the log keeps everything, whoever writes is told, and the next time comes. As SQLite
    // takes it when it folds by itself.
    if ((error as { errcode?: unknown }).errcode === undefined) throw error;
  }
  parentPort?.postMessage(null satisfies LogFolderReply);
});
