import { benchApi } from './api.bench.ts';
import { benchHashing } from './hashing.bench.ts';
import { benchImmich } from './immich.bench.ts';
import { benchImmichGet } from './immich-get.bench.ts';
import { benchLatency } from './latency.bench.ts';
import { benchMountLarge } from './mount-large.bench.ts';
import { benchMountCrowd, benchMountListing } from './mount-listing.bench.ts';
import { benchMountReading } from './mount-reading.bench.ts';
import { benchMountWriting } from './mount-writing.bench.ts';
import { markdownOf, type Result } from './result.ts';
import { benchScan } from './scan.bench.ts';

/*
 * `npm run bench`: everything against its peers, in turns, in one run. Only the ratios mean anything; milliseconds
 * are those of the machine at hand. `npm run bench -- hashing api` runs only those parts, `--quick` with less of it.
 */
const PARTS: Readonly<Record<string, (scale: { readonly isQuick: boolean }) => Promise<readonly Result[]>>> =
  {
    'mount-listing': benchMountListing,
    'mount-crowd': benchMountCrowd,
    'mount-reading': benchMountReading,
    'mount-writing': benchMountWriting,
    'mount-large': benchMountLarge,
    scan: benchScan,
    hashing: benchHashing,
    latency: benchLatency,
    api: benchApi,
    immich: benchImmich,
    'immich-get': benchImmichGet,
  };

const given = process.argv.slice(2);
const isQuick = given.includes('--quick');
const wanted = given.filter((argument) => argument !== '--quick');
const unknown = wanted.filter((part) => PARTS[part] === undefined);
if (unknown.length > 0) {
  process.stderr.write(
    `There is no part "${unknown.join('", "')}", only: ${Object.keys(PARTS).join(', ')}\n`,
  );
  process.exit(2);
}

// So that whoever is started ends with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const results: Result[] = [];
for (const [part, bench] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(part)) continue;
  process.stderr.write(`${part} …`);
  const startedMs = performance.now();
  results.push(...(await bench({ isQuick })));
  process.stderr.write(` ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`);
}
process.stdout.write(`\n${markdownOf(results)}\n`);
