import { expect, test } from 'vitest';
import { FileSender, type SendOrder } from '../../../src/http/file-sender.ts';

const HANGING = new URL('./hanging-sender-thread.ts', import.meta.url);
const ENDING = new URL('./ending-sender-thread.ts', import.meta.url);
const ORDER: SendOrder = { socketFd: -1, fileFd: -1, startByte: 0, copiedFrom: 1, endByte: 1 };

function send(sender: FileSender, signal = new AbortController().signal) {
  return sender.send(ORDER, signal, () => undefined);
}

test('a thread that its disk does not let go is given up, and everybody who waits for it is told', async () => {
  const sender = new FileSender({ entry: HANGING, limitMs: 100 });
  await sender.begin();
  const outcomes = await Promise.allSettled([send(sender), send(sender)]);
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
    'unavailable',
    'unavailable',
  ]);
});

test('one whose client has left while the disk hangs ends too', async () => {
  const sender = new FileSender({ entry: HANGING, limitMs: 100 });
  await sender.begin();
  const client = new AbortController();
  const sent = send(sender, client.signal);
  client.abort();
  await expect(sent).rejects.toMatchObject({ code: 'unavailable' });
});

test('there is another thread as soon as the disk has let the last one go', async () => {
  const sender = new FileSender({ entry: HANGING, limitMs: 100 });
  await sender.begin();
  await expect(send(sender)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(sender.begin()).rejects.toMatchObject({ code: 'unavailable' });
  await expect.poll(() => sender.begin().then(() => 'there')).toBe('there');
});

test('a thread that ends before it began fails who sends, and nothing that nobody waits for', async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  try {
    // Without `begin`, as after the pause in which a thread has ended.
    await expect(send(new FileSender({ entry: ENDING }))).rejects.toThrow('ended');
    await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).toEqual([]);
  } finally {
    process.off('unhandledRejection', hear);
  }
});
