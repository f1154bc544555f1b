import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Staged, WriteCall } from '../../../src/provider/provider.ts';
import type { Root } from '../disk-messages.ts';
import { holdPlace, leftOut } from './held-folder.ts';
import { StagedEntry } from './staged-entry.ts';
import { translateWriteError } from './translate-write-error.ts';

export interface Receiving {
  readonly root: Root;
  readonly call: WriteCall;
  /** Of the staged file. */
  readonly stagingName: string;
}

/** A large file is brought to the disk while the rest of it comes in, so that its end does not wait for all of it. */
const SYNC_BYTES = 32 * 1024 * 1024;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** See `Provider.receive`. */
export async function receive(
  { root, call, stagingName }: Receiving,
  path: string,
  content: Readable,
  want: { readonly modifiedMs: number | null },
): Promise<Staged> {
  if (!call.accepts(path)) throw leftOut();
  const place = await holdPlace(root, path, call);
  const staged = place.folder.at(stagingName);
  try {
    const handle = await open(staged, NEW_FILE, 0o666);
    try {
      const sizeBytes = await fill(handle, content, want, call.signal);
      return new StagedEntry({ root, place, stagingName, kind: 'asset', sizeBytes });
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(staged, { force: true });
    await place.folder.close();
    // The reason of a call that was ended is what counts, not how the stream took it.
    throw call.signal.aborted ? call.signal.reason : translateWriteError(error);
  }
}

/** What came while the disk was busy is handed out in one piece by the stream. @returns the size in bytes. */
async function fill(
  handle: FileHandle,
  content: Readable,
  { modifiedMs }: { readonly modifiedMs: number | null },
  signal: AbortSignal,
): Promise<number> {
  let sizeBytes = 0;
  let unsyncedBytes = 0;
  let syncing: Promise<void> | null = null;
  try {
    for await (const chunk of addAbortSignal(signal, content)) {
      for (let from = 0; from < chunk.length; ) {
        const { bytesWritten } = await handle.write(chunk as Buffer, from);
        from += bytesWritten;
      }
      sizeBytes += chunk.length;
      unsyncedBytes += chunk.length;
      if (unsyncedBytes < SYNC_BYTES) continue;
      unsyncedBytes = 0;
      // The disk is told of an error once, and whoever syncs first is told; so no outcome may be missed.
      await syncing;
      syncing = handle.datasync();
      syncing.catch(() => undefined);
    }
  } finally {
    // Nothing may use the handle any more when this is over.
    await syncing;
  }
  if (modifiedMs !== null) await handle.utimes(Date.now() / 1000, modifiedMs / 1000);
  await handle.sync();
  return sizeBytes;
}
