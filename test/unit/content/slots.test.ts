import { expect, it } from 'vitest';
import { Slots } from '../../../src/content/slots.ts';

const never = new AbortController().signal;

it('runs a few at once, in the order they came', async () => {
  const slots = new Slots(2, 10);
  const order: string[] = [];
  let running = 0;
  const work = (name: string) =>
    slots.run(async () => {
      running += 1;
      expect(running).toBeLessThanOrEqual(2);
      order.push(name);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return name;
    }, never);
  expect(await Promise.all(['a', 'b', 'c', 'd', 'e'].map(work))).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(order).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it('gives its place on when a work fails', async () => {
  const slots = new Slots(1, 10);
  const failing = slots.run(async () => Promise.reject(new Error('broken')), never);
  const next = slots.run(async () => 'fine', never);
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('fine');
});

it('refuses what would wait too long, and lets those in line leave', async () => {
  const slots = new Slots(1, 1);
  let finish = (): void => undefined;
  const first = slots.run(() => new Promise<void>((resolve) => (finish = resolve)), never);
  const leaving = new AbortController();
  const second = slots.run(async () => 'second', leaving.signal);
  await expect(slots.run(async () => 'third', never)).rejects.toMatchObject({ code: 'throttled' });
  leaving.abort(new Error('left'));
  await expect(second).rejects.toThrow('left');
  const fourth = slots.run(async () => 'fourth', never);
  finish();
  await first;
  expect(await fourth).toBe('fourth');
});
