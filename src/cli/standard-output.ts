import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * Writes pieces of text to standard output, no faster than they are taken. Whoever takes them may stop at any time,
 * as `head` does: that is an end, not an error.
 */
export async function print(pieces: AsyncIterable<string>, out: Writable = process.stdout): Promise<void> {
  let failure: NodeJS.ErrnoException | null = null;
  // Stays: the complaint about the last piece may come when all is done.
  out.on('error', (error: NodeJS.ErrnoException) => {
    failure = error;
  });
  const hasFailed = (): boolean => failure !== null;
  for await (const piece of pieces) {
    if (hasFailed()) break;
    if (out.write(piece) || hasFailed()) continue;
    await once(out, 'drain').catch((error: NodeJS.ErrnoException) => {
      failure = error;
    });
  }
  const error = failure as NodeJS.ErrnoException | null;
  if (error !== null && error.code !== 'EPIPE') throw error;
}
