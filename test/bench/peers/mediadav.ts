import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StatusReport } from '../../../src/api/status-report.ts';
import { type Peer, type PeerOptions, stopperOf } from './peer.ts';

const START = resolve(fileURLToPath(import.meta.url), '../../../../src/start.js');
const NAME = 'mediadav';
const LOOK_MS = 50;

/** The server under test, started as anybody starts it. */
export interface Mediadav extends Peer {
  /** Of the HTTP API; without a slash at its end. */
  readonly apiUrl: string;
  /** Resolves when nothing is being scanned or looked into any more. */
  settled(): Promise<void>;
  /** Number of the last change in the catalog. */
  cursor(): Promise<number>;
  residentBytes(): Promise<number>;
}

/**
 * @param tree shown at `/`; every file of it.
 * @param dataDir for the catalog, which may be there already.
 */
export async function startMediadav(
  tree: string,
  dataDir: string,
  { isWritable = false }: PeerOptions = {},
): Promise<Mediadav> {
  const env = {
    ...{
      PATH: process.env.PATH,
      HOME: dataDir,
      DATA_DIR: join(dataDir, 'data'),
      PORT: '0',
      WEBDAV_PORT: '0',
    },
    ...{ LOG_FORMAT: 'json', LOCAL_ALL_FILES: 'true', LOCAL_WRITABLE: String(isWritable) },
  };
  const flags = (process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const child = spawn(process.execPath, [...flags, START, 'serve', tree], {
    ...{ cwd: dataDir, env, stdio: ['ignore', 'ignore', 'pipe'] },
  });
  const stop = stopperOf(child);
  const { url, webdavUrl } = await new Promise<{ url: string; webdavUrl: string }>((found, reject) => {
    child.once('exit', (code) => reject(new Error(`${NAME} ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = line.startsWith('{') ? JSON.parse(line) : null;
      if (entry?.message === 'listening') found(entry);
    });
  });
  const ask = async <T>(path: string) => (await (await fetch(url + path)).json()) as T;
  return {
    ...{ name: NAME, url: webdavUrl + (await mountPath(webdavUrl)), apiUrl: url, pid: child.pid ?? 0, stop },
    async settled() {
      for (;;) {
        const { sources } = await ask<Pick<StatusReport, 'sources'>>('/api/health');
        const isBusy = sources.some(
          ({ state, lastScan, enriching }) => state !== 'ready' || lastScan === null || enriching !== null,
        );
        if (!isBusy) return;
        await sleep(LOOK_MS);
      }
    },
    cursor: async () => (await ask<{ cursor: number }>('/api/v1/cursor')).cursor,
    async residentBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
  };

  /** The one source is a folder below the root. */
  async function mountPath(webdav: string): Promise<string> {
    const answer = await fetch(`${webdav}/`, { method: 'PROPFIND', headers: { Depth: '1' } });
    const hrefs = [...(await answer.text()).matchAll(/<D:href>\/([^<]+)\/<\/D:href>/g)];
    return hrefs[0] === undefined ? '' : `/${hrefs[0][1]}`;
  }
}
