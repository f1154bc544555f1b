import { parentPort, workerData } from 'node:worker_threads';
import { CodedError } from '../../src/model/coded-error.ts';
import {
  type DiskQuestions,
  type DiskReply,
  type DiskRequest,
  type DiskThreadStart,
  type Question,
  type ShortRead,
  THREAD_COUNTS,
} from './disk-messages.ts';
import { DiskReads } from './disk-reads.ts';
import { errnoOf } from './translate-error.ts';
import { DiskWrites } from './write/disk-writes.ts';
import { FileSyncs } from './write/file-syncs.ts';

/* The thread that waits for the disk of one source. An error that is not the disk's is a bug and ends it. */
const counts = new BigInt64Array((workerData as DiskThreadStart).counts);
const count = () => void Atomics.add(counts, THREAD_COUNTS.calls, 1n);
const countUnderWay = (more: 1n | -1n) => void Atomics.add(counts, THREAD_COUNTS.underWay, more);
const reads = new DiskReads(count);
const writes = new DiskWrites(count, new FileSyncs(count, { countUnderWay }));

type Answers = {
  [Q in Question]: (
    ask: DiskQuestions[Q]['ask'],
  ) => DiskQuestions[Q]['answer'] | Promise<DiskQuestions[Q]['answer']>;
};

const answers: Answers = {
  root: (ask) => reads.root(ask),
  list: (ask) => reads.list(ask),
  listRest: (ask) => reads.listRest(ask),
  dropRest: (ask) => reads.dropRest(ask),
  look: (ask) => reads.look(ask),
  unchanged: (ask) => reads.unchanged(ask),
  read: (ask) => reads.read(ask),
  isEmpty: (ask) => reads.isEmpty(ask),
  stage: (ask) => writes.stage(ask),
  place: (ask) => writes.place(ask),
  weigh: (ask) => {
    writes.weigh(ask);
    return null;
  },
  drop: (ask) => writes.drop(ask),
};

/** After this long, and before something new is written, what is answered already does not wait for the rest. */
const GATHER_MS = 2;
/** Answers in one message: the other side sends them on while the next ones are read. */
const MESSAGE_ANSWERS = 8;

parentPort?.on('message', (requests: readonly DiskRequest[] | null) => {
  // Nobody asks any more.
  if (requests === null) return parentPort?.close();
  countUnderWay(1n);
  answerAll(requests);
  countUnderWay(-1n);
});

function answerAll(requests: readonly DiskRequest[]): void {
  let replies: DiskReply[] = [];
  const later: Promise<DiskReply>[] = [];
  let sinceMs = performance.now();
  for (const request of requests) {
    const isDue =
      request.question === 'stage' ||
      replies.length >= MESSAGE_ANSWERS ||
      performance.now() - sinceMs >= GATHER_MS;
    if (isDue && replies.length > 0) {
      send(replies);
      replies = [];
      sinceMs = performance.now();
    }
    const reply = replyTo(request);
    if (reply instanceof Promise) later.push(reply);
    else replies.push(reply);
  }
  if (replies.length > 0) send(replies);
  // Those who came together wait together, and go on together: one look and one transaction are enough for them then.
  if (later.length > 0) void Promise.all(later).then(send);
}

/** Bytes are handed over, not copied. */
function send(replies: readonly DiskReply[]): void {
  const handedOver = replies.flatMap(({ answer }) => {
    const bytes = (answer as Partial<ShortRead> | null)?.bytes ?? null;
    return bytes === null ? [] : [bytes.buffer as ArrayBuffer];
  });
  parentPort?.postMessage(replies, handedOver);
}

function replyTo({ id, question, ask }: DiskRequest): DiskReply | Promise<DiskReply> {
  const refused = (error: unknown): DiskReply => {
    if (error instanceof CodedError) {
      return { id, answer: null, errno: null, refusal: { code: error.code, message: error.message } };
    }
    const errno = errnoOf(error);
    if (errno === '') throw error;
    return { id, answer: null, errno };
  };
  try {
    const answer = answers[question](ask as never);
    if (!(answer instanceof Promise)) return { id, answer, errno: null };
    return answer.then((later) => ({ id, answer: later, errno: null }), refused);
  } catch (error) {
    return refused(error);
  }
}
