/** What listings that are asked for again and again may hold in memory, all together; as much once more while they are recorded. */
const MAX_BYTES = 16 * 1024 * 1024;
/** A listing beyond this would push out all others. */
const MAX_LISTING_BYTES = 8 * 1024 * 1024;
/** Listings that were asked for once are remembered by name only. */
const MAX_ASKED = 200;

/** A listing as it was asked for, and of which state of the collection. */
export interface ListingKey {
  /** All that decides how members are written: the same text, the same listing of the same state. */
  readonly shape: string;
  /** Another one as soon as anything in the collection has changed that is shown. */
  readonly state: string;
}

interface Kept {
  readonly state: string;
  readonly pieces: readonly string[];
  readonly bytes: number;
}

/**
 * The members of large collections as they were written last, in pieces, for clients that list the same folder again and
 * again. What is kept is of one state of its collection and is given for no other, so a change needs nobody to throw
 * anything away. A listing is kept when it is asked for a second time, so that a client that walks through everything
 * once pushes nothing out.
 */
export class RenderedListings {
  /** The least recently used first, as in `#asked`. */
  readonly #kept = new Map<string, Kept>();
  /** State in which a shape was asked for last, and whether what it gave in that state is too large. */
  readonly #asked = new Map<string, { readonly state: string; readonly isTooLarge: boolean }>();
  #bytes = 0;
  /** Shapes that are being recorded, by one who asks each, and what is held of them. */
  readonly #recording = new Set<string>();
  #recordingBytes = 0;

  /**
   * The pieces of the listing: those that are kept, or else those of `render`, which are kept if they are worth it.
   * @param render calls `refuse` when what it gives will not hold for as long as the state does.
   */
  async *pieces(
    { shape, state }: ListingKey,
    render: (refuse: () => void) => AsyncIterable<string>,
  ): AsyncGenerator<string> {
    const kept = this.#kept.get(shape);
    if (kept?.state === state) {
      this.#kept.delete(shape);
      this.#kept.set(shape, kept);
      yield* kept.pieces;
      return;
    }
    this.#forget(shape);
    const isWorthIt = this.#noteAsked(shape, state) && !this.#recording.has(shape);
    let recorded: string[] | null = isWorthIt ? [] : null;
    let bytes = 0;
    let heldBytes = 0;
    const refuse = () => {
      recorded = null;
    };
    if (isWorthIt) this.#recording.add(shape);
    try {
      for await (const piece of render(refuse)) {
        yield piece;
        // Also of what is not recorded, so that what is too large is known before any of it is held.
        const pieceBytes = recorded === null ? piece.length : bytesOf(piece);
        bytes += pieceBytes;
        if (bytes > MAX_LISTING_BYTES) this.#asked.set(shape, { state, isTooLarge: true });
        if (bytes > MAX_LISTING_BYTES || this.#recordingBytes + pieceBytes > MAX_BYTES) refuse();
        if (recorded === null) continue;
        recorded.push(piece);
        heldBytes += pieceBytes;
        this.#recordingBytes += pieceBytes;
      }
      if (recorded !== null && recorded.length > 0) this.#keep(shape, { state, pieces: recorded, bytes });
    } finally {
      this.#recordingBytes -= heldBytes;
      if (isWorthIt) this.#recording.delete(shape);
    }
  }

  /** @returns whether it was asked for in this state before, and is not known to be too large. */
  #noteAsked(shape: string, state: string): boolean {
    const before = this.#asked.get(shape);
    this.#asked.delete(shape);
    const isSame = before?.state === state;
    const isTooLarge = isSame && before.isTooLarge;
    this.#asked.set(shape, { state, isTooLarge });
    const [oldest] = this.#asked.size > MAX_ASKED ? this.#asked.keys() : [];
    if (oldest !== undefined) this.#asked.delete(oldest);
    return isSame && !isTooLarge;
  }

  #keep(shape: string, listing: Kept): void {
    // Two clients may have asked at the same time.
    this.#forget(shape);
    this.#kept.set(shape, listing);
    this.#bytes += listing.bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(shape: string): void {
    this.#bytes -= this.#kept.get(shape)?.bytes ?? 0;
    this.#kept.delete(shape);
  }
}

/** As V8 holds a text: a byte a character, two as soon as one of them is beyond Latin-1. */
function bytesOf(text: string): number {
  return /[^\u0000-\u00ff]/.test(text) ? 2 * text.length : text.length;
}
