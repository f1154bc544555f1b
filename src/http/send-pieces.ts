import type { ServerResponse } from 'node:http';
import { CodedError } from '../model/coded-error.ts';
import type { Reply } from './exchange.ts';
import type { BodyPart } from './send-file.ts';
import { writePiece } from './write-piece.ts';

/** A content that comes in pieces, which nobody changes any more. Whoever asked for it closes it. */
export interface PieceBody {
  /** Waits for the bytes that follow; null at the end. */
  next(): Promise<Buffer | null>;
  /** The same if there are any now; null: `next` waits for them, or knows that there are none. */
  nextAtHand(): Buffer | null;
  /** All that was handed out so far is on its way, and its memory free for something else. Not called where that is not known. */
  sent(): void;
  close(): void;
}

/** Bytes handed to the socket in one go. */
const GATHERED_BYTES = 512 * 1024;

/**
 * Sends pieces as they come, and as they are: nothing is copied, and the first of them leaves as soon as it is there. The
 * status line waits for it. The caller closes the body, and destroys the response when this rejects.
 * @throws CodedError what the body rejects with; `corrupt` when it is not as long as was promised.
 */
export async function sendPieces({ res, signal }: Reply, body: PieceBody, part: BodyPart): Promise<void> {
  let leftBytes = part.lengthBytes;
  while (leftBytes > 0) {
    signal.throwIfAborted();
    const first = await body.next();
    if (first === null) throw wrongLength(part, part.lengthBytes - leftBytes);
    signal.throwIfAborted();
    if (!res.headersSent) res.writeHead(part.status, { ...part.headers });
    const allowedBytes = Math.max(leftBytes - GATHERED_BYTES, 0);
    // The head and all that is there: one call to the system.
    res.cork();
    let handedOver: Promise<void> = Promise.resolve();
    for (let piece: Buffer | null = first; piece !== null; ) {
      leftBytes -= piece.length;
      if (leftBytes < 0) throw wrongLength(part, part.lengthBytes - leftBytes);
      const following: Buffer | null = leftBytes > allowedBytes ? body.nextAtHand() : null;
      if (following !== null || leftBytes === 0) res.write(piece);
      else handedOver = writePiece(res, piece, signal);
      piece = following;
    }
    res.uncork();
    if (leftBytes === 0) break;
    await handedOver;
    body.sent();
  }
  res.end();
  if (!res.writableFinished) await finished(res, signal);
  body.sent();
}

function wrongLength({ lengthBytes }: BodyPart, bytes: number): CodedError {
  return new CodedError('corrupt', `The content gave ${bytes} instead of ${lengthBytes} bytes.`);
}

/** Resolves when all that was written has gone on its way; rejects when the client leaves before. */
function finished(res: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      res.off('finish', go);
      reject(signal.reason);
    };
    const go = () => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    res.once('finish', go);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
  });
}
