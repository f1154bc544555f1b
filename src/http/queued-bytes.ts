import { readFile } from 'node:fs/promises';

/** Beside what the sizes of queues say: a packet each, and the piece of a body that is on its way to them. */
const SLACK_BYTES = 4 * 1024 * 1024;

/**
 * The most bytes of a connection that this machine may hold, sent and not yet taken by whoever reads them: a queue at each
 * end, and the same once more for a proxy between them that passes on what it never looks at, as that of Docker does.
 * Rejects where that is not known.
 */
export async function readQueuedBytes(): Promise<number> {
  const [sending, receiving, asked] = await Promise.all(
    ['net/ipv4/tcp_wmem', 'net/ipv4/tcp_rmem', 'net/core/rmem_max'].map(readMost),
  );
  // A program may ask for a larger queue, and gets twice what it asks for (socket(7), SO_RCVBUF).
  const queued = 2 * ((sending ?? 0) + Math.max(receiving ?? 0, 2 * (asked ?? 0))) + SLACK_BYTES;
  if (!Number.isSafeInteger(queued)) throw new Error('the sizes of queues are no numbers');
  return queued;
}

/** The last number of a setting of the kernel: of three, it is the maximum. */
async function readMost(name: string): Promise<number> {
  const text = await readFile(`/proc/sys/${name}`, 'utf8');
  return Number(text.trim().split(/\s+/).at(-1) || Number.NaN);
}
