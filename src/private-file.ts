import { chmodSync, closeSync, openSync, statSync } from 'node:fs';

/** Names, places and times of somebody's photos: nobody else's business. */
const PRIVATE = 0o600;
const OTHERS = 0o077;

/**
 * Sees to it that only its owner may read a database of ours, whoever made the folder that it is in. To be called before
 * the file is opened; SQLite gives the files that it makes beside it the permissions of the first one. Never throws: a
 * file that cannot be made or changed is for whoever opens it to complain about, and some file systems know no permissions.
 * @param file absolute path of the database.
 */
export function makePrivate(file: string): void {
  if (isMade(file)) return;
  // What an earlier one has left.
  for (const ending of ['', '-wal', '-shm', '-journal']) restrict(file + ending);
}

/**
 * Never opens a file that is there: closing it would let go of the locks that SQLite holds on it in this process
 * (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
 */
function isMade(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', PRIVATE));
    return true;
  } catch {
    // It is there already, or cannot be made: a full disk, a folder that is not ours.
    return false;
  }
}

function restrict(file: string): void {
  try {
    if ((statSync(file).mode & OTHERS) !== 0) chmodSync(file, PRIVATE);
  } catch {
    // It is not there, not ours, or on a disk without permissions, where whoever mounted it decides who reads.
  }
}
