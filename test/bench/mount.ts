import { type Aim, aimTable, type Contest, contestTable } from './contest.ts';
import { benchMountLarge } from './mount-large.bench.ts';
import { benchMountCrowd, benchMountListing } from './mount-listing.bench.ts';
import { benchMountReading } from './mount-reading.bench.ts';
import { startMountServers } from './mount-servers.ts';

/*
 * The mount against its peers. `node test/bench/mount.ts listing` runs one part alone.
 */
const PARTS = { listing: benchMountListing, crowd: benchMountCrowd, reading: benchMountReading };
const asked = process.argv.slice(2);
const isAsked = (part: string) => asked.length === 0 || asked.includes(part);
// So that whoever is started ends with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const contests: Contest[] = [];
const aims: Aim[] = [];
let missing: readonly string[] = [];
const parts = Object.entries(PARTS).filter(([part]) => isAsked(part));
if (parts.length > 0) {
  const servers = await startMountServers();
  missing = servers.missing;
  try {
    for (const [, bench] of parts) {
      const figures = await bench(servers);
      contests.push(...figures.contests);
      aims.push(...figures.aims);
    }
  } finally {
    await servers.stop();
  }
}
if (isAsked('large')) aims.push(...(await benchMountLarge()));
if (contests.length > 0) process.stdout.write(`${contestTable(contests, missing)}\n\n`);
process.stdout.write(`${aimTable(aims)}\n`);
