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

/** Sends one file after the other for as long as there are any left. */
async function upload(order: WriteOrder, next: () => string | undefined, piece: Buffer): Promise<void> {
  const socket = connect({ host: order.host, port: order.port, noDelay: true });
  const answers = new Answers(socket);
  for (let path = next(); path !== undefined; path = next()) {
    const head = `PUT ${path} HTTP/1.1\r\nHost: ${order.host}:${order.port}\r\nContent-Length: ${order.bodyBytes}\r\n\r\n`;
    const answered = answers.next();
    socket.cork();
    socket.write(head);
    for (let left = order.bodyBytes; left > 0; left -= piece.length) {
      const isTaken = socket.write(piece.subarray(0, left));
      socket.uncork();
      if (!isTaken) await new Promise((resolve) => socket.once('drain', resolve));
    }
    await answered;
  }
  socket.destroy();
}

/** Reads answers whose bodies have a length. One that is no success ends everything. */
class Answers {
  #text = '';
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;

  constructor(socket: Socket) {
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#text += text;
      this.#take();
    });
    socket.once('error', (error) => this.#settle?.reject(error));
    socket.once('end', () => this.#settle?.reject(new Error('the server has closed the connection')));
  }

  next(): Promise<void> {
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
    if (/^HTTP\/1\.1 20[14] /.test(head)) this.#settle?.resolve();
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
