import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LITMUS_SUITES, runLitmus } from './litmus.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { lookUp } from './tool-lookup.ts';

const needs = lookUp('litmus');
const LOGIN = { AUTH_USERNAME: 'ann', AUTH_PASSWORD: 'a secret' };

/** What is written to: all of a source, or of several views the one that can be. */
const PLACES = [
  { name: 'a writable folder', env: {}, path: '/photos/' },
  { name: 'the folders beside other views', env: { LOCAL_LAYOUT: 'folders,date' }, path: '/photos/folders/' },
] as const;

/**
 * The WebDAV compliance suite of the author of mod_dav (http://www.webdav.org/neon/litmus/): all of it, with a login,
 * each part against a server that has just started. The counts are those of Apache's mod_dav.
 */
describe.skipIf(needs.areMissing)(`litmus${needs.note}`, () => {
  describe.each(PLACES)('on $name', ({ env, path }) => {
    let root: string;
    let running: MediadavProcess;

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'mediadav-litmus-'));
      const place = { LOCAL_PATHS: `photos=${root}`, LOCAL_WRITABLE: 'true' };
      running = await startProcess({ env: { ...LOGIN, ...place, ...env } });
    });
    afterEach(async () => {
      await running.stop();
      await rm(root, { recursive: true, force: true });
    });

    it.each(LITMUS_SUITES)('%s: all %i', async (suite, count) => {
      const url = running.webdavUrl + path;
      const who = { username: LOGIN.AUTH_USERNAME, password: LOGIN.AUTH_PASSWORD };
      await runLitmus({ url, suite, count, ...who, cwd: running.dataDir });
      // No trace of what could not be shown, and nothing that went wrong beside it.
      expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
    });
  });
});
