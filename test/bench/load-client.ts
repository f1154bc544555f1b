import { connect, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';

/*
 * A client with many kept connections, run as a process of its own so that it weighs on no server's core more than on
 * another's. It reads raw sockets, because a whole HTTP client costs more than the answers it asks for. Its order comes
 * as JSON through standard input; what it measured goes to standard output, as JSON too.
 */

export interface LoadOrder {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  /** Complete requests; each connection asks for random ones, the same for every server. */
  readonly requests: readonly string[];
  /** Body of every answer must have so many bytes. */
  readonly bodyBytes: number;
  /** Stop after so many answers, whatever the time. */
  readonly answers?: number;
}

export interface LoadResult {
  readonly answers: number;
  readonly bytes: number;
  readonly durationMs: number;
}

const SLICE_BYTES = 512 * 1024;

/** Numbers that look random and are the same in every run (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Connection {
  readonly #order: LoadOrder;
  readonly #socket: Socket;
  readonly #random: () => number;
  readonly #onAnswer: () => boolean;
  #head = '';
  /** Bytes of the body that are still to come; null while the head is read. */
  #left: number | null = null;
  bytes = 0;
  readonly ended: Promise<void>;

  constructor(order: LoadOrder, seed: number, onAnswer: () => boolean) {
    this.#order = order;
    this.#random = randomFrom(seed);
    this.#onAnswer = onAnswer;
    const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES);
    this.#socket = connect({
      host: order.host,
      port: order.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          this.#take(buffer, length);
          return true;
        },
      },
    });
    this.ended = new Promise((resolve, reject) => {
      this.#socket.once('close', () => resolve()).once('error', reject);
    });
    this.#ask();
  }

  #ask(): void {
    const { requests } = this.#order;
    this.#socket.write(requests[Math.floor(this.#random() * requests.length)] ?? '');
  }

  #take(buffer: Uint8Array, length: number): void {
    let bodyLength = length;
    if (this.#left === null) {
      this.#head += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      bodyLength = this.#head.length - end - 4;
      this.#left = this.#lengthIn(this.#head.slice(0, end));
      this.#head = '';
    }
    this.#left -= bodyLength;
    this.bytes += bodyLength;
    if (this.#left > 0) return;
    if (this.#left < 0) throw new Error('an answer was longer than it said');
    this.#left = null;
    if (this.#onAnswer()) this.#ask();
    else this.#socket.destroy();
  }

  #lengthIn(head: string): number {
    const status = head.slice(9, 12);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
    if ((status !== '200' && status !== '206') || length !== this.#order.bodyBytes) {
      throw new Error(`not the answer that was asked for: ${head}`);
    }
    return length;
  }
}

/** Asks until the time is over; what is on its way then is not counted. */
async function run(order: LoadOrder): Promise<LoadResult> {
  const startedMs = performance.now();
  let answers = 0;
  let endedMs = startedMs;
  const onAnswer = () => {
    endedMs = performance.now();
    answers += 1;
    return answers < (order.answers ?? Number.POSITIVE_INFINITY) && endedMs - startedMs < order.durationMs;
  };
  const connections = Array.from(
    { length: order.connections },
    (_, index) => new Connection(order, index + 1, onAnswer),
  );
  await Promise.all(connections.map(({ ended }) => ended));
  const bytes = connections.reduce((sum, connection) => sum + connection.bytes, 0);
  return { answers, bytes, durationMs: endedMs - startedMs };
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await run((await json(process.stdin)) as LoadOrder)));
}
