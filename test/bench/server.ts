import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const START = resolve(dirname(fileURLToPath(import.meta.url)), '../../src/start.js');
const MB = 1024 * 1024;

export interface Reading {
  readonly firstByteMs: number;
  readonly totalMs: number;
}

/** mediadav in a process of its own, so that its memory and its event loop are its alone. */
export interface Server {
  readonly url: string;
  readonly webdavUrl: string;
  json<T>(path: string): Promise<T>;
  read(path: string, headers?: Record<string, string>): Promise<Reading>;
  /** What it holds of the machine's memory now. */
  residentMb(): Promise<number>;
  stop(): Promise<void>;
}

/** Shows the folder `photos` of `home`; its own files are in `data`. */
export async function startServer(home: string): Promise<Server> {
  const env = {
    ...{ PATH: process.env.PATH, HOME: home, DATA_DIR: join(home, 'data'), PORT: '0', WEBDAV_PORT: '0' },
    LOG_FORMAT: 'json',
  };
  const args = [START, 'serve', join(home, 'photos')];
  const child = spawn(process.execPath, args, { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const addresses = await new Promise<{ url: string; webdavUrl: string }>((resolveAddresses, reject) => {
    child.once('exit', (code) => reject(new Error(`mediadav ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = line.startsWith('{') ? JSON.parse(line) : null;
      if (entry?.message === 'listening') resolveAddresses(entry);
    });
  });
  const { url, webdavUrl } = addresses;
  return {
    ...{ url, webdavUrl },
    json: (path) =>
      new Promise((resolveJson, reject) => {
        const asked = httpRequest(url + path, (answer) => resolveJson(json(answer) as never));
        asked.on('error', reject).end();
      }),
    read: (path, headers = {}) => readTimed(url + path, headers),
    async residentMb() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / MB;
    },
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function readTimed(url: string, headers: Record<string, string>): Promise<Reading> {
  return new Promise((resolveReading, reject) => {
    const startedMs = performance.now();
    let firstByteMs = 0;
    const asked = httpRequest(url, { headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} was answered ${answer.statusCode}`));
      answer.once('data', () => {
        firstByteMs = performance.now() - startedMs;
      });
      answer.on('end', () => resolveReading({ firstByteMs, totalMs: performance.now() - startedMs }));
      answer.on('error', reject);
      answer.resume();
    });
    asked.on('error', reject).end();
  });
}
