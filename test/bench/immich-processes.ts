import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusReport } from '../../src/api/status-report.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { stopperOf } from './peers/peer.ts';

/** The API key of the fake. */
export const BENCH_KEY = 'bench';

const HERE = import.meta.dirname;
const IDLE_LOOK_MS = 3;
/** Below this share of a core a process has nothing more to do than to look at its clocks. */
const IDLE_SHARE = 0.05;

/** A server in a process of its own: its peers do not share one with whoever asks either. */
export interface BenchProcess {
  /** Without a slash at its end. */
  readonly url: string;
  /** CPU time of all its threads since its start, in milliseconds. */
  cpuMs(): number;
  /** Resolves when it has done what it put off: that is no part of the next turn. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export interface FakeLibrary {
  readonly version: Version;
  readonly albums: number;
  readonly photosEach: number;
  /** Photos of 4 MB at the start of the first album. The others are never opened. Default 0. */
  readonly largePhotos?: number;
  /** Videos of 256 MB in it. Default 0. */
  readonly videos?: number;
  /** As fast as the line to it is. Default: as fast as the machine. */
  readonly bytesPerSecond?: number;
}

export async function startFake(library: FakeLibrary): Promise<BenchProcess> {
  const args = [join(HERE, 'immich-server.ts'), JSON.stringify(library)];
  return await startTelling('the fake', args);
}

/** The least that stands between two ends in Node: one request piped into the answer to another. */
export async function startPassThrough(target: string): Promise<BenchProcess> {
  return await startTelling('the pass-through', [join(HERE, 'peers/pass-through.ts'), target]);
}

export interface BenchMediadav extends BenchProcess {
  readonly webdavUrl: string;
  /** Bytes that were fetched from sources since its start. */
  fetchedBytes(): Promise<number>;
}

/** Resolves when all its sources are read. */
export async function startMediadav(
  env: Readonly<Record<string, string>>,
  { cwd, sources }: { readonly cwd: string; readonly sources: number },
): Promise<BenchMediadav> {
  const flags = (process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const args = [...flags, join(HERE, '../../src/start.js'), 'serve'];
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const { url, webdavUrl } = await new Promise<{ url: string; webdavUrl: string }>((resolve, reject) => {
    let toRead = sources;
    let addresses: { url: string; webdavUrl: string } | null = null;
    child.once('exit', (code) => reject(new Error(`mediadav ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = line.startsWith('{') ? JSON.parse(line) : null;
      if (entry?.message === 'listening') addresses = entry;
      if (entry?.message.includes('is up to date')) toRead -= 1;
      if (toRead === 0 && addresses !== null) resolve(addresses);
    });
  });
  return {
    ...{ ...processOf(child, url), webdavUrl },
    fetchedBytes: async () => {
      const report = (await (await fetch(`${url}/api/health`)).json()) as StatusReport;
      if (report.cache === null) throw new Error('there is no cache that counts');
      return report.cache.fetchedBytes;
    },
  };
}

/** Starts a program of the bench that tells its URL as a line. */
async function startTelling(name: string, args: readonly string[]): Promise<BenchProcess> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  return processOf(child, url);
}

function processOf(child: ChildProcess, url: string): BenchProcess {
  const cpuMs = () => cpuMsOf(child.pid ?? 0);
  const stop = stopperOf(child);
  return {
    ...{ url, cpuMs },
    async idle() {
      for (let before = cpuMs(); ; ) {
        const startedMs = performance.now();
        await sleep(IDLE_LOOK_MS);
        const now = cpuMs();
        if (now - before < IDLE_SHARE * (performance.now() - startedMs)) return;
        before = now;
      }
    },
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      await stop();
      await exited;
    },
  };
}

/** The kernel counts each thread in nanoseconds (`Documentation/scheduler/sched-stats.rst`), whole processes in hundredths. */
function cpuMsOf(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const task of readdirSync(tasks)) nanoseconds += nanosecondsOf(join(tasks, task, 'schedstat'));
  return nanoseconds / 1e6;
}

/** Where all these are read into: `readFile` takes 64 KB anew for a file that does not tell its size. */
const line = Buffer.alloc(128);

/** @returns 0 for a thread that has ended. */
function nanosecondsOf(file: string): number {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    return Number.parseInt(line.toString('latin1', 0, readSync(fd, line)), 10) || 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 0;
    throw error;
  } finally {
    closeSync(fd);
  }
}
