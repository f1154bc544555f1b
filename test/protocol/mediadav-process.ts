import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLI = resolve(dirname(fileURLToPath(import.meta.url)), '../../src/start.js');
/** A start takes a second; on a machine that is busy with twenty other things, twenty. */
const START_TIMEOUT_MS = 60_000;
/** Of tens of thousands of files, all of them read, on a machine that is busy with other tests. */
const FIRST_SCAN_TIMEOUT_MS = 110_000;

/** A test that fails before it stops its server must not leave it running, nor what it stored. */
const alive = new Set<ChildProcess>();
const madeDirs = new Set<string>();
async function endAll(): Promise<void> {
  for (const child of alive) await end(child, 'SIGKILL', null);
  for (const dataDir of madeDirs) await rm(dataDir, { recursive: true, force: true });
}
// `npm run fuzz` starts it without the test runner.
if (process.env.VITEST === undefined) process.once('beforeExit', () => void endAll());
else (await import('vitest')).afterAll(endAll);

export interface ProcessOptions {
  /** Arguments after `serve`. Ports are free ones unless they are told. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Kept between two processes that are to share a catalog; a new one by default. */
  readonly dataDir?: string;
  /** Wait for the first scan of every source to end, well or not. Default: true. */
  readonly waitsForScan?: boolean;
}

/** What `/api/health` tells of one source. */
export interface SourceHealth {
  readonly name: string;
  readonly state: 'waiting' | 'scanning' | 'ready' | 'failing';
  readonly assets: number;
  readonly collections: number;
  readonly sizeBytes: number;
  readonly lastScan: string | null;
  readonly lastError: { readonly code: string; readonly message: string } | null;
  readonly notes: readonly string[];
  readonly warnings: readonly { readonly reason: string; readonly count: number; readonly example: string }[];
  readonly fileProblems: SourceHealth['warnings'];
  readonly enriching: { readonly filesDone: number; readonly filesTotal: number } | null;
}

/** The real program in a process of its own, as a user starts it. */
export interface MediadavProcess {
  readonly url: string;
  readonly webdavUrl: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Lines of the log as objects, newest last. */
  readonly log: readonly Record<string, unknown>[];
  /** What `/api/health` says of the source. */
  health(source: string): Promise<SourceHealth>;
  /** Waits until a complete scan of the source that began after this call has ended. Needs a short interval. */
  rescanned(source: string): Promise<void>;
  /** Ends it as Ctrl-C does. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
}

export async function startProcess(options: ProcessOptions = {}): Promise<MediadavProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mediadav-data-')));
  if (options.dataDir === undefined) madeDirs.add(dataDir);
  const child = spawnProcess(options, dataDir);
  const log: Record<string, unknown>[] = [];
  const addresses = await listening(child, log);
  const health = (source: string) => healthOf(addresses.url, options.env ?? {}, source);
  const running: MediadavProcess = {
    ...addresses,
    ...{ pid: child.pid ?? 0, dataDir, log, health },
    rescanned: async (source) => {
      // The one under way may have begun before; the next one has not.
      for (let scans = 0; scans < 2; scans += 1) {
        const { lastScan } = await health(source);
        await until(async () => (await health(source)).lastScan !== lastScan);
      }
    },
    stop: () => end(child, 'SIGTERM', options.dataDir === undefined ? dataDir : null),
    kill: async () => void (await end(child, 'SIGKILL', null)),
  };
  if (options.waitsForScan !== false) await firstScanEnded(running, options.env ?? {});
  return running;
}

/** Starts it and ends it as a power cut does after `afterMs`, whatever it is doing then. */
export async function startAndKill(
  options: ProcessOptions & { dataDir: string },
  afterMs: number,
): Promise<void> {
  const child = spawnProcess(options, options.dataDir);
  child.stderr?.resume();
  await sleep(afterMs);
  if (child.exitCode !== null) throw new Error(`mediadav ended by itself with ${child.exitCode}`);
  await end(child, 'SIGKILL', null);
}

function spawnProcess(options: ProcessOptions, dataDir: string): ChildProcess {
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
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  return child;
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

async function firstScanEnded(
  running: MediadavProcess,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const isOver = (message: unknown) => / (is up to date|could not be read)/.test(String(message));
  await until(async () => {
    const started = running.log.some(({ message }) => isOver(message));
    return started && (await isSettled(running, env));
  }, FIRST_SCAN_TIMEOUT_MS);
}

/** Every source has been read, or tried, once, and no file is being looked into. */
async function isSettled({ url }: MediadavProcess, env: Readonly<Record<string, string>>): Promise<boolean> {
  const sources = await readHealth(url, env);
  return sources.every(
    ({ state, enriching }) => (state === 'ready' || state === 'failing') && enriching === null,
  );
}

async function healthOf(
  url: string,
  env: Readonly<Record<string, string>>,
  source: string,
): Promise<SourceHealth> {
  const found = (await readHealth(url, env)).find(({ name }) => name === source);
  if (found === undefined) throw new Error(`there is no source "${source}"`);
  return found;
}

/** With the login that the test set, and with whatever certificate. */
async function readHealth(url: string, env: Readonly<Record<string, string>>): Promise<SourceHealth[]> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  const { AUTH_USERNAME: username, AUTH_PASSWORD: password } = env;
  const auth = username === undefined ? {} : { auth: `${username}:${password}` };
  const asked = request(`${url}/api/health`, { ...auth, rejectUnauthorized: false }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`/api/health was answered ${answer.statusCode}`);
  return ((await json(answer)) as { sources: SourceHealth[] }).sources;
}

async function end(
  child: ChildProcess,
  signal: NodeJS.Signals,
  toRemove: string | null,
): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  if (toRemove !== null) await rm(toRemove, { recursive: true, force: true });
  return child.exitCode;
}
