import { close, fsync, mkdir, open, rename, write } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';

/*
 * What a disk itself takes for files that are stored to last: nothing but the calls of the system, as a process of its own.
 * Its order comes as JSON through standard input; how long it took goes to standard output, as JSON too.
 */

export interface DiskOrder {
  /** Made anew, for the files. */
  readonly folder: string;
  readonly files: number;
  readonly fileBytes: number;
  /** Written to at a time. */
  readonly lanes: number;
}

export interface DiskResult {
  readonly durationMs: number;
}

const [makeFolder, openFile, writeFile, sync, closeFile, renameFile] = [
  promisify(mkdir),
  promisify(open),
  promisify(write),
  promisify(fsync),
  promisify(close),
  promisify(rename),
];
const PIECE_BYTES = 1024 * 1024;

/** Written, synced, renamed, and the folder synced: as safe as an upload is to be. */
async function storeSome(order: DiskOrder, next: () => number | undefined, folder: number): Promise<void> {
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, order.fileBytes), 'mediadav');
  for (let file = next(); file !== undefined; file = next()) {
    const staged = join(order.folder, `.${file}`);
    const opened = await openFile(staged, 'wx');
    for (let left = order.fileBytes; left > 0; left -= piece.length) {
      await writeFile(opened, piece, 0, Math.min(left, piece.length));
    }
    await sync(opened);
    await closeFile(opened);
    await renameFile(staged, join(order.folder, `${file}`));
    await sync(folder);
  }
}

async function run(order: DiskOrder): Promise<DiskResult> {
  await makeFolder(order.folder);
  const folder = await openFile(order.folder, 'r');
  const files = Array.from({ length: order.files }, (_, file) => file).values();
  const startedMs = performance.now();
  const next = () => files.next().value;
  await Promise.all(Array.from({ length: order.lanes }, () => storeSome(order, next, folder)));
  const durationMs = performance.now() - startedMs;
  await closeFile(folder);
  return { durationMs };
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await run((await json(process.stdin)) as DiskOrder)));
}
