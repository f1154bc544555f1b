import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './mediadav-process.ts';
import { toolPath } from './tool-lookup.ts';

const GUIDE = resolve(dirname(fileURLToPath(import.meta.url)), '../../docs/clients.md');

export type ProxyKind = 'nginx' | 'apache2';

/** A server of somebody else in front of mediadav. */
export interface ReverseProxy {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts one with the settings that the guide tells people to use, so that they are what is tested.
 * @param upstream takes the place of the address of mediadav in the guide.
 */
export async function startReverseProxy(kind: ProxyKind, upstream: string): Promise<ReverseProxy> {
  const home = await mkdtemp(join(tmpdir(), `mediadav-${kind}-`));
  const port = await freePort();
  const file = join(home, 'proxy.conf');
  const settings = (await settingsInGuide(kind)).replaceAll('http://127.0.0.1:1700', upstream);
  await writeFile(
    file,
    kind === 'nginx' ? nginxFile(settings, home, port) : apacheFile(settings, home, port),
  );
  const args =
    kind === 'nginx'
      ? ['-p', home, '-e', join(home, 'error.log'), '-c', file]
      : ['-d', home, '-f', file, '-DFOREGROUND'];
  const child = spawn(kind, args, { env: { PATH: toolPath() }, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const stop = async () => {
    await end(child);
    await rm(home, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${kind} ended: ${complaint}`);
      return await fetch(url, { method: 'OPTIONS' }).then(
        (answer) => answer.ok,
        () => false,
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, port, stop };
}

/** The block of the guide that is in the language of this server. */
async function settingsInGuide(kind: ProxyKind): Promise<string> {
  const language = kind === 'nginx' ? 'nginx' : 'apache';
  const found = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(await readFile(GUIDE, 'utf8'));
  if (found?.[1] === undefined) throw new Error(`the guide has no settings for ${kind}`);
  return found[1];
}

function nginxFile(settings: string, home: string, port: number): string {
  const isRoot = process.getuid?.() === 0;
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
${isRoot ? `user ${userInfo().username};` : ''}
daemon off;
pid ${home}/nginx.pid;
events {}
http {
  access_log off;
${kinds.map((name) => `  ${name}_temp_path ${home}/${name};`).join('\n')}
  server {
    listen 127.0.0.1:${port};
    ${settings}
  }
}
`;
}

/** Debian's place for them. */
const MODULES = '/usr/lib/apache2/modules';

function apacheFile(settings: string, home: string, port: number): string {
  const isRoot = process.getuid?.() === 0;
  const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http'];
  return `
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
${isRoot ? 'User www-data\nGroup www-data' : ''}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${home}/apache.pid
ErrorLog ${home}/error.log
DefaultRuntimeDir ${home}
Mutex file:${home}
${settings}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
