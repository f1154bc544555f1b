import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLI = resolve(dirname(fileURLToPath(import.meta.url)), '../../src/cli.ts');
const START_TIMEOUT_MS = 20_000;

export interface ProcessOptions {
  /** Arguments after `serve`. Ports are free ones unless they are told. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Kept between two processes that are to share a catalog; a new one by default. */
  readonly dataDir?: string;
  /** Wait for the first scan of every source to end, well or not. Default: true. */
  readonly waitsForScan?: boolean;
}

/** The real program in a process of its own, as a user starts it. */
export interface MediadavProcess {
  readonly url: string;
  readonly webdavUrl: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Lines of the log as objects, newest last. */
  readonly log: readonly Record<string, unknown>[];
  /** Ends it as Ctrl-C does. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
}

export async function startProcess(options: ProcessOptions = {}): Promise<MediadavProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mediadav-data-')));
  const env = {
    PATH: process.env.PATH,
    HOME: dataDir,
    PORT: '0',
    WEBDAV_PORT: '0',
    DATA_DIR: dataDir,
    LOG_FORMAT: 'json',
    ...options.env,
  };
  const child = spawn(process.execPath, [CLI, 'serve', ...(options.args ?? [])], {
    cwd: dataDir,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  const addresses = await listening(child, log);
  const running: MediadavProcess = {
    ...addresses,
    ...{ pid: child.pid ?? 0, dataDir, log },
    stop: () => end(child, 'SIGTERM', options.dataDir === undefined ? dataDir : null),
    kill: async () => void (await end(child, 'SIGKILL', null)),
  };
  if (options.waitsForScan !== false) await firstScanEnded(running);
  return running;
}

/** Waits until `condition` holds, looking every 50 ms. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`still not so after ${timeoutMs} ms: ${condition}`);
    await sleep(50);
  }
}

async function listening(
  child: ChildProcess,
  log: Record<string, unknown>[],
): Promise<{ url: string; webdavUrl: string }> {
  const lines: string[] = [];
  const deadline = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  const exited = once(child, 'exit').then(() => {
    throw new Error(`mediadav did not start: ${lines.join('\n')}`);
  });
  const stderr = child.stderr;
  if (stderr === null) throw new Error('no standard error to read');
  const started = new Promise<{ url: string; webdavUrl: string }>((resolveStarted) => {
    createInterface({ input: stderr }).on('line', (line) => {
      lines.push(line);
      if (!line.startsWith('{')) return;
      const entry = JSON.parse(line) as Record<string, unknown>;
      log.push(entry);
      if (entry.message === 'listening') resolveStarted(entry as never);
    });
  });
  try {
    return await Promise.race([started, exited]);
  } finally {
    exited.catch(() => undefined);
    clearTimeout(deadline);
  }
}

async function firstScanEnded(running: MediadavProcess): Promise<void> {
  const isOver = (message: unknown) => / (is up to date|could not be read)/.test(String(message));
  await until(async () => {
    const started = running.log.some(({ message }) => isOver(message));
    return started && (await isSettled(running));
  });
}

/** Every source has been read, or tried, once. Without a login that the test set, `/api/health` tells. */
async function isSettled({ url }: MediadavProcess): Promise<boolean> {
  const answer = await fetch(`${url}/api/health`);
  if (!answer.ok) return true;
  const { sources } = (await answer.json()) as { sources: { state: string }[] };
  return sources.every(({ state }) => state === 'ready' || state === 'failing');
}

async function end(child: ChildProcess, signal: NodeJS.Signals, toRemove: string | null): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  if (toRemove !== null) await rm(toRemove, { recursive: true, force: true });
  return child.exitCode;
}
