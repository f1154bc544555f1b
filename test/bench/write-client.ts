import { connect, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';

/*
 * A client that uploads through kept connections, as a process of its own, as `load-client.ts` is for reading. Its order
 * comes as JSON through standard input; how long it took goes to standard output, as JSON too.
 */

export interface WriteOrder {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Of the files to be stored; each is sent once. */
  readonly paths: readonly string[];
  readonly bodyBytes: number;
}

export interface WriteResult {
  readonly durationMs: number;
}

const PIECE_BYTES = 1024 * 1024;
const ATTEMPTS = 5;

/** Sends one file after the other for as long as there are any left. */
async function upload(order: WriteOrder, next: () => string | undefined, piece: Buffer): Promise<void> {
  let connection = connectTo(order);
  for (let path = next(); path !== undefined; path = next()) {
    // A server may close what it keeps at any time; then the request is sent again (RFC 9112 section 9.3.1).
    for (let attempt = 1; !(await send(connection, order, path, piece)); attempt++) {
      if (attempt === ATTEMPTS) throw new Error('the server closes each connection');
      connection = connectTo(order);
    }
  }
  connection.socket.destroy();
}

interface Connection {
  readonly socket: Socket;
  readonly answers: Answers;
}

function connectTo({ host, port }: WriteOrder): Connection {
  const socket = connect({ host, port, noDelay: true });
  return { socket, answers: new Answers(socket) };
}

/** @returns false: the connection was closed instead of an answer. */
async function send(
  { socket, answers }: Connection,
  order: WriteOrder,
  path: string,
  piece: Buffer,
): Promise<boolean> {
  const head = `PUT ${path} HTTP/1.1\r\nHost: ${order.host}:${order.port}\r\nContent-Length: ${order.bodyBytes}\r\n\r\n`;
  const answered = answers.next();
  socket.cork();
  socket.write(head);
  for (let left = order.bodyBytes; left > 0; left -= piece.length) {
    const isTaken = socket.write(piece.subarray(0, left));
    socket.uncork();
    if (!isTaken) await Promise.race([answered, new Promise((resolve) => socket.once('drain', resolve))]);
  }
  return await answered;
}

/** Reads answers whose bodies have a length. One that is no success ends everything. */
class Answers {
  #text = '';
  #isClosed = false;
  #settle: {
    readonly resolve: (isAnswered: boolean) => void;
    readonly reject: (error: Error) => void;
  } | null = null;

  constructor(socket: Socket) {
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#text += text;
      this.#take();
    });
    // Why it was closed does not matter: whoever cannot be reached is given up soon.
    socket.once('error', () => socket.destroy());
    socket.once('close', () => {
      this.#isClosed = true;
      this.#settle?.resolve(false);
    });
  }

  /** Resolves with true when the next request is answered; with false when the connection is closed instead. */
  next(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  #take(): void {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#text.slice(0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#text.length < end + 4 + length) return;
    this.#text = this.#text.slice(end + 4 + length);
    if (/^HTTP\/1\.1 20[014] /.test(head)) this.#settle?.resolve(true);
    else this.#settle?.reject(new Error(`a file was not stored: ${head}`));
  }
}

async function run(order: WriteOrder): Promise<WriteResult> {
  const paths = order.paths[Symbol.iterator]();
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, order.bodyBytes), 'mediadav');
  const startedMs = performance.now();
  const next = () => paths.next().value as string | undefined;
  await Promise.all(Array.from({ length: order.connections }, () => upload(order, next, piece)));
  return { durationMs: performance.now() - startedMs };
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await run((await json(process.stdin)) as WriteOrder)));
}
