import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzz } from '../fuzz/fuzz-run.ts';
import { type FuzzServer, startFuzzServer } from '../fuzz/fuzz-server.ts';

/** The same inputs each time; `npm run fuzz` tries others. */
const SEED = 20_261_120;
const INPUTS = 20_000;

let server: FuzzServer;
beforeAll(async () => {
  server = await startFuzzServer();
});
afterAll(async () => {
  await server?.stop();
});

it('no request ends the server, meets a bug, waits a second, or reaches what is outside of the sources', async () => {
  const { inputs, statuses, violations } = await fuzz(server, { seed: SEED, count: INPUTS });
  expect(violations).toEqual([]);
  expect(inputs).toBe(INPUTS);
  // The inputs get past the door: some are understood, some are refused for what they ask.
  for (const status of ['200', '206', '207', '400', '403', '404', '412', '416'])
    expect(statuses, `how many were answered ${status}`).toHaveProperty(status);
}, 300_000);
