import type { ServerResponse } from 'node:http';

/** Resolves when the bytes are handed over and their buffer is free again. Rejects with the reason of the signal. */
export function writePiece(res: ServerResponse, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    res.write(bytes, (error) => {
      signal.removeEventListener('abort', leave);
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}
