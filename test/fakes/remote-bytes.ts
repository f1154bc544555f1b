import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { RemoteContent } from '../../src/content/cache/cached-content.ts';
import type { Digests } from '../../src/model/asset.ts';
import type { ByteRange } from '../../src/model/byte-range.ts';
import { CodedError } from '../../src/model/coded-error.ts';

export interface RemoteRequest {
  readonly start: number;
  readonly end: number;
  sentBytes: number;
  /** It ended before all was sent. */
  wasEnded: boolean;
}

const CHUNK_BYTES = 64 * 1024;

/** One content of a remote source that misbehaves on request, and remembers what it was asked for. */
export class RemoteBytes {
  bytes: Buffer;
  readonly requests: RemoteRequest[] = [];
  readonly found: Digests[] = [];
  key = 'a content';
  sha1: string | undefined;
  wantsDigests = false;
  /** Which state of its bytes it tells with each request; null: none. */
  state: string | null = null;
  /** What requests reject with. */
  error: CodedError | null = null;
  /** Bytes that are sent beyond, or (when negative) short of, what was asked for. */
  lengthError = 0;
  /** Breaks off after so many bytes of a request. */
  cutAfterBytes = Number.POSITIVE_INFINITY;
  /** Sends nothing until this resolves. */
  gate: Promise<void> = Promise.resolve();

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.sha1 = createHash('sha1').update(bytes).digest('hex');
  }

  get openRequests(): number {
    return this.requests.filter((each) => !each.wasEnded && each.sentBytes < each.end - each.start + 1)
      .length;
  }

  get sentBytes(): number {
    return this.requests.reduce((sum, each) => sum + each.sentBytes, 0);
  }

  get content(): RemoteContent {
    return {
      ...{ key: this.key, sizeBytes: this.bytes.length, wantsDigests: this.wantsDigests, path: 'a.jpg' },
      digests: this.sha1 === undefined ? {} : { sha1: this.sha1 },
      onDigests: (digests) => void this.found.push(digests),
      fetch: (range, signal, onState) => this.#fetch(range, signal, onState),
    };
  }

  async #fetch(
    range: ByteRange | undefined,
    signal: AbortSignal,
    onState: (state: string) => void,
  ): Promise<Readable> {
    const { start, end } = range ?? { start: 0, end: this.bytes.length - 1 };
    const request: RemoteRequest = { start, end, sentBytes: 0, wasEnded: false };
    this.requests.push(request);
    signal.addEventListener('abort', () => {
      request.wasEnded = true;
    });
    await this.gate;
    signal.throwIfAborted();
    if (this.error !== null) throw this.error;
    if (this.state !== null) onState(this.state);
    return Readable.from(this.#send(request, signal), { highWaterMark: 1 });
  }

  async *#send(request: RemoteRequest, signal: AbortSignal): AsyncGenerator<Buffer> {
    const wanted = this.bytes.subarray(request.start, request.end + 1);
    const more = Buffer.alloc(Math.max(0, this.lengthError), 'x');
    const all = Buffer.concat([wanted.subarray(0, wanted.length + Math.min(0, this.lengthError)), more]);
    for (let at = 0; at < all.length; at += CHUNK_BYTES) {
      await turn();
      if (signal.aborted) return;
      if (at >= this.cutAfterBytes) {
        request.wasEnded = true;
        throw new CodedError('unavailable', 'cut by the test');
      }
      const chunk = all.subarray(at, at + CHUNK_BYTES);
      request.sentBytes += chunk.length;
      yield chunk;
    }
  }
}
