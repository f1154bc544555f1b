import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, succeed } from './client-command.ts';
import { isMounted, type Mounted } from './rclone.ts';

/**
 * Without questions. `buf_size`: since Linux 6.16 davfs2 up to 1.7.1 answers every listing of a directory
 * with "Invalid argument" unless its buffer is at least 64 KiB (github.com/alisarctl/davfs2, issue 22).
 */
const CONFIGURATION = ['ask_auth 0', 'buf_size 64'];
/** What is still to be uploaded is sent before the program ends. */
const UNMOUNT_TIMEOUT_MS = { ro: 20_000, rw: 60_000 };

export interface DavfsOptions {
  /** Read-only and without locks unless it is `rw`: then with locks, as davfs2 comes. */
  readonly access?: 'ro' | 'rw';
  /** When a file is uploaded that was closed; davfs2's own default is 10. */
  readonly uploadDelaySeconds?: number;
}

/** Mounts `url` with davfs2 in a new folder. */
export async function mountDavfs(url: string, options: DavfsOptions = {}): Promise<Mounted> {
  const { access = 'ro', uploadDelaySeconds = 10 } = options;
  const base = await mkdtemp(join(tmpdir(), 'mediadav-davfs-'));
  const path = join(base, 'mount');
  const cache = join(base, 'cache');
  await mkdir(path);
  await mkdir(cache);
  // The mounting program gives up its rights before it writes here.
  await chmod(base, 0o755);
  await chmod(cache, 0o777);
  const configuration = join(base, 'davfs2.conf');
  const locks = access === 'rw' ? 1 : 0;
  const more = [`use_locks ${locks}`, `delay_upload ${uploadDelaySeconds}`, `cache_dir ${cache}`, ''];
  await writeFile(configuration, [...CONFIGURATION, ...more].join('\n'));
  const unmount = async () => {
    // davfs2 may still be busy with a server that is gone.
    if (await isMounted(path)) await runCommand('umount', [path], { timeoutMs: UNMOUNT_TIMEOUT_MS[access] });
    if (await isMounted(path)) await killDaemon(path);
    if (await isMounted(path)) await succeed('umount', ['--lazy', path]);
    await rm(base, { recursive: true });
  };
  try {
    await succeed('mount.davfs', ['-o', `${access},conf=${configuration}`, `${url}/`, path]);
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
