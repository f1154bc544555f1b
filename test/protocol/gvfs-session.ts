import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CommandResult, runCommand } from './client-command.ts';
import { toolPath } from './tool-lookup.ts';

/** GNOME's virtual file system in a desktop session of its own: a message bus, and what is started over it. */
export class GvfsSession {
  readonly #bus: ChildProcess;
  readonly #home: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(bus: ChildProcess, home: string, env: Readonly<Record<string, string>>) {
    this.#bus = bus;
    this.#home = home;
    this.#env = env;
  }

  static async start(): Promise<GvfsSession> {
    const home = await mkdtemp(join(tmpdir(), 'mediadav-gvfs-'));
    await chmod(home, 0o700);
    // `unix`: none of the monitors that look for cameras and phones.
    const env = { HOME: home, XDG_RUNTIME_DIR: home, GIO_USE_VOLUME_MONITOR: 'unix' };
    const bus = spawn('dbus-daemon', ['--session', '--nofork', '--print-address'], {
      env: { PATH: toolPath(), LC_ALL: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = createInterface({ input: bus.stdout });
    const [address] = (await Promise.race([once(lines, 'line'), once(bus, 'exit')])) as [unknown];
    if (typeof address !== 'string') throw new Error(`there is no message bus: ${address}`);
    return new GvfsSession(bus, home, { ...env, DBUS_SESSION_BUS_ADDRESS: address });
  }

  /** Runs `gio` to its end, whatever that is. */
  async run(args: readonly string[], input = ''): Promise<CommandResult> {
    return await runCommand('gio', args, { env: this.#env, input });
  }

  /** Runs `gio`, which has to succeed. @returns its standard output. */
  async gio(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`gio ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Without the bus all that was started over it ends. */
  async stop(): Promise<void> {
    if (this.#bus.exitCode === null && this.#bus.signalCode === null) {
      const exited = once(this.#bus, 'exit');
      this.#bus.kill();
      await exited;
    }
    // They may still be putting their own files away.
    await rm(this.#home, { recursive: true, maxRetries: 5 });
  }
}
