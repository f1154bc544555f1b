import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasProgram } from '../measure.ts';

/** A server in a process of its own that shows the tree of the bench. */
export interface Peer {
  readonly name: string;
  /** What the paths of the tree are added to; without a slash at its end. */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** How one kind of server is started. */
export interface PeerKind {
  readonly name: string;
  /**
   * Starts it on a free port. Null: its program is not installed.
   * @param tree the folder to show, which must not be written to unless that is what is measured.
   * @param home a folder for its configuration; the bench removes it.
   */
  start(tree: string, home: string, options?: PeerOptions): Promise<Peer | null>;
}

export interface PeerOptions {
  /** Default: nothing can be changed. */
  readonly isWritable?: boolean;
}

export interface Command {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly port: number;
}

const START_TRIES = 200;
const TRY_MS = 50;

/** Starts a server and waits until it answers; null when the program is not installed. */
export async function startCommand({ name, program, args, port }: Command): Promise<Peer | null> {
  if (!(await hasProgram(program))) return null;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  const stop = stopperOf(child);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < START_TRIES; tries++) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const isUp = await fetch(`${url}/small/`, { method: 'PROPFIND', headers: { Depth: '0' } }).then(
      async (answer) => answer.body?.cancel().then(() => answer.status === 207),
      () => false,
    );
    if (isUp) return { name, url, pid: child.pid ?? 0, stop };
    await sleep(TRY_MS);
  }
  await stop();
  throw new Error(`${name} does not answer a PROPFIND. It said: ${complaint}`);
}

/** Ends the process with the bench, however that ends short of a kill. */
export function stopperOf(child: ChildProcess): () => Promise<void> {
  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);
  return async () => {
    process.off('exit', kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    kill();
    await exited;
  };
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
