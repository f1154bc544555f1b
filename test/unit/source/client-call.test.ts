import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../src/model/coded-error.ts';
import { ClientCall } from '../../../src/source/client-call.ts';

const LONG_MS = 60_000;
const late = () => new CodedError('unavailable', 'late');
const never = () => new Promise<never>(() => undefined);

describe('a call that nobody asks for its signal', () => {
  test('ends when the client leaves', async () => {
    const client = new AbortController();
    const call = new ClientCall(client.signal, LONG_MS, late);
    const outcome = call.run(never);
    client.abort(new Error('gone'));
    await expect(outcome).rejects.toThrow('gone');
    expect(call.isLate).toBe(false);
    call.fail();
  });

  test('ends at its deadline', async () => {
    const call = new ClientCall(new AbortController().signal, 1, late);
    await expect(call.run(never)).rejects.toMatchObject({ code: 'unavailable' });
    expect(call.isLate).toBe(true);
    call.fail();
  });

  test('leaves nothing behind on the signal of the client', async () => {
    const { signal } = new AbortController();
    const call = new ClientCall(signal, LONG_MS, late);
    expect(await call.run(async () => 'bytes')).toBe('bytes');
    call.succeed();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('a call whose signal is asked for', () => {
  test('after the end finds it ended, for the same reason', () => {
    const client = new AbortController();
    const call = new ClientCall(client.signal, LONG_MS, late);
    client.abort(new Error('gone'));
    expect(call.signal.aborted).toBe(true);
    expect(call.signal.reason.message).toBe('gone');
    call.fail();
  });

  test('lends it to what was opened: that ends with the client, not with the call', async () => {
    const client = new AbortController();
    const call = new ClientCall(client.signal, 20, late);
    const signal = await call.run(async (given) => given.signal);
    call.succeed();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(signal.aborted).toBe(false);
    client.abort();
    expect(signal.aborted).toBe(true);
  });
});
