/** How long this provider waits and how much it takes in. A test gives smaller ones. */
export interface Limits {
  /** Until a TCP or TLS connection stands, in milliseconds. */
  readonly connectMs: number;
  /** Until the first byte of a small answer or of an original, in milliseconds. */
  readonly firstByteMs: number;
  /** Until the first byte of a listing, and the longest silence inside one: 100,000 assets keep a NAS busy for a while. */
  readonly listingMs: number;
  /**
   * For all of one small request of a write, its answer included, in milliseconds. When one has used that up, later ones
   * of that write have less: whoever writes waits for all of them, and others for their turn.
   */
  readonly changeMs: number;
  /** A change that was not answered may still be carried out for so long, in milliseconds. */
  readonly lostMs: number;
  /**
   * Until more of an upload is taken, and from its end until the answer, in milliseconds: what lies in the buffers of a
   * slow line, or of a proxy, comes in between.
   */
  readonly uploadSilenceMs: number;
  /** The longest silence in the bytes of an original while somebody waits for them, in milliseconds. */
  readonly silenceMs: number;
  /**
   * A view, person, tag or memory that is suddenly empty is kept, until a reading so many milliseconds later says the
   * same: longer than a server takes to start or a proxy to come to its senses.
   */
  readonly doubtMs: number;
  /**
   * The largest JSON answer. An album of 100,000 assets was 124 MB on Immich 2.7.5; a little below V8's longest string
   * (512 MiB), which every answer has to fit.
   */
  readonly maxJsonBytes: number;
  /** How much of a whole file is read and thrown away when a proxy strips `Range` from the request. */
  readonly maxSkippedBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  connectMs: 10_000,
  firstByteMs: 15_000,
  listingMs: 60_000,
  changeMs: 20_000,
  lostMs: 60_000,
  uploadSilenceMs: 300_000,
  silenceMs: 30_000,
  doubtMs: 10 * 60_000,
  maxJsonBytes: 500 * 1024 * 1024,
  maxSkippedBytes: 8 * 1024 * 1024,
};
