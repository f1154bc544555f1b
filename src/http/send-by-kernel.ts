import { closeSync, fstat } from 'node:fs';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { CodedError, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { Reply } from './exchange.ts';
import { FileSender, type SendOrder } from './file-sender.ts';
import { type KernelCalls, loadKernelCalls } from './kernel-calls.ts';
import { readQueuedBytes } from './queued-bytes.ts';
import type { BodyPart, FileBody } from './send-file.ts';
import { writePiece } from './write-piece.ts';

/** Below this, setting out costs more than is gained. */
const WORTH_BYTES = 16 * 1024 * 1024;
/** Goes out with the head. */
const FIRST_BYTES = 64 * 1024;
/** Left to who takes the last look at the file. */
const LAST_BYTES = 256 * 1024;

interface Kernel extends KernelCalls {
  readonly queuedBytes: number;
}

let kernel: Promise<Kernel | null> | undefined;
/** By the number of their disk. */
const senders = new Map<number, FileSender>();

/**
 * Sends a large part of a file but for its last bytes, where that is possible, and most of it through the kernel, without
 * a copy. The rest is the caller's to send, and its last look at the file holds for all of it. For what goes by reference is
 * read from the file only when it leaves this machine, or is read by a client on it: a file that is written to meanwhile
 * would change in the queues, after that look. So the end is copied, at least as much as the queues can hold; when the rest
 * has been handed over, nothing is under way that is not a copy.
 * @returns how many bytes of the part were sent, the head before them; 0: nothing was sent, not even the head.
 * @throws CodedError what the file rejects with; `cancelled` when the client leaves; `internal`.
 */
export async function sendByKernel(reply: Reply, file: FileBody, part: BodyPart): Promise<number> {
  const { res, signal, log } = reply;
  const { fd } = file;
  if (fd === undefined || part.lengthBytes < WORTH_BYTES || !isPlain(res.socket)) return 0;
  kernel ??= loadKernel(log);
  const calls = await kernel;
  const directBytes = part.lengthBytes - (calls?.queuedBytes ?? 0);
  if (calls === null || directBytes < WORTH_BYTES) return 0;
  const sender = await senderOf(fd, log);
  if (sender === null) return 0;

  const first = Buffer.allocUnsafe(FIRST_BYTES);
  const firstBytes = await file.readInto(first, part.startByte);
  signal.throwIfAborted();
  if (firstBytes === 0) return 0;
  res.writeHead(part.status, { ...part.headers });
  await writePiece(res, first.subarray(0, firstBytes), signal);
  const own = calls.duplicate(descriptorOf(res.socket));
  if (own === -1) return firstBytes;
  try {
    const order: SendOrder = {
      ...{ socketFd: own, fileFd: fd },
      startByte: part.startByte + firstBytes,
      copiedFrom: part.startByte + directBytes,
      endByte: part.startByte + Math.max(directBytes, part.lengthBytes - LAST_BYTES),
    };
    const outcome = await sender
      .send(order, signal, () => keepOpen(res.socket))
      .catch((cause) => {
        // The disk hangs; other disks do not.
        if (cause instanceof CodedError) throw cause;
        giveUp(log, cause);
        throw new CodedError('internal', 'The thread that sends files failed.', { cause });
      });
    signal.throwIfAborted();
    if (outcome.isBroken) throw new CodedError('cancelled', 'The connection failed.');
    return outcome.sentTo - part.startByte;
  } finally {
    closeSync(own);
  }
}

async function loadKernel(log: Logger): Promise<Kernel | null> {
  try {
    const [calls, queuedBytes] = await Promise.all([loadKernelCalls(), readQueuedBytes()]);
    return { ...calls, queuedBytes };
  } catch (error) {
    log.debug('large files are copied on their way: sendfile cannot be used', { reason: messageOf(error) });
    return null;
  }
}

/** @returns null when there is no thread. When there can be none, that is not tried again. */
async function senderOf(fd: number, log: Logger): Promise<FileSender | null> {
  const { dev } = await promisify(fstat)(fd);
  const sender = senders.get(dev) ?? new FileSender();
  senders.set(dev, sender);
  try {
    await sender.begin();
    return sender;
  } catch (error) {
    if (!(error instanceof CodedError)) giveUp(log, error);
    return null;
  }
}

function giveUp(log: Logger, error: unknown): void {
  log.warn('large files are copied on their way from now on: a thread ended', { reason: messageOf(error) });
  kernel = Promise.resolve(null);
}

/** Are the bytes of a body sent as they are? TLS changes them. */
function isPlain(socket: Socket | null): boolean {
  return socket !== null && !('encrypted' in socket);
}

/** The descriptor of a connection to which everything was written; -1 when it is not open, or that is not known. */
function descriptorOf(socket: Socket | null): number {
  if (socket === null || socket.destroyed || socket.writableLength > 0) return -1;
  // No public member, but there is no other.
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}

/** Nothing that passes by Node counts for its deadline of idle connections. */
function keepOpen(socket: Socket | null): void {
  if (socket?.timeout !== undefined) socket.setTimeout(socket.timeout);
}
