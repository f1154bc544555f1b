import { expect, it } from 'vitest';
import { BlockBytes } from '../../../../src/content/cache/block-bytes.ts';

/** All bytes from an offset on, as a reader takes them. */
function readFrom(bytes: BlockBytes, offset: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = offset; ; ) {
    const piece = bytes.from(at);
    if (piece === null) return Buffer.concat(pieces);
    pieces.push(piece);
    at += piece.length;
  }
}

it.each([
  ['drips', [1, 1, 7, 3]],
  ['comes in large pieces', [65_536, 20_000, 65_536]],
  ['comes in all sizes', [5, 20_000, 3, 4, 30_000, 16_383, 16_384, 1]],
  ['drips for long', Array.from({ length: 3_000 }, (_, at) => (at % 90) + 1)],
])('gives back what %s', (_, sizes) => {
  const all = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  for (let at = 0; at < all.length; at++) all[at] = (at * 7 + (at >> 8)) & 0xff;
  const bytes = new BlockBytes();
  let at = 0;
  for (const size of sizes) {
    bytes.add(all.subarray(at, at + size));
    at += size;
  }
  expect(bytes.lengthBytes).toBe(all.length);
  expect(Buffer.concat(bytes.pieces).equals(all)).toBe(true);
  for (const offset of [0, 1, 9, Math.floor(all.length / 2), all.length - 1]) {
    expect(readFrom(bytes, offset).equals(all.subarray(offset))).toBe(true);
  }
  expect(bytes.from(all.length)).toBeNull();
});

it('keeps few buffers of what comes a byte at a time', () => {
  const bytes = new BlockBytes();
  for (let count = 0; count < 200_000; count++) bytes.add(Buffer.from([count & 0xff]));
  expect(bytes.pieces.length).toBeLessThan(5);
});
