import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, succeed } from './client-command.ts';
import { isMounted, type Mounted } from './rclone.ts';

/**
 * Without locks and questions. `buf_size`: since Linux 6.16 davfs2 up to 1.7.1 answers every listing of a directory
 * with "Invalid argument" unless its buffer is at least 64 KiB (github.com/alisarctl/davfs2, issue 22).
 */
const CONFIGURATION = ['ask_auth 0', 'use_locks 0', 'buf_size 64'];

/** Mounts `url` read-only with davfs2 in a new folder. */
export async function mountDavfs(url: string): Promise<Mounted> {
  const base = await mkdtemp(join(tmpdir(), 'mediadav-davfs-'));
  const path = join(base, 'mount');
  const cache = join(base, 'cache');
  await mkdir(path);
  await mkdir(cache);
  // The mounting program gives up its rights before it writes here.
  await chmod(base, 0o755);
  await chmod(cache, 0o777);
  const configuration = join(base, 'davfs2.conf');
  await writeFile(configuration, [...CONFIGURATION, `cache_dir ${cache}`, ''].join('\n'));
  const unmount = async () => {
    // davfs2 may still be busy with a server that is gone.
    if (await isMounted(path)) await runCommand('umount', [path], { timeoutMs: 20_000 });
    if (await isMounted(path)) await killDaemon(path);
    if (await isMounted(path)) await succeed('umount', ['--lazy', path]);
    await rm(base, { recursive: true });
  };
  try {
    await succeed('mount.davfs', ['-o', `ro,conf=${configuration}`, `${url}/`, path]);
  } catch (error) {
    await unmount();
    throw error;
  }
  return { path, unmount };
}

const PID_FILES = '/var/run/mount.davfs';

/** The daemon of one mount point: its pid file is named after the path. */
async function killDaemon(path: string): Promise<void> {
  const name = `${path.slice(1).replaceAll('/', '-')}.pid`;
  if (!(await readdir(PID_FILES)).includes(name)) return;
  process.kill(Number(await readFile(join(PID_FILES, name), 'utf8')), 'SIGKILL');
}
