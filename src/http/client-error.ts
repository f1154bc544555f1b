import type { Duplex } from 'node:stream';

/** How long a refused connection stays open for reading, so that the refusal is not lost to a reset. */
const LINGER_MS = 500;

const REFUSALS: Readonly<Record<string, { readonly status: string; readonly body: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    body: 'The headers of the request are too large.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: '413 Content Too Large',
    body: 'The chunk extensions of the request are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    body: 'The request took too long to arrive.',
  },
};

const MALFORMED = { status: '400 Bad Request', body: 'The request is not well-formed HTTP.' };

/**
 * Answers bytes that are no request, on a socket where no response is under way, and closes it. Node calls this
 * again for whatever follows on that socket; then it does nothing.
 */
export function refuseSocket(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (refused.has(socket)) return;
  refused.add(socket);
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, body } = REFUSALS[error.code ?? ''] ?? MALFORMED;
  const text = `${body}\n`;
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
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
