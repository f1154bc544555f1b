import { setTimeout as sleep, setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { Turns } from '../../../src/ingest/turns.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number += 1) {
    await yieldToEventLoop();
    yield number;
  }
}

it('a long work ends beside others who never stop asking, and they have their turns', async () => {
  const turns = new Turns();
  const stop = new AbortController();
  let written = 0;
  const writeOn = async () => {
    while (!stop.signal.aborted) {
      await turns.between(() => sleep(1));
      written += 1;
    }
  };
  const seen: number[] = [];
  const long = turns.exclusively(async () => {
    for await (const number of turns.interleaved(numbers(1_000), async () => undefined)) seen.push(number);
  });
  const writers = [writeOn(), writeOn(), writeOn(), writeOn()];
  await long;
  const writtenMeanwhile = written;
  stop.abort();
  await Promise.all(writers);
  expect(seen).toHaveLength(1_000);
  expect(writtenMeanwhile).toBeGreaterThan(4);
});

it('who waits is let in while a long work waits for its own next step', async () => {
  const turns = new Turns();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<string> {
    yield 'first';
    await gate;
    yield 'second';
  }
  const seen: string[] = [];
  const long = turns.exclusively(async () => {
    for await (const step of turns.interleaved(slow(), async () => void seen.push('prepared')))
      seen.push(step);
  });
  await yieldToEventLoop();
  await turns.between(async () => void seen.push('between'));
  await turns.between(async () => void seen.push('again'));
  open();
  await long;
  expect(seen).toEqual(['first', 'prepared', 'between', 'prepared', 'again', 'second']);
});

it('a long work that fails while others have their turn fails as its own, and ends nothing else', async () => {
  const turns = new Turns();
  const unheard = vi.fn();
  process.on('unhandledRejection', unheard);
  async function* failing(): AsyncGenerator<string> {
    await sleep(1);
    yield await Promise.reject(new Error('the source is lost'));
  }
  const long = turns.exclusively(async () => {
    for await (const _ of turns.interleaved(failing(), async () => undefined))
      throw new Error('told nothing');
  });
  const write = turns.between(() => sleep(20));
  await expect(long).rejects.toThrow('the source is lost');
  await write;
  process.off('unhandledRejection', unheard);
  expect(unheard).not.toHaveBeenCalled();
});
