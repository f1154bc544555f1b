import { CodedError } from '../model/coded-error.ts';
import type { Reply } from './exchange.ts';
import { sendByKernel } from './send-by-kernel.ts';
import { writePiece } from './write-piece.ts';

/** A content that is an open file of this machine. Whoever asked for it closes it. */
export interface FileBody {
  /** Absent: it is no single file, and what is read of it may be nowhere as a whole. */
  readonly fd?: number;
  /** Fills the buffer from this position of the file on. @returns how many bytes there were, 0 at the end. */
  readInto(buffer: Buffer, position: number): Promise<number>;
  /** Rejects `changed` when the file is not the promised content any more. */
  verify(): Promise<void>;
  close(): Promise<void>;
}

/** What is to be sent of a content. */
export interface BodyPart {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly startByte: number;
  readonly lengthBytes: number;
}

/** Large enough that system calls do not count, small enough to stay in a processor's cache between two of them. */
const PIECE_BYTES = 512 * 1024;

/**
 * Sends a part of a file: of a large one the beginning through the kernel, where that is possible, and everything else
 * through two buffers: one is filled while the other is on its way. Streams take a new buffer for
 * each piece instead, and giving those back took twice the time of reading and writing them.
 *
 * The status line waits for the first bytes, and the last bytes for a last look at the file, so that what was written to
 * meanwhile is never a whole answer. The caller closes the file, and destroys the response when this rejects.
 * @throws CodedError what the file rejects with; `corrupt` when it ends early; `cancelled` when the client leaves.
 */
export async function sendFile(reply: Reply, file: FileBody, part: BodyPart): Promise<void> {
  const { res, signal } = reply;
  let sentBytes = await sendByKernel(reply, file, part);
  const sizeBytes = Math.min(PIECE_BYTES, part.lengthBytes);
  // Not from Node's pool, which small things of others live in.
  let [filling, underWay] = [Buffer.allocUnsafeSlow(sizeBytes), Buffer.allocUnsafeSlow(sizeBytes)];
  let written: Promise<void> = Promise.resolve();
  while (sentBytes < part.lengthBytes) {
    signal.throwIfAborted();
    const wanted = filling.subarray(0, Math.min(sizeBytes, part.lengthBytes - sentBytes));
    const readBytes = await file.readInto(wanted, part.startByte + sentBytes);
    sentBytes += readBytes;
    if (readBytes === 0 || sentBytes === part.lengthBytes) await file.verify();
    if (readBytes === 0) {
      throw new CodedError('corrupt', `The file gave ${sentBytes} instead of ${part.lengthBytes} bytes.`);
    }
    await written;
    signal.throwIfAborted();
    if (!res.headersSent) res.writeHead(part.status, { ...part.headers });
    written = writePiece(res, wanted.subarray(0, readBytes), signal);
    // It is waited for when the next piece is there; until then nobody listens.
    written.catch(() => undefined);
    [filling, underWay] = [underWay, filling];
  }
  await written;
  res.end();
}
