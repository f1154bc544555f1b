import { Library } from '../fakes/immich/library.ts';
import { FakeImmich } from '../fakes/immich/server.ts';
import { isVersion } from '../fakes/immich/versions.ts';

/*
 * A fake Immich in a process of its own, so that its work is not counted as mediadav's: `immich-server.ts <version>
 * <albums> <photos in each>`. Tells its URL as a line, and ends with its standard input.
 */
const BENCH_KEY = 'bench';
const LARGE_PHOTOS = 30;

const [version = '', albumCount = '0', photosEach = '0'] = process.argv.slice(2);
if (!isVersion(version)) throw new Error('the version is none of the fake');
const library = new Library();
const owner = library.addUser({ name: 'Ann', email: 'ann@example.com' });
library.addKey({ user: owner, key: BENCH_KEY });
for (let album = 0; album < Number(albumCount); album++) {
  const assets = Array.from({ length: Number(photosEach) }, (_, at) => {
    const name = `IMG_${album}_${at}.jpg`;
    const time = 1_600_000_000_000 + (album * Number(photosEach) + at) * 1_000;
    // A few are photos of a usual size; the others are never opened.
    const size = album === 0 && at < LARGE_PHOTOS ? 4 * 1024 * 1024 : 5_000 + at;
    const exif = { make: 'Camera', model: 'Camera 1', latitude: 48.8, longitude: 2.3, city: 'Paris' };
    return library.addAsset({
      ...{ owner, name, content: { size, seed: album * 1_000_003 + at + 1 }, exif },
      ...{ fileCreatedAt: time, fileModifiedAt: time },
    });
  });
  library.addAlbum({ owner, name: `Album ${album}`, assets });
}
const fake = new FakeImmich({ version, library });
await fake.start();
process.stdout.write(`${fake.url}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
