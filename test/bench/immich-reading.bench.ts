import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Version } from '../fakes/immich/versions.ts';
import { startFake } from './immich-processes.ts';
import type { Reading } from './immich-reader.ts';
import type { Figure } from './result.ts';

const run = promisify(execFile);
/** One album of so many photos: 124 MB as one answer of Immich 2.7. */
const LARGE_ALBUM = 100_000;

/** Reading and refreshing a large library. */
export async function benchImmichReading({ isQuick }: { readonly isQuick: boolean }): Promise<Figure[]> {
  const photos = isQuick ? LARGE_ALBUM / 10 : LARGE_ALBUM;
  const albums = photos / 100;
  const large = await readFrom('2.7.5', 1, photos, 'albums');
  const views = await readFrom('3.1.0', 1, photos, 'timeline,places,favorites');
  const many = await readFrom('3.1.0', albums, 100, 'albums');
  return [
    ...readingFigures(`an album of ${photos} photos`, large),
    ...readingFigures(`timeline, places and favourites of ${photos} photos`, views),
    ...readingFigures(`${albums} albums with ${photos} photos`, many),
    {
      ...{ name: `CPU time of an unchanged refresh of ${albums} albums with ${photos} photos`, unit: 'ms' },
      ...{ value: many.refreshCpuMs, atMost: 50 },
    },
    {
      ...{ name: 'requests of that refresh', unit: 'requests' },
      ...{ value: many.refreshRequests, atMost: 2 },
    },
  ];
}

function readingFigures(what: string, { growthMb, stallMs }: Reading): Figure[] {
  return [
    { name: `memory for the first read of ${what}`, unit: 'MB', value: growthMb, atMost: 150 },
    { name: 'longest turn of the event loop while it is read', unit: 'ms', value: stallMs, atMost: 20 },
  ];
}

async function readFrom(
  version: Version,
  albums: number,
  photosEach: number,
  views: string,
): Promise<Reading> {
  const server = await startFake({ version, albums, photosEach });
  try {
    const reader = join(import.meta.dirname, 'immich-reader.ts');
    const { stdout } = await run(process.execPath, [reader, server.url, views], { maxBuffer: 1024 * 1024 });
    const reading = JSON.parse(stdout) as Reading;
    process.stderr.write(`\n${version}, ${albums} albums, ${views}: ${JSON.stringify(reading)}`);
    return reading;
  } finally {
    await server.stop();
  }
}
