import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Staged, WriteCall } from '../../../src/provider/provider.ts';
import type { Disk } from '../disk.ts';
import type { Root, StageAsk } from '../disk-messages.ts';
import type { PoolShare } from '../pool-share.ts';
import { otherDiskRef } from '../unmounted.ts';
import { ContentPieces } from './content-pieces.ts';
import { Filling } from './filling.ts';
import { checkShown, leftOut, splitPlace } from './held-folder.ts';
import { leaveToScan } from './leave-to-scan.ts';
import { type OpenedFolder, type OpenFolder, OpenFolders } from './open-folders.ts';
import { StagedEntry } from './staged-entry.ts';
import type { QueuedFile, StagingQueue } from './staging-queue.ts';
import { translateWriteError } from './translate-write-error.ts';

export interface Receiving {
  readonly disk: Disk;
  /** To the same disk. */
  readonly queue: StagingQueue;
  /** For what is not asked of the disk's thread. */
  readonly share: PoolShare;
  /** The source as it was configured. */
  readonly givenPath: string;
  /** As it was found last. */
  readonly root: Root;
  readonly call: WriteCall;
  /** Of the staged file. */
  readonly stagingName: string;
}

const OPEN_FOLDERS = new OpenFolders();

/** See `Provider.receive`. */
export async function receive(
  { disk, queue, share, givenPath, root, call, stagingName }: Receiving,
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
    const wanted = { path: folderAt, before: open, share };
    const folder = await folderOf({ ...staged, mayBeUnmounted }, wanted).catch((error: unknown) => {
      leave();
      throw error;
    });
    const { fd } = staged;
    const filling = new Filling({ fd, share, signal: call.signal });
    try {
      const restBytes = isWhole ? 0 : await filling.fill(pieces, modifiedMs);
      const sizeBytes = firstBytes + restBytes;
      const own = { path, stagingName, kind: 'asset', sizeBytes, fd } as const;
      return new StagedEntry({ disk, root, folder, ...own, onOver: leave });
    } catch (error) {
      if (filling.isAtDisk) {
        filling.removeLater(join(folderAt, stagingName));
      } else {
        await leaveToScan(() => disk.ask('drop', { folder: folder.asked, stagingName, fd }));
      }
      await folder.letGo();
      throw error;
    }
  } catch (error) {
    // The reason of a call that was ended is what counts, not how the stream took it.
    throw call.signal.aborted ? call.signal.reason : translateWriteError(error);
  } finally {
    pieces.letGo();
  }
}

interface FolderWanted {
  readonly path: string;
  /** What was open there. */
  readonly before: OpenFolder | null;
  readonly share: PoolShare;
}

/** The one that was open, unless it had to be opened anew. */
async function folderOf(opened: OpenedFolder, { path, before, share }: FolderWanted): Promise<OpenFolder> {
  if (before?.fd === opened.folderFd) return before;
  await before?.letGo();
  return OPEN_FOLDERS.add(path, opened, share);
}
