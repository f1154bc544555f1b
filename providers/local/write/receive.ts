import { fdatasync, fsync, futimes, writev } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { Staged, WriteCall } from '../../../src/provider/provider.ts';
import type { Disk } from '../disk.ts';
import type { Root, StageAsk } from '../disk-messages.ts';
import { otherDiskRef } from '../unmounted.ts';
import { ContentPieces } from './content-pieces.ts';
import { checkShown, leftOut, splitPlace } from './held-folder.ts';
import { type OpenedFolder, type OpenFolder, OpenFolders } from './open-folders.ts';
import { StagedEntry } from './staged-entry.ts';
import type { QueuedFile, StagingQueue } from './staging-queue.ts';
import { translateWriteError } from './translate-write-error.ts';

export interface Receiving {
  readonly disk: Disk;
  /** To the same disk. */
  readonly queue: StagingQueue;
  /** The source as it was configured. */
  readonly givenPath: string;
  /** As it was found last. */
  readonly root: Root;
  readonly call: WriteCall;
  /** Of the staged file. */
  readonly stagingName: string;
}

/** A large file is brought to the disk while the rest of it comes in, so that its end does not wait for all of it. */
const SYNC_BYTES = 32 * 1024 * 1024;

const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const setTimes = promisify(futimes);
const writePieces = promisify(writev);

const OPEN_FOLDERS = new OpenFolders();

/** See `Provider.receive`. */
export async function receive(
  { disk, queue, givenPath, root, call, stagingName }: Receiving,
  path: string,
  content: Readable,
  { modifiedMs }: { readonly modifiedMs: number | null },
): Promise<Staged> {
  if (!call.accepts(path)) throw leftOut();
  const { folderPath } = splitPlace(path);
  checkShown(folderPath, call);
  const pieces = new ContentPieces(content, call.signal);
  try {
    // What is short is known to be over before anything is opened, and takes one message.
    const first = await pieces.first();
    const firstBytes = first.length;
    // Asked once: the end of what is longer may come at any moment.
    const isWhole = pieces.isOver;
    const folderAt = join(root.path, folderPath);
    const open = OPEN_FOLDERS.take(folderAt);
    let mayBeUnmounted: boolean;
    let queued: QueuedFile;
    try {
      mayBeUnmounted = open?.mayBeUnmounted ?? (await otherDiskRef(folderPath, call.held)) !== null;
      const ask: StageAsk = {
        ...{ givenPath, root, stagingName, bytes: first, isWhole, modifiedMs: isWhole ? modifiedMs : null },
        folder: { fd: open?.fd ?? null, path: folderAt },
        mayBeUnmounted,
      };
      queued = isWhole
        ? await queue.stage(ask)
        : { staged: await disk.ask('stage', ask), leave: () => undefined };
    } catch (error) {
      await open?.letGo();
      throw error;
    }
    const { staged, leave } = queued;
    const folder = await folderOf({ ...staged, mayBeUnmounted }, folderAt, open).catch((error: unknown) => {
      leave();
      throw error;
    });
    const { fd } = staged;
    try {
      const restBytes = isWhole ? 0 : await fill(fd, pieces, modifiedMs);
      const sizeBytes = firstBytes + restBytes;
      const own = { path, stagingName, kind: 'asset', sizeBytes, fd } as const;
      return new StagedEntry({ disk, root, folder, ...own, onOver: leave });
    } catch (error) {
      await disk.ask('drop', { folder: folder.asked, stagingName, fd }).finally(() => folder.letGo());
      throw error;
    }
  } catch (error) {
    // The reason of a call that was ended is what counts, not how the stream took it.
    throw call.signal.aborted ? call.signal.reason : translateWriteError(error);
  } finally {
    pieces.letGo();
  }
}

/** The one that was open, unless it had to be opened anew. */
async function folderOf(opened: OpenedFolder, path: string, before: OpenFolder | null): Promise<OpenFolder> {
  if (before?.fd === opened.folderFd) return before;
  await before?.letGo();
  return OPEN_FOLDERS.add(path, opened);
}

/** Writes the rest to the disk: one part is synced while the next one comes in. @returns its size in bytes. */
async function fill(fd: number, pieces: ContentPieces, modifiedMs: number | null): Promise<number> {
  let sizeBytes = 0;
  let unsyncedBytes = 0;
  let syncing: Promise<void> | null = null;
  try {
    for (let some = await pieces.next(); some !== null; some = await pieces.next()) {
      const lengthBytes = await writeAll(fd, some);
      sizeBytes += lengthBytes;
      unsyncedBytes += lengthBytes;
      if (unsyncedBytes < SYNC_BYTES) continue;
      unsyncedBytes = 0;
      // The disk is told of an error once, and whoever syncs first is told; so no outcome may be missed.
      await syncing;
      syncing = syncData(fd);
      syncing.catch(() => undefined);
    }
  } finally {
    // Nothing may use the file any more when this is over.
    await syncing;
  }
  if (modifiedMs !== null) await setTimes(fd, Date.now() / 1000, modifiedMs / 1000);
  await syncAll(fd);
  return sizeBytes;
}

/** @returns how many bytes that were. */
async function writeAll(fd: number, pieces: readonly Buffer[]): Promise<number> {
  const totalBytes = pieces.reduce((sum, { length }) => sum + length, 0);
  let left = pieces;
  for (let leftBytes = totalBytes; leftBytes > 0; ) {
    const { bytesWritten } = await writePieces(fd, left);
    leftBytes -= bytesWritten;
    if (leftBytes > 0) left = after(left, bytesWritten);
  }
  return totalBytes;
}

/** What is left of them when so many bytes are written: a disk that is nearly full takes some. */
function after(pieces: readonly Buffer[], writtenBytes: number): Buffer[] {
  let skipBytes = writtenBytes;
  return pieces.flatMap((piece) => {
    const skipped = Math.min(skipBytes, piece.length);
    skipBytes -= skipped;
    return skipped === piece.length ? [] : [piece.subarray(skipped)];
  });
}
