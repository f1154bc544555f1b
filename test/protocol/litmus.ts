import { expect } from 'vitest';
import { runCommand } from './client-command.ts';

/** The parts of litmus with how many tests each has; Apache's mod_dav passes all of them. */
export const LITMUS_SUITES: readonly [suite: string, count: number][] = [
  ['basic', 16],
  ['copymove', 13],
  ['props', 30],
  ['locks', 41],
  ['http', 4],
];

export interface LitmusRun {
  /** Of a collection that may be written to, with a slash at its end. */
  readonly url: string;
  readonly suite: string;
  readonly count: number;
  readonly username: string;
  readonly password: string;
  /** It writes its logs there. */
  readonly cwd: string;
}

/** One part of litmus; expects that all of it passes, without a warning. */
export async function runLitmus({ url, suite, count, username, password, cwd }: LitmusRun): Promise<void> {
  const options = { env: { TESTS: suite }, cwd };
  const { stdout, stderr } = await runCommand('litmus', ['-k', url, username, password], options);
  const report = stdout + stderr;
  const troubles = report.split('\n').filter((line) => /FAIL|WARNING|SKIPPED/.test(line));
  expect(troubles, report).toEqual([]);
  expect(report).toContain(
    `summary for \`${suite}': of ${count} tests run: ${count} passed, 0 failed. 100.0%`,
  );
}
