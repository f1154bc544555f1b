/**
 * Memory of whoever asks for bytes, into which they are put as they come, one behind the other. So nothing is allocated
 * for them, nothing is copied, and nothing is left for the garbage collector.
 */
export interface Landing {
  /** Where the next bytes may be put; never empty. The same until some have landed. */
  place(): Buffer;
  /** So many were put at the beginning of that place. @returns them */
  land(lengthBytes: number): Buffer;
}
