import { Library } from '../fakes/immich/library.ts';
import { FakeImmich } from '../fakes/immich/server.ts';
import { BENCH_KEY, type FakeLibrary } from './immich-processes.ts';

/*
 * A fake Immich in a process of its own, so that its work is not counted as mediadav's: `immich-server.ts <FakeLibrary as
 * JSON>`. Tells its URL as a line.
 */
const LARGE_BYTES = 4 * 1024 * 1024;
const VIDEO_BYTES = 256 * 1024 * 1024;
const FIRST_MS = 1_300_000_000_000;

const order = JSON.parse(process.argv[2] ?? '') as FakeLibrary;
const { version, albums, photosEach, largePhotos = 0, videos = 0, bytesPerSecond } = order;
const library = new Library();
const owner = library.addUser({ name: 'Ann', email: 'ann@example.com' });
library.addKey({ user: owner, key: BENCH_KEY });
for (let album = 0; album < albums; album++) {
  const assets = Array.from({ length: photosEach }, (_, at) => {
    const index = album * photosEach + at;
    const size = album === 0 && at < largePhotos ? LARGE_BYTES : 5_000 + at;
    const exif = { make: 'Camera', model: 'Camera 1', latitude: 48.8, longitude: 2.3, city: 'Paris' };
    return library.addAsset({
      ...{ owner, name: `IMG_${album}_${at}.jpg`, content: { size, seed: album * 1_000_003 + at + 1 }, exif },
      // A month has a thousand of them, so that a view by months is no single folder.
      ...{ fileCreatedAt: FIRST_MS + index * 2_600_000, fileModifiedAt: FIRST_MS + index * 1_000 },
    });
  });
  for (let index = 0; album === 0 && index < videos; index++) {
    const content = { size: VIDEO_BYTES, seed: 1 + index };
    assets.push(library.addAsset({ owner, name: `VID_0_${index}.mp4`, content }));
  }
  library.addAlbum({ owner, name: `Album ${album}`, assets });
}
const fake = new FakeImmich({
  version,
  library,
  ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
});
await fake.start();
process.stdout.write(`${fake.url}\n`);
