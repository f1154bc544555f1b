import { expect, it } from 'vitest';
import { BlockLanding, BlockMemory } from '../../../../src/content/cache/block-memory.ts';
import { BLOCK_BYTES } from '../../../../src/content/cache/blocks.ts';

it('offers places one behind the other, none beyond its block or the content', () => {
  const landing = new BlockLanding(new BlockMemory(), 1, 2 * BLOCK_BYTES + 10);
  expect(landing.place()).toHaveLength(BLOCK_BYTES);
  const first = landing.place();
  first.fill(1, 0, 1_000);
  expect(landing.land(1_000)).toEqual(Buffer.alloc(1_000, 1));
  expect(landing.place().byteOffset).toBe(first.byteOffset + 1_000);
  expect(landing.place()).toHaveLength(BLOCK_BYTES - 1_000);
  const rest = landing.land(BLOCK_BYTES - 1_000);
  expect(landing.holds(1, rest)).toBe(true);
  expect(landing.holds(2, rest)).toBe(false);
  expect(landing.place()).toHaveLength(10);
});

it('uses memory again that was given back, and only such', () => {
  const memory = new BlockMemory();
  const landing = new BlockLanding(memory, 0, 3 * BLOCK_BYTES);
  const first = landing.land(BLOCK_BYTES);
  const begun = landing.land(5);
  // One that is not whole may still be written to.
  expect(landing.release(1)).toBeNull();
  const whole = landing.release(0);
  expect(whole?.buffer).toBe(first.buffer);
  expect(landing.release(0)).toBeNull();
  if (whole !== null) memory.giveBack(whole);
  const [one, other] = [memory.take(BLOCK_BYTES), memory.take(BLOCK_BYTES)];
  expect(one.buffer).toBe(first.buffer);
  expect(other.buffer).not.toBe(first.buffer);
  expect(other.buffer).not.toBe(begun.buffer);
});

it('has no block for what is short, and does not keep it', () => {
  const memory = new BlockMemory();
  const short = memory.take(1_000);
  expect(short).toHaveLength(1_000);
  memory.giveBack(short);
  expect(memory.take(BLOCK_BYTES)).toHaveLength(BLOCK_BYTES);
});
