/** Pieces below this are copied together: a source that drips must not be kept as a million buffers. */
const SMALL_BYTES = 16 * 1024;
const GATHERED_BYTES = 64 * 1024;

/**
 * The bytes of a block as they come from a source: what came in one piece stays so, because copying it would cost as much
 * as all else together (a megabyte of new memory for each block is what the garbage collector then lives for).
 */
export class BlockBytes {
  readonly #pieces: Buffer[] = [];
  #lengthBytes = 0;
  /** The last piece, while small ones are put into it. */
  #gathered: Buffer | null = null;
  #gatheredBytes = 0;

  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  add(piece: Buffer): void {
    this.#lengthBytes += piece.length;
    if (piece.length >= SMALL_BYTES) {
      this.#gathered = null;
      this.#pieces.push(piece);
      return;
    }
    if (this.#gathered === null || this.#gatheredBytes + piece.length > GATHERED_BYTES) {
      this.#gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES);
      this.#gatheredBytes = 0;
      this.#pieces.push(this.#gathered.subarray(0, 0));
    }
    piece.copy(this.#gathered, this.#gatheredBytes);
    this.#gatheredBytes += piece.length;
    this.#pieces[this.#pieces.length - 1] = this.#gathered.subarray(0, this.#gatheredBytes);
  }

  /** The bytes from this offset on that lie together; null when they have not come. */
  from(offset: number): Buffer | null {
    let start = 0;
    for (const piece of this.#pieces) {
      if (offset < start + piece.length) return piece.subarray(offset - start);
      start += piece.length;
    }
    return null;
  }
}
