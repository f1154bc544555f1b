import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const MODULE = pathToFileURL(`${import.meta.dirname}/../../src/heap-growth.ts`).href;

/** Makes what lives for a moment, as the reading of a library does, and tells how large the young part became. */
const LIBRARY = `
  import v8 from 'node:v8';
  import { setImmediate as turn } from 'node:timers/promises';
  const { boundHeapGrowth } = await import(process.argv[1]);
  if (process.argv[2] === 'bounded') boundHeapGrowth();
  const young = () => v8.getHeapSpaceStatistics().find((each) => each.space_name === 'new_space').space_size;
  let [most, held] = [0, []];
  for (let at = 0; at < 1_500_000; at++) {
    held.push({ at, name: 'x' + at, list: [at] });
    if (held.length > 100_000) held = [];
    if (at % 5_000 === 0) { await turn(); most = Math.max(most, young()); }
  }
  console.log(most / 1024 / 1024);
`;

async function youngMb(how: 'bounded' | 'alone'): Promise<number> {
  const args = ['--input-type=module', '--eval', LIBRARY, MODULE, how];
  return Number((await run(process.execPath, args)).stdout);
}

test('the part of the heap for new objects stays small, where V8 alone would let it grow', async () => {
  expect(await youngMb('alone')).toBeGreaterThan(40);
  let bounded = Number.POSITIVE_INFINITY;
  // On a busy machine it may be told too late once that it has grown enough.
  for (let attempt = 0; attempt < 3 && bounded > 32; attempt++) bounded = await youngMb('bounded');
  expect(bounded).toBeLessThanOrEqual(32);
});
