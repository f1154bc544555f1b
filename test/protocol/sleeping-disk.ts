import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './client-command.ts';
import { until } from './mediadav-process.ts';
import { isMounted } from './rclone.ts';
import { toolPath } from './tool-lookup.ts';

/** A disk that can stop answering, as a network share does whose server is away: every call to it waits. */
export class SleepingDisk {
  readonly path: string;
  readonly #base: string;
  readonly #server: ChildProcess;

  private constructor(base: string, path: string, server: ChildProcess) {
    this.#base = base;
    this.path = path;
    this.#server = server;
  }

  /**
   * @param folder what is on it.
   * @param isWritable what is written to it is only there while it is mounted.
   */
  static async mount(folder: string, { isWritable = false } = {}): Promise<SleepingDisk> {
    const base = await mkdtemp(join(tmpdir(), 'mediadav-disk-'));
    const path = join(base, 'mount');
    await mkdir(path);
    const cacheMode = isWritable ? 'writes' : 'off';
    const flags = ['--config', '/dev/null', '--vfs-cache-mode', cacheMode, '--attr-timeout', '0s'];
    const server = spawn('rclone', ['mount', folder, path, ...flags], {
      env: { PATH: toolPath(), HOME: base },
      stdio: 'ignore',
    });
    const disk = new SleepingDisk(base, path, server);
    try {
      await until(() => isMounted(path));
    } catch (error) {
      await disk.unmount();
      throw error;
    }
    return disk;
  }

  sleep(): void {
    this.#server.kill('SIGSTOP');
  }

  wake(): void {
    this.#server.kill('SIGCONT');
  }

  async unmount(): Promise<void> {
    this.wake();
    if (await isMounted(this.path)) await runCommand('fusermount3', ['-u', '-z', this.path]);
    const isOver = () => this.#server.exitCode !== null || this.#server.signalCode !== null;
    await until(isOver, 5_000).catch(() => this.#server.kill('SIGKILL'));
    await until(isOver);
    await rm(this.#base, { recursive: true });
  }
}
