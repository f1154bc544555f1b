import { connect, type Socket } from 'node:net';

/** One HTTP response as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  /** The first line: `HTTP/1.1 207 Multi-Status`. */
  readonly statusLine: string;
  /** By name in lower case; several of one name are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const PATIENCE_MS = 10_000;

/** One request on a connection of its own. The path goes out exactly as it is given. */
export async function ask(port: number, path: string, request: Ask = {}): Promise<WireAnswer> {
  const wire = await Wire.open(port);
  try {
    return await wire.ask(path, request);
  } finally {
    wire.close();
  }
}

/** PROPFIND with Depth 0 unless the headers say another. */
export function propfind(port: number, path: string, request: Ask = {}): Promise<WireAnswer> {
  return ask(port, path, { ...request, method: 'PROPFIND', headers: { Depth: '0', ...request.headers } });
}

/**
 * A bare connection, for what no HTTP client would send. Responses are read one by one, so that requests can be
 * pipelined. Fails when nothing comes for ten seconds: a server that hangs must not pass for a slow one.
 */
export class Wire {
  readonly socket: Socket;
  readonly port: number;
  #received = Buffer.alloc(0);
  #isEnded = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket, port: number) {
    this.socket = socket;
    this.port = port;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#isEnded = true;
      this.#wake();
    };
    // A reset is an end too: what came before it counts.
    socket.on('error', end).on('end', end).on('close', end);
  }

  static open(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Wire(socket, port)));
      socket.once('error', reject);
    });
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  /** Sends a well-formed request and reads its response. */
  async ask(path: string, request: Ask = {}): Promise<WireAnswer> {
    this.send(requestText(this.port, path, request));
    return await this.answer(request.method);
  }

  /** The next response, whole. `method` tells whether it has a body. */
  async answer(method = 'GET'): Promise<WireAnswer> {
    const headEnd = await this.#until('\r\n\r\n');
    const head = this.#take(headEnd).toString('latin1');
    const [statusLine = '', ...lines] = head.trimEnd().split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`no status line: ${statusLine}`);
    const headers = readHeaders(lines);
    const hasBody = method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304;
    const body = hasBody ? await this.#body(headers) : Buffer.alloc(0);
    return { status, statusLine, headers, body, text: body.toString('utf8') };
  }

  /** Waits until at least `byteCount` bytes have come and not been read yet. */
  async receives(byteCount: number): Promise<void> {
    await this.#wait(() => this.#received.length >= byteCount, `${byteCount} bytes`);
  }

  /** Waits until the server has closed. Resolves with what came and was not read. */
  async ended(): Promise<Buffer> {
    await this.#wait(() => this.#isEnded, 'the end');
    return this.#received;
  }

  /** What came and was not read yet. */
  get unread(): Buffer {
    return this.#received;
  }

  close(): void {
    this.socket.destroy();
  }

  async #body(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    if (headers['transfer-encoding'] === 'chunked') return await this.#chunks();
    const length = headers['content-length'];
    if (length === undefined) {
      const rest = await this.ended();
      this.#received = Buffer.alloc(0);
      return rest;
    }
    await this.receives(Number(length));
    return this.#take(Number(length));
  }

  async #chunks(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const line = this.#take(await this.#until('\r\n')).toString('latin1');
      const length = Number.parseInt(line, 16);
      await this.receives(length + 2);
      chunks.push(this.#take(length));
      this.#take(2);
      if (length === 0) return Buffer.concat(chunks);
    }
  }

  /** Where `text` ends in what came, once it has come. */
  async #until(text: string): Promise<number> {
    await this.#wait(() => this.#received.includes(text), JSON.stringify(text));
    return this.#received.indexOf(text) + text.length;
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  async #wait(isThere: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!isThere()) {
      if (this.#isEnded)
        throw new Error(`the server closed before ${what}; it sent ${this.#received.length} bytes`);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** The text of a request, with `Host` and, where there is a body, its length. */
export function requestText(port: number, path: string, { method = 'GET', headers = {}, body }: Ask): Buffer {
  const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const lines = [`${method} ${path} HTTP/1.1`];
  if (!named.has('host')) lines.push(`Host: 127.0.0.1:${port}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  const bytes = Buffer.from(body ?? '');
  const isFramed = named.has('content-length') || named.has('transfer-encoding');
  if (body !== undefined && !isFramed) lines.push(`Content-Length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
}

/** `text` as one chunk and the end of the body. */
export function chunked(text: string): string {
  const length = Buffer.byteLength(text);
  return length === 0 ? '0\r\n\r\n' : `${length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}
