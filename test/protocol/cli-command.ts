import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const CLI = resolve(dirname(fileURLToPath(import.meta.url)), '../../src/start.js');

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the program with these arguments, as in a terminal of the folder `dataDir`. */
export function startCommand(
  args: readonly string[],
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, HOME: dataDir, DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test that fails before it ends its command must not leave it running.
  const killWithTests = () => child.kill('SIGKILL');
  process.once('exit', killWithTests);
  child.once('exit', () => process.off('exit', killWithTests));
  return child;
}

/** Runs the program to its end. */
export async function runCommand(
  args: readonly string[],
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = startCommand(args, dataDir, env);
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('no output to read');
  const [out, complaints] = await Promise.all([text(stdout), text(stderr), once(child, 'exit')]);
  return { exitCode: child.exitCode, stdout: out, stderr: complaints };
}

/** The objects of output that has one a line. */
export function linesOf<T = Record<string, unknown>>(output: string): T[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
