import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import {
  GIVEN_UP,
  type SenderReply,
  type SenderRequest,
  type SenderThreadStart,
  type SendOrder,
  type SendOutcome,
} from './file-sender.ts';
import { loadKernelCalls } from './kernel-calls.ts';

/*
 * The thread that sends files of one disk: see `FileSender`. The kernel takes as much as a connection has room for. Then
 * one piece is written the ordinary way, which ends when there is room again. So no slow client is waited for, and
 * one thread serves all of them.
 */

/** In one call: 512 KiB took a tenth longer, 128 KiB half as long again. */
const STEP_BYTES = 256 * 1024;
/** Of one file, until the others have their turn. */
const TURN_BYTES = 2 * 1024 * 1024;
const PIECE_BYTES = 16 * 1024;
const PROGRESS_MS = 1_000;
/** On average for a step: from memory it takes a tenth of this. */
const QUICK_MS = 0.5;
/** What the last step counts in that average: a single one that waited, for a processor perhaps, says nothing. */
const LAST_SHARE = 0.1;

const kernel = await loadKernelCalls();
const diskCalls = new Int32Array((workerData as SenderThreadStart).diskCalls);
const stops = new Map<number, () => void>();

parentPort?.on('message', (request: SenderRequest) => {
  if (request.kind === 'stop') return stops.get(request.id)?.();
  const { id, order } = request;
  send(id, order).then((outcome) => reply({ kind: 'outcome', id, outcome }));
});
reply({ kind: 'ready' });

function reply(message: SenderReply): void {
  parentPort?.postMessage(message);
}

/** Rejects for no connection and no file, so whatever it rejects with is a bug and ends the thread. */
async function send(id: number, order: SendOrder): Promise<SendOutcome> {
  const { fileFd, socketFd, copiedFrom, endByte } = order;
  const own = kernel.duplicate(socketFd);
  if (own < 0) return { sentTo: order.startByte, isBroken: false };
  // Only to learn when there is room. Destroying it closes this one descriptor and leaves the connection as it is.
  const socket = new Socket({ fd: own, readable: false, writable: true });
  let isBroken = false;
  // Whoever sends the rest finds the same.
  socket.on('error', () => {
    isBroken = true;
  });
  stops.set(id, () => {
    isBroken = true;
    socket.destroy();
  });
  let sentTo = order.startByte;
  let buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let toldMs = performance.now();
  let averageMs = 0;
  try {
    while (!isBroken && sentTo < endByte) {
      const isCopied = sentTo >= copiedFrom;
      if (isCopied && buffer.length < STEP_BYTES) buffer = Buffer.allocUnsafeSlow(STEP_BYTES);
      const turnEnd = Math.min(sentTo + TURN_BYTES, isCopied ? endByte : copiedFrom);
      /** Was read, and there was no room for it. Null: nothing was. */
      let waiting: Buffer | null = null;
      let hasRoom = true;
      while (hasRoom && sentTo < turnEnd) {
        const beganMs = performance.now();
        const wanted = Math.min(STEP_BYTES, turnEnd - sentTo);
        if (isCopied) {
          const bytes = readPiece(fileFd, buffer.subarray(0, wanted), sentTo);
          if (bytes === null) return { sentTo, isBroken };
          const taken = kernel.sendCopy(socketFd, bytes);
          sentTo += taken;
          hasRoom = taken === bytes.length;
          waiting = bytes.subarray(taken);
        } else {
          const taken = onDisk(() => kernel.sendFile(socketFd, fileFd, sentTo, wanted));
          sentTo += taken;
          hasRoom = taken === wanted;
        }
        averageMs += LAST_SHARE * (performance.now() - beganMs - averageMs);
      }
      if (performance.now() - toldMs > PROGRESS_MS) {
        toldMs = performance.now();
        reply({ kind: 'progress', id });
      }
      await nextTurn();
      if (!hasRoom && !isBroken) {
        const bytes =
          waiting ?? readPiece(fileFd, buffer.subarray(0, Math.min(PIECE_BYTES, endByte - sentTo)), sentTo);
        if (bytes === null) break;
        if (await write(socket, bytes)) sentTo += bytes.length;
        else isBroken = true;
      }
      // Another way waits for a slow disk with several threads.
      if (averageMs > QUICK_MS) break;
    }
  } finally {
    stops.delete(id);
    socket.destroy();
  }
  return { sentTo, isBroken };
}

/**
 * Runs one call that may wait for the disk: see `SenderThreadStart`. Throws when it took so long that nobody waits any
 * more: the numbers of both descriptors may be those of another connection and another file by now.
 */
function onDisk<T>(call: () => T): T {
  Atomics.add(diskCalls, 0, 1);
  try {
    return call();
  } finally {
    comeBack();
  }
}

function comeBack(): void {
  if (Atomics.add(diskCalls, 0, 1) === GIVEN_UP) throw new Error('the call to the disk was given up');
}

/** @returns null at the end of the file, or when it cannot be read: who sends the rest finds out. */
function readPiece(fileFd: number, piece: Buffer, position: number): Buffer | null {
  try {
    const readBytes = onDisk(() => readSync(fileFd, piece, 0, piece.length, position));
    return readBytes === 0 ? null : piece.subarray(0, readBytes);
  } catch (error) {
    // What is no error of the disk is a bug.
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return null;
  }
}

/** @returns whether all of it was taken; resolves when there was room for it, or never will be. */
function write(socket: Socket, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    socket.write(bytes, (error) => resolve(error == null));
  });
}
