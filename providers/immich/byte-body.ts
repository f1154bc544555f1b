import { Readable } from 'node:stream';
import type { Landing } from '../../src/model/landing.ts';
import { type Framing, malformed } from './answer-head.ts';
import { ChunkedBody } from './chunked-body.ts';

/** The connection that a body comes by. */
export interface BodySource {
  /** Reads on. */
  resume(): void;
  /** Everything has come; the next answer may follow. */
  done(): void;
  /** Breaks off. */
  destroy(): void;
}

/** Of one read where nobody offers memory. */
const READ_BYTES = 64 * 1024;
/** Of one read into memory of somebody: it is to be passed on while it is in a processor's cache. */
const LANDED_READ_BYTES = 256 * 1024;

/** The body of an answer, taken off its framing. A body that ends too early is an error with the code ECONNRESET. */
export class ByteBody extends Readable {
  readonly #source: BodySource;
  readonly #chunked: ChunkedBody | null;
  /** Up to the end of the body, which for some is not known. */
  #leftBytes: number;
  readonly #endsByClose: boolean;
  #landing: Landing | null = null;
  /** What came with the head, until it is asked for. */
  #early: Buffer | null;
  #isOver = false;
  /** The connection has ended, before what came with the head was asked for. */
  #closing: { readonly failure: Error | null } | null = null;

  constructor(framing: Framing, early: Buffer, source: BodySource) {
    super();
    this.#source = source;
    this.#early = early;
    this.#chunked = framing.kind === 'chunked' ? new ChunkedBody() : null;
    this.#leftBytes = framing.kind === 'sized' ? framing.lengthBytes : Number.POSITIVE_INFINITY;
    this.#endsByClose = framing.kind === 'until-close';
  }

  /** All bytes shall be put there, which has room for them. To be called before anything is read. */
  landIn(landing: Landing): void {
    if (this.#chunked === null && !this.#endsByClose) this.#landing = landing;
  }

  /** Where the next bytes may be read to; null: to where whoever reads likes. */
  room(): Buffer | null {
    if (this.#isOver || this.#leftBytes === 0 || this.#early !== null) return null;
    if (this.#landing === null) return Buffer.allocUnsafeSlow(READ_BYTES);
    return this.#landing.place().subarray(0, Math.min(LANDED_READ_BYTES, this.#leftBytes));
  }

  /**
   * Takes bytes that were read.
   * @param isReused their memory is read into again.
   * @returns whether more are wanted now
   */
  accept(bytes: Buffer, isReused: boolean): boolean {
    if (bytes.length > this.#leftBytes) {
      this.destroy(malformed());
      return false;
    }
    this.#leftBytes -= bytes.length;
    if (this.#landing !== null) return this.#land(bytes, this.#landing);
    const own = isReused ? Buffer.from(bytes) : bytes;
    return this.#chunked === null ? this.#pass([own]) : this.#unpack(own, this.#chunked);
  }

  /** Nothing more comes. */
  close(failure: Error | null): void {
    if (this.#isOver || this.destroyed) return;
    if (this.#early !== null) this.#closing = { failure };
    else if (failure === null && this.#endsByClose) this.#end();
    else this.destroy(failure ?? brokenOff());
  }

  override _read(): void {
    const early = this.#early;
    this.#early = null;
    if (early !== null && early.length > 0) this.accept(early, false);
    else this.#endWhenWhole();
    if (this.#closing !== null) this.close(this.#closing.failure);
    else if (!this.#isOver) this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#isOver) this.#source.destroy();
    callback(error);
  }

  #land(bytes: Buffer, landing: Landing): boolean {
    const place = landing.place();
    // They may have been read before it was known where they are wanted.
    if (place.buffer === bytes.buffer && place.byteOffset === bytes.byteOffset)
      return this.#pass([landing.land(bytes.length)]);
    const landed: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const copied = bytes.copy(landing.place(), 0, at);
      landed.push(landing.land(copied));
      at += copied;
    }
    return this.#pass(landed);
  }

  #unpack(bytes: Buffer, chunked: ChunkedBody): boolean {
    let parts: Buffer[];
    try {
      parts = chunked.take(bytes);
    } catch (error) {
      this.destroy(error as Error);
      return false;
    }
    return this.#pass(parts);
  }

  #pass(pieces: readonly Buffer[]): boolean {
    let hasRoom = true;
    for (const piece of pieces) hasRoom = this.push(piece);
    this.#endWhenWhole();
    return hasRoom;
  }

  #endWhenWhole(): void {
    if (this.#leftBytes > 0 && this.#chunked?.isOver !== true) return;
    this.#end();
  }

  #end(): void {
    if (this.#isOver || this.destroyed) return;
    this.#isOver = true;
    this.push(null);
    this.#source.done();
  }
}

export function brokenOff(): Error {
  return Object.assign(new Error('the connection ended too early'), { code: 'ECONNRESET' });
}
