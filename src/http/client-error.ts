import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../model/coded-error.ts';
import { PLAIN_TYPE, type Wording } from './error-status.ts';

/** How long a refused connection stays open for reading, so that the refusal is not lost to a reset. */
const LINGER_MS = 500;

interface Refusal {
  readonly status: number;
  readonly phrase: string;
  readonly code: ErrorCode;
  readonly body: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    phrase: 'Request Header Fields Too Large',
    code: 'too-large',
    body: 'The headers of the request are too large.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    phrase: 'Content Too Large',
    code: 'too-large',
    body: 'The chunk extensions of the request are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    phrase: 'Request Timeout',
    code: 'invalid',
    body: 'The request took too long to arrive.',
  },
};

const MALFORMED: Refusal = {
  status: 400,
  phrase: 'Bad Request',
  code: 'invalid',
  body: 'The request is not well-formed HTTP.',
};

/**
 * Answers bytes that are no request, on a socket where no response is under way, and closes it. Node calls this
 * again for whatever follows on that socket; then it does nothing.
 */
export function refuseSocket(error: NodeJS.ErrnoException, socket: Duplex, wording: Wording): void {
  if (refused.has(socket)) return;
  refused.add(socket);
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, phrase, code, body } = REFUSALS[error.code ?? ''] ?? MALFORMED;
  const answer = wording({ status, headers: {}, body }, code);
  const text = `${answer.body}\n`;
  socket.end(
    [
      `HTTP/1.1 ${status} ${phrase}`,
      'Connection: close',
      `Content-Type: ${answer.contentType ?? PLAIN_TYPE}`,
      `Content-Length: ${Buffer.byteLength(text)}`,
      `Date: ${new Date().toUTCString()}`,
      '',
      text,
    ].join('\r\n'),
  );
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

const refused = new WeakSet<Duplex>();
