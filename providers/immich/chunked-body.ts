import { malformed } from './answer-head.ts';

/** Longer lines of a chunk's size, or of the trailer, are an attack or a mistake. */
const MAX_LINE_BYTES = 4 * 1024;

/** Takes the chunked coding off a body (RFC 9112 section 7.1), however its bytes are cut. Trailers are thrown away. */
export class ChunkedBody {
  /** Of the chunk that is being read, its line end not counted. */
  #leftBytes = 0;
  #expects: 'size' | 'data' | 'line end' | 'trailer' | 'nothing' = 'size';
  #line = '';

  get isOver(): boolean {
    return this.#expects === 'nothing';
  }

  /** @returns the parts of `bytes` that are content. @throws Error with a `code` when they are not chunked. */
  take(bytes: Buffer): Buffer[] {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (this.isOver) throw malformed();
      if (this.#expects === 'data') {
        const part = bytes.subarray(at, at + this.#leftBytes);
        parts.push(part);
        at += part.length;
        this.#leftBytes -= part.length;
        if (this.#leftBytes === 0) this.#expects = 'line end';
        continue;
      }
      const end = bytes.indexOf('\n', at);
      this.#line += bytes.toString('latin1', at, end === -1 ? bytes.length : end + 1);
      if (this.#line.length > MAX_LINE_BYTES) throw malformed();
      if (end === -1) break;
      at = end + 1;
      if (!this.#line.endsWith('\r\n')) throw malformed();
      this.#takeLine(this.#line.slice(0, -2));
      this.#line = '';
    }
    return parts;
  }

  #takeLine(line: string): void {
    if (this.#expects === 'size') {
      const size = /^([\da-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
      if (size === undefined) throw malformed();
      this.#leftBytes = Number.parseInt(size, 16);
      this.#expects = this.#leftBytes === 0 ? 'trailer' : 'data';
    } else if (this.#expects === 'line end') {
      if (line !== '') throw malformed();
      this.#expects = 'size';
    } else if (line === '') {
      this.#expects = 'nothing';
    }
  }
}
