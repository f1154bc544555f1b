import { CodedError } from '../model/coded-error.ts';
import type { Reply } from './exchange.ts';

export interface BodyLimits {
  readonly limitBytes: number;
  /** How long the client may take to send it all. Default: 30 seconds. */
  readonly deadlineMs?: number;
}

const DEFAULT_DEADLINE_MS = 30_000;

/**
 * The whole body of a request, of at most `limitBytes`; empty when there is none. A `Content-Length` beyond the
 * limit is refused before reading, a chunked body as soon as it goes beyond. What was not read is left to the
 * listener, which keeps the connection only if the rest comes soon.
 * @throws CodedError `too-large`; `invalid` when the deadline passes; `cancelled` when the client leaves.
 */
export function readBody(reply: Pick<Reply, 'req' | 'signal'>, limits: BodyLimits): Promise<Buffer> {
  const { req, signal } = reply;
  const { limitBytes, deadlineMs = DEFAULT_DEADLINE_MS } = limits;
  const tooLarge = new CodedError('too-large', `The request body is larger than ${limitBytes} bytes.`);
  if (Number(req.headers['content-length'] ?? 0) > limitBytes) return Promise.reject(tooLarge);
  if (req.readableEnded) return Promise.resolve(Buffer.alloc(0));
  if (signal.aborted) return Promise.reject(cancelled(signal.reason));

  // No `for await`: leaving that loop early destroys the request, and with it the socket the answer needs.
  return new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let receivedBytes = 0;

    const settle = (finish: () => void): void => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', onAbort);
      req.off('data', onData).off('end', onEnd).off('error', onCut).off('close', onCut);
      req.pause();
      finish();
    };
    const onData = (chunk: Buffer): void => {
      receivedBytes += chunk.length;
      if (receivedBytes > limitBytes) settle(() => reject(tooLarge));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks, receivedBytes)));
    const onCut = (cause?: unknown): void => settle(() => reject(cancelled(cause)));
    const onAbort = (): void => onCut(signal.reason);
    const deadline = setTimeout(
      () => settle(() => reject(new CodedError('invalid', 'The request body took too long.'))),
      deadlineMs,
    );

    signal.addEventListener('abort', onAbort, { once: true });
    req.on('data', onData).once('end', onEnd).once('error', onCut).once('close', onCut);
  });
}

function cancelled(cause: unknown): CodedError {
  return cause instanceof CodedError
    ? cause
    : new CodedError('cancelled', 'The client left before its request was read.', { cause });
}
