import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from './client-command.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { lookUp } from './tool-lookup.ts';

const needs = lookUp('litmus');
const LOGIN = { AUTH_USERNAME: 'ann', AUTH_PASSWORD: 'a secret' };

/**
 * The WebDAV compliance suite of the author of mod_dav (http://www.webdav.org/neon/litmus/): all of it, with a login, on
 * a writable folder, each part against a server that has just started. The counts are those of Apache's mod_dav.
 */
describe.skipIf(needs.areMissing)(`litmus${needs.note}`, () => {
  let work: string;
  let running: MediadavProcess;

  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'mediadav-litmus-'));
    running = await startProcess({ args: [work], env: { ...LOGIN, LOCAL_WRITABLE: 'true' } });
  });
  afterEach(async () => {
    await running.stop();
    await rm(work, { recursive: true, force: true });
  });

  it.each([
    ['basic', 16],
    ['copymove', 13],
    ['props', 30],
    ['locks', 41],
    ['http', 4],
  ])('%s: all %i', async (suite, count) => {
    const url = `${running.webdavUrl}/${work.split('/').at(-1)}/`;
    const { stdout, stderr } = await runCommand(
      'litmus',
      ['-k', url, LOGIN.AUTH_USERNAME, LOGIN.AUTH_PASSWORD],
      {
        env: { TESTS: suite },
        // It writes its logs there.
        cwd: running.dataDir,
      },
    );
    const report = stdout + stderr;
    const troubles = report.split('\n').filter((line) => /FAIL|WARNING|SKIPPED/.test(line));
    expect(troubles, report).toEqual([]);
    expect(report).toContain(
      `summary for \`${suite}': of ${count} tests run: ${count} passed, 0 failed. 100.0%`,
    );
  });
});
