import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { BlockBytes } from '../../../../src/content/cache/block-bytes.ts';
import { BLOCK_BYTES } from '../../../../src/content/cache/blocks.ts';
import { ContentDigest } from '../../../../src/content/cache/content-digest.ts';
import type { Digests } from '../../../../src/model/asset.ts';
import { RunningDigests } from '../../../../src/model/running-digests.ts';

const CONTENT = Buffer.from(
  Uint8Array.from({ length: 2 * BLOCK_BYTES + 77 }, (_, at) => (at * 7 + (at >> 9)) & 255),
);
const SHA1 = createHash('sha1').update(CONTENT).digest('hex');

function begin() {
  const found: Digests[] = [];
  const digest = new ContentDigest(new RunningDigests(['sha1']), CONTENT.length, (each) => found.push(each));
  return { digest, found };
}

function bytesOf(block: number): Buffer {
  return CONTENT.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
}

/** A block from the disk. */
function stored(block: number): BlockBytes {
  const bytes = new BlockBytes();
  bytes.add(bytesOf(block));
  return bytes;
}

/** A block that comes in pieces. */
function blockOf(digest: ContentDigest, block: number, onFree?: () => void) {
  const bytes = new BlockBytes();
  if (onFree !== undefined) bytes.whenFree(onFree);
  return {
    bytes,
    come(to: number) {
      bytes.add(Buffer.from(bytesOf(block).subarray(bytes.lengthBytes, to)));
      digest.grown(block, bytes);
    },
  };
}

it('takes in what comes bit by bit, some turns later', async () => {
  const { digest, found } = begin();
  for (const block of [0, 1]) {
    const coming = blockOf(digest, block);
    for (const to of [100, 300_000, BLOCK_BYTES]) {
      coming.come(to);
      await nextTurn();
    }
  }
  blockOf(digest, 2).come(77);
  expect(found).toEqual([]);
  await nextTurn();
  expect(found).toEqual([{ sha1: SHA1 }]);
  expect(digest.isOver).toBe(true);
});

it('begins a block anew that comes anew: what came of the first time is no part of it', async () => {
  const { digest, found } = begin();
  digest.take(0, stored(0));
  const broken = new BlockBytes();
  broken.add(Buffer.alloc(500_000, 1));
  digest.grown(1, broken);
  await nextTurn();
  blockOf(digest, 1).come(BLOCK_BYTES);
  blockOf(digest, 2).come(BLOCK_BYTES);
  digest.catchUp();
  expect(found).toEqual([{ sha1: SHA1 }]);
});

it('leaves out what is not due, and goes on from the disk', () => {
  const { digest, found } = begin();
  blockOf(digest, 1).come(BLOCK_BYTES);
  blockOf(digest, 0).come(BLOCK_BYTES);
  digest.catchUp();
  expect(digest.next).toBe(1);
  digest.take(2, stored(2));
  expect(digest.next).toBe(1);
  digest.take(1, stored(1));
  digest.take(2, stored(2));
  expect(found).toEqual([{ sha1: SHA1 }]);
});

it('lets nobody use the memory of a block again before it has taken it in', async () => {
  const { digest } = begin();
  let isFree = false;
  const coming = blockOf(digest, 0, () => {
    isFree = true;
  });
  coming.come(BLOCK_BYTES);
  coming.bytes.letGo();
  expect(isFree).toBe(false);
  await nextTurn();
  expect(isFree).toBe(true);
  expect(digest.next).toBe(1);
});
