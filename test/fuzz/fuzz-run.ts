import { connect } from 'node:net';
import { type FuzzInput, fuzzInput } from './fuzz-input.ts';
import type { FuzzServer } from './fuzz-server.ts';

export interface FuzzReport {
  readonly inputs: number;
  /** How often each status was answered; `closed` where the server hung up on what was no request. */
  readonly statuses: Readonly<Record<string, number>>;
  /** What must not be, a line each, with what makes it again. Empty when all is well. */
  readonly violations: readonly string[];
}

export interface FuzzOptions {
  readonly seed: number;
  /** Index of the first input. */
  readonly from?: number;
  readonly count: number;
  readonly onProgress?: (done: number) => void;
}

interface Answer {
  readonly statuses: readonly string[];
  readonly tookMs: number;
  readonly text: string;
  readonly isClosed: boolean;
}

const AT_ONCE = 4;
/** No answer may take longer. */
const PATIENCE_MS = 1_000;
const MAX_VIOLATIONS = 20;
const MAX_KEPT_BYTES = 256 * 1024;

/** Sends inputs, some at a time, and holds every answer to what must be true of all of them. */
export async function fuzz(server: FuzzServer, options: FuzzOptions): Promise<FuzzReport> {
  const violations: string[] = [];
  const statuses: Record<string, number> = {};
  const end = (options.from ?? 0) + options.count;
  let next = options.from ?? 0;
  let done = 0;
  const work = async () => {
    while (next < end && violations.length < MAX_VIOLATIONS) {
      const input = fuzzInput(options.seed, next++);
      const answer = await send(server, input);
      for (const status of answer.statuses.length > 0 ? answer.statuses : ['closed'])
        statuses[status] = (statuses[status] ?? 0) + 1;
      const wrong = await judge(server, input, answer);
      if (wrong !== null) violations.push(`${wrong} ${describe(options.seed, input)}`);
      done += 1;
      options.onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  violations.push(...(await server.violations()));
  return { inputs: done, statuses, violations };
}

async function judge(server: FuzzServer, input: FuzzInput, answer: Answer): Promise<string | null> {
  if (!server.isAlive()) return 'The server ended at or shortly before this:';
  if (answer.statuses.includes('500')) return '500:';
  if (answer.text.includes(server.secret)) return 'It gave away what lies outside of its sources:';
  if (input.isWhole && answer.statuses.length === 0 && answer.isClosed)
    return 'No answer to a whole request:';
  const isSlow = answer.tookMs > PATIENCE_MS && (input.isWhole || !answer.isClosed);
  if (!isSlow) return null;
  // A busy machine may take that long for anything; the same input again tells.
  const again = await send(server, input);
  return again.tookMs > PATIENCE_MS ? `No answer within ${PATIENCE_MS} ms, twice:` : null;
}

function describe(seed: number, { index, target, bytes }: FuzzInput): string {
  return `--seed ${seed} --from ${index} --count 1 (${target}): ${JSON.stringify(bytes.toString('latin1').slice(0, 400))}`;
}

/** The input on a connection of its own. Never rejects: that a server hangs up is an answer, too. */
function send(server: FuzzServer, input: FuzzInput): Promise<Answer> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    let text = '';
    let isClosed = false;
    const socket = connect(input.port === 'dav' ? server.davPort : server.apiPort, '127.0.0.1');
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => status ?? '');
      resolve({ statuses, tookMs: performance.now() - startedMs, text, isClosed });
    };
    const timer = setTimeout(finish, PATIENCE_MS + 500);
    socket.on('data', (chunk: Buffer) => {
      if (text.length < MAX_KEPT_BYTES) text += chunk.toString('latin1');
    });
    // A reset after the answer is as good as an end.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      isClosed = true;
      finish();
    });
    // What is not whole is ended, so that the server does not wait for the rest.
    if (input.isWhole) socket.write(input.bytes);
    else socket.end(input.bytes);
  });
}
