import { connect, type Socket } from 'node:net';
import { type AnswerHead, malformed, parseAnswerHead } from './answer-head.ts';
import { type BodySource, ByteBody, brokenOff } from './byte-body.ts';

/** What is asked of a server, but for the address. */
export interface ByteRequest {
  /** The whole head with the empty line at its end. */
  readonly head: string;
  /** Until the head of the answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface ByteAnswer extends Omit<AnswerHead, 'framing' | 'keptMs'> {
  readonly body: ByteBody;
}

/** For heads, and for what comes together with one. */
const SCRATCH_BYTES = 16 * 1024;
const MAX_HEAD_BYTES = 64 * 1024;
const HEAD_END = '\r\n\r\n';

interface Waiting {
  resolve(answer: ByteAnswer): void;
  reject(error: unknown): void;
}

/**
 * One connection to a server, for one GET after the other. Bytes of bodies are read where whoever asked wants them, by
 * reads as long as what has come: `http` of Node takes 64 KB of new memory for each piece twice, and a video is 4,000 of
 * those.
 */
export class ByteConnection implements BodySource {
  readonly #socket: Socket;
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly #onFree: () => void;
  /** Whose head has not come as a whole. */
  #waiting: Waiting | null = null;
  #head = Buffer.alloc(0);
  #body: ByteBody | null = null;
  #keptMs = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #failure: Error | null = null;

  /** @param onFree it may be asked again, or has just ended: see `isOpen`. */
  constructor(
    address: { readonly host: string; readonly port: number },
    connectMs: number,
    onFree: () => void,
  ) {
    this.#onFree = onFree;
    this.#socket = connect({
      ...{ ...address, noDelay: true, keepAlive: true },
      onread: {
        buffer: () => this.#body?.room() ?? this.#scratch,
        callback: (readBytes, buffer) => this.#take(buffer as Buffer, readBytes),
      },
    });
    const deadline = setTimeout(() => this.#fail(timedOut('connecting took too long')), connectMs);
    this.#socket.once('connect', () => clearTimeout(deadline));
    this.#socket.once('close', () => clearTimeout(deadline));
    this.#socket.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#socket.once('close', () => this.#closed());
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  /** To be called for one request at a time. Rejects with errors of Node, or the reason of the signal. */
  async ask({ head, timeoutMs, signal }: ByteRequest): Promise<ByteAnswer> {
    clearTimeout(this.#idleTimer);
    this.#socket.ref();
    const deadline = setTimeout(() => this.#fail(timedOut('no answer came in time')), timeoutMs);
    const leave = () => this.#fail(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
        if (signal.aborted) return leave();
        this.#socket.write(head, 'latin1');
        this.#socket.resume();
      });
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', leave);
    }
  }

  resume(): void {
    this.#socket.resume();
  }

  done(): void {
    this.#body = null;
    if (this.#keptMs === 0) this.#socket.destroy();
    else {
      this.#socket.unref();
      this.#idleTimer = setTimeout(() => this.#socket.destroy(), this.#keptMs).unref();
      // To be told when the server closes it.
      this.#socket.resume();
    }
    this.#onFree();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** @returns whether to read on. */
  #take(buffer: Buffer, readBytes: number): boolean {
    const bytes = buffer.subarray(0, readBytes);
    if (this.#body !== null) return this.#body.accept(bytes, buffer === this.#scratch);
    if (this.#waiting === null) {
      // Nothing was asked for.
      this.#socket.destroy();
      return false;
    }
    try {
      return this.#takeHead(bytes, this.#waiting);
    } catch (error) {
      this.#fail(error as Error);
      return false;
    }
  }

  #takeHead(bytes: Buffer, waiting: Waiting): boolean {
    this.#head = Buffer.concat([this.#head, bytes]);
    for (;;) {
      const end = this.#head.indexOf(HEAD_END);
      if (end === -1 && this.#head.length > MAX_HEAD_BYTES) throw malformed();
      if (end === -1) return true;
      const { framing, keptMs, ...answer } = parseAnswerHead(this.#head.toString('latin1', 0, end));
      const rest = this.#head.subarray(end + HEAD_END.length);
      this.#head = Buffer.alloc(0);
      // What comes before the answer itself, such as 103 (RFC 9110 section 15.2); nobody asked for another protocol.
      if (answer.status < 200 && answer.status !== 101) {
        this.#head = rest;
        continue;
      }
      this.#waiting = null;
      this.#keptMs = keptMs;
      this.#body = new ByteBody(framing, rest, this);
      waiting.resolve({ ...answer, body: this.#body });
      return false;
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
  }

  #closed(): void {
    clearTimeout(this.#idleTimer);
    const [waiting, body] = [this.#waiting, this.#body];
    this.#waiting = null;
    this.#body = null;
    waiting?.reject(this.#failure ?? brokenOff());
    body?.close(this.#failure);
    this.#onFree();
  }
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}
