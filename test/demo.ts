import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { startApp, welcomeText } from '../src/app.ts';
import { readAppConfig } from '../src/settings.ts';
import { SEED_KEYS, seedLibrary } from './fakes/immich/seed.ts';
import { startFakeImmich } from './fakes/immich/server.ts';

/*
 * `npm run demo`: a folder with generated photos and a pretended Immich server, mounted side by side, so that a
 * newcomer sees both kinds of source within a minute. Everything lives in a temporary folder and goes with it.
 */

const PHOTOS_PER_TRIP = 6;
const TRIPS = ['2024-07 Lake', '2025-02 Snow', '2026-05 Harbour'];
const IMMICH_VERSION = '3.1.0';

const home = await mkdtemp(join(tmpdir(), 'mediadav-demo-'));
const photos = join(home, 'photos');
process.stdout.write('Making a few photos …\n');
for (const [tripIndex, trip] of TRIPS.entries()) {
  await mkdir(join(photos, trip), { recursive: true });
  for (let index = 0; index < PHOTOS_PER_TRIP; index++) {
    const file = join(photos, trip, `IMG_${String(index + 1).padStart(4, '0')}.jpg`);
    await writeFile(file, await landscape(tripIndex * PHOTOS_PER_TRIP + index));
    const taken = new Date(`${trip.slice(0, 7)}-${String(index + 3).padStart(2, '0')}T15:04:05Z`);
    await utimes(file, taken, taken);
  }
}

const immichPhotos = await Promise.all(
  Array.from({ length: 8 }, async (_, index) => ({
    name: `DSC_${String(index + 100).padStart(4, '0')}.jpg`,
    bytes: await landscape(40 + index),
  })),
);
const library = seedLibrary(IMMICH_VERSION, { photos: immichPhotos });
const immich = await startFakeImmich({ version: IMMICH_VERSION, library });

const config = readAppConfig({
  argv: ['serve', photos, ...process.argv.slice(2)],
  env: {
    ...process.env,
    DATA_DIR: join(home, 'data'),
    IMMICH_URL: immich.url,
    IMMICH_API_KEY: SEED_KEYS.minimal,
  },
  cwd: home,
});
if (config.command !== 'serve') throw new Error('the demo only serves');
const app = await startApp(config);
await app.settled();
process.stdout.write(`\n${await welcomeText(app)}\nStop it with Ctrl-C; nothing of it stays behind.\n`);

let isStopping = false;
const stop = async (): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  await app.stop();
  await immich.close();
  await rm(home, { recursive: true, force: true });
};
process.once('SIGINT', () => void stop()).once('SIGTERM', () => void stop());

/** A sky, a sun and hills, different for each seed. */
async function landscape(seed: number): Promise<Buffer> {
  const hue = (seed * 47) % 360;
  const hills = [0, 1, 2]
    .map((layer) => {
      const top = 420 + layer * 90;
      const swing = 40 + ((seed * 13 + layer * 29) % 60);
      const path = `M0 ${top} Q 300 ${top - swing} 600 ${top} T 1200 ${top} V 800 H 0 Z`;
      return `<path d="${path}" fill="hsl(${(hue + 100 + layer * 12) % 360} 35% ${45 - layer * 10}%)"/>`;
    })
    .join('');
  const sun = `<circle cx="${200 + ((seed * 151) % 800)}" cy="${120 + ((seed * 67) % 160)}" r="55" fill="#fff4cf"/>`;
  const sky = `<rect width="1200" height="800" fill="hsl(${hue} 60% 78%)"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="800">${sky}${sun}${hills}</svg>`;
  return await sharp(Buffer.from(svg)).jpeg({ quality: 82 }).toBuffer();
}
