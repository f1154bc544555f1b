/** Pieces below this are copied together: a source that drips must not be kept as a million buffers. */
const SMALL_BYTES = 16 * 1024;
const GATHERED_BYTES = 64 * 1024;

/**
 * The bytes of a block as they come from a source: what came in one piece stays so, because copying it would cost as much
 * as all else together (a megabyte of new memory for each block is what the garbage collector then lives for).
 *
 * Their memory may be used again when all who hold them have let go. Who does not, because it cannot tell when its bytes are
 * read, leaves them to the garbage collector.
 */
export class BlockBytes {
  #onFree: () => void = () => undefined;
  /** Whoever makes it is the first. */
  #holders = 1;
  readonly #pieces: Buffer[] = [];
  #lengthBytes = 0;
  /** The last piece, while small ones are put into it. */
  #gathered: Buffer | null = null;
  #gatheredBytes = 0;

  /** @param onFree told when nobody holds it any more. To be called by who does. */
  whenFree(onFree: () => void): void {
    this.#onFree = onFree;
  }

  hold(): void {
    this.#holders += 1;
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#onFree();
  }

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

  /** A piece in memory that is the block's own: nothing is gained by putting small ones together. */
  addInPlace(piece: Buffer): void {
    this.#lengthBytes += piece.length;
    const last = this.#gathered === null ? this.#pieces.at(-1) : undefined;
    this.#gathered = null;
    const goesOn =
      last !== undefined &&
      last.buffer === piece.buffer &&
      last.byteOffset + last.length === piece.byteOffset;
    if (goesOn) {
      this.#pieces[this.#pieces.length - 1] = Buffer.from(
        last.buffer,
        last.byteOffset,
        last.length + piece.length,
      );
    } else {
      this.#pieces.push(piece);
    }
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
