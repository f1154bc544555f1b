import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, runCommand, succeed } from './client-command.ts';
import { until } from './mediadav-process.ts';
import { toolPath } from './tool-lookup.ts';

export interface RcloneEntry {
  readonly Path: string;
  readonly Size: number;
  readonly MimeType: string;
  readonly ModTime: string;
  readonly IsDir: boolean;
}

export interface RcloneLogin {
  readonly username: string;
  readonly password: string;
}

export interface Mounted {
  readonly path: string;
  /** Unmounts, by force if it must, and removes the folder. */
  unmount(): Promise<void>;
}

/** rclone as a client of one WebDAV address, as the README tells people to use it. */
export class Rclone {
  readonly #flags: readonly string[];

  private constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  static async at(
    url: string,
    options: { login?: RcloneLogin; flags?: readonly string[] } = {},
  ): Promise<Rclone> {
    const flags = ['--config', '/dev/null', '--webdav-url', `${url}/`, '--webdav-vendor', 'other'];
    // Retries would only make failures slower; a test that expects one wants it now.
    flags.push('--retries', '1', '--low-level-retries', '1');
    if (options.login !== undefined) {
      const { username, password } = options.login;
      const obscured = await succeed('rclone', ['obscure', '-'], { input: password });
      flags.push('--webdav-user', username, '--webdav-pass', obscured.trim());
    }
    return new Rclone([...flags, ...(options.flags ?? [])]);
  }

  /** Runs `rclone command ... ` with the address as the last of `paths` that is null. */
  async run(command: string, paths: readonly string[], more: readonly string[] = []): Promise<CommandResult> {
    return await runCommand('rclone', [command, ...paths, ...this.#flags, ...more]);
  }

  /** All entries below `folder`. */
  async list(folder = ''): Promise<RcloneEntry[]> {
    const output = await succeed('rclone', ['lsjson', '-R', `:webdav:${folder}`, ...this.#flags]);
    return JSON.parse(output) as RcloneEntry[];
  }

  async copy(folder: string, to: string): Promise<void> {
    await succeed('rclone', ['copy', `:webdav:${folder}`, to, ...this.#flags]);
  }

  /** Compares a folder of this machine with one of the server by reading both. */
  async check(local: string, folder: string): Promise<CommandResult> {
    return await this.run('check', [local, `:webdav:${folder}`], ['--download']);
  }

  /**
   * A mount in a new folder, read-only unless `writes` names a cache mode to write with. Wait for what was written to
   * arrive before unmounting: rclone does not.
   */
  async mount(options: { writes?: 'writes' | 'full' } = {}): Promise<Mounted> {
    const base = await mkdtemp(join(tmpdir(), 'mediadav-rclone-'));
    const path = join(base, 'mount');
    await succeed('mkdir', [path]);
    const access =
      options.writes === undefined
        ? ['--read-only']
        : ['--vfs-cache-mode', options.writes, '--vfs-write-back', '1s'];
    const args = ['mount', ':webdav:', path, ...access, '--cache-dir', join(base, 'cache'), ...this.#flags];
    const child = spawn('rclone', args, { env: { PATH: toolPath(), HOME: base }, stdio: 'ignore' });
    const unmount = async () => {
      if (await isMounted(path)) await runCommand('fusermount3', ['-u', path]);
      if (await isMounted(path)) await runCommand('umount', ['--lazy', path]);
      await ended(child);
      await rm(base, { recursive: true });
    };
    try {
      await until(() => isMounted(path));
    } catch (error) {
      await unmount();
      throw error;
    }
    return { path, unmount };
  }
}

/**
 * A path as the server shows it, of one that rclone shows: rclone takes the picture of a control character for its own
 * way to write one, and gives people the character.
 */
export function undoRcloneNames(path: string): string {
  return path.replace(/[\u0001-\u001f\u007f]/g, (character) =>
    character === '\u007f' ? '␡' : String.fromCharCode(0x2400 + character.charCodeAt(0)),
  );
}

/** Is something mounted at exactly this path? */
export async function isMounted(path: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts.split('\n').some((line) => line.split(' ')[1] === path);
}

async function ended(child: ChildProcess): Promise<void> {
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  await until(isOver, 5_000).catch(() => child.kill('SIGKILL'));
  await until(isOver);
}
