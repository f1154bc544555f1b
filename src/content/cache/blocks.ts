import type { ByteRange } from '../../model/byte-range.ts';

/** What is fetched, kept and checked as one piece. The last block of a content is as long as what is left of it. */
export const BLOCK_BYTES = 1024 * 1024;

export function blockOf(position: number): number {
  return Math.floor(position / BLOCK_BYTES);
}

/** Of a content that is not empty. */
export function lastBlockOf(sizeBytes: number): number {
  return blockOf(sizeBytes - 1);
}

export function blockLength(block: number, sizeBytes: number): number {
  return Math.min(BLOCK_BYTES, sizeBytes - block * BLOCK_BYTES);
}

/** All bytes of these blocks, both included. */
export function rangeOfBlocks(first: number, last: number, sizeBytes: number): ByteRange {
  return { start: first * BLOCK_BYTES, end: Math.min((last + 1) * BLOCK_BYTES, sizeBytes) - 1 };
}
