import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { runCommand, succeed } from './client-command.ts';
import { patterned, writeFiles } from './dav-app.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { lookUp, PROC } from './tool-lookup.ts';

const needs = lookUp('rclone', PROC);
const PHOTOS = 6;
const VIDEO_BYTES = 8_000_000;

/** What comparing has cost the sources. */
interface Cost {
  readonly immichRequests: number;
  /** Of everything the server has read: files, its catalog and the requests themselves. */
  readonly serverBytes: number;
}

/**
 * rclone compares by MD5 where both sides say that they know it, and by SHA-1 with the vendor `nextcloud`. Immich tells
 * SHA-1 alone; its MD5 is known once `HASH_REMOTE` has had it read.
 */
describe.each([
  { vendor: 'nextcloud', hashesRemote: false },
  { vendor: 'owncloud', hashesRemote: true },
])(`rclone --checksum, vendor $vendor${needs.note}`, ({ vendor, hashesRemote }) => {
  let work = '';
  let disk = '';
  let copy = '';
  let fake: FakeImmich;
  let server: MediadavProcess;

  beforeAll(async () => {
    if (needs.areMissing) return;
    work = await mkdtemp(join(tmpdir(), 'mediadav-checksum-'));
    disk = join(work, 'disk');
    copy = join(work, 'copy');
    const { library, albums } = smallLibrary(1, PHOTOS);
    const album = Object.fromEntries(
      library
        .assetsOf(albums[0])
        .map(({ originalFileName, content }) => [
          `Album 1/${originalFileName}`,
          Buffer.from(content.bytes()),
        ]),
    );
    const videos = { 'videos/a.mp4': patterned(VIDEO_BYTES), 'videos/b.mp4': patterned(VIDEO_BYTES + 1) };
    await writeFiles(disk, { ...album, ...videos });
    // The same bytes, at other times.
    await writeFiles(copy, { 'x/first.jpg': 'not part of it', ...album, ...videos });
    await rm(join(copy, 'x'), { recursive: true });
    fake = await startFakeImmich({ version: '2.7.5', library });
    server = await startProcess({
      env: {
        ...{ IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY, LOCAL_PATHS: `disk=${disk}` },
        ...{ FLATTEN_ASSET_STRUCTURE: 'true', HASH_REMOTE: String(hashesRemote) },
      },
    });
  });
  afterAll(async () => {
    if (needs.areMissing) return;
    await server.stop();
    await fake.close();
    await rm(work, { recursive: true, force: true });
  });

  const flags = () => [
    ...['--config', '/dev/null', '--webdav-url', `${server.webdavUrl}/`, '--webdav-vendor', vendor],
    ...['--retries', '1', '--low-level-retries', '1', '-v'],
  ];
  const check = (one: string, other: string) => runCommand('rclone', ['check', one, other, ...flags()]);
  const cost = async (): Promise<Cost> => {
    const io = await readFile(`/proc/${server.pid}/io`, 'utf8');
    return { immichRequests: fake.requests.length, serverBytes: Number(/^rchar: (\d+)$/m.exec(io)?.[1]) };
  };
  /** Does the work, which must not have read any content. */
  const withoutReading = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = await cost();
    const result = await work();
    const after = await cost();
    expect(after.immichRequests).toBe(before.immichRequests);
    expect(after.serverBytes - before.serverBytes).toBeLessThan(VIDEO_BYTES / 4);
    return result;
  };

  it('finds an album of Immich, a folder of the mount and a folder of this machine equal', async () => {
    const pairs = [
      [':webdav:immich/Album 1', ':webdav:disk/Album 1', PHOTOS],
      [':webdav:immich/Album 1', join(copy, 'Album 1'), PHOTOS],
      [':webdav:disk', copy, PHOTOS + 2],
    ] as const;
    for (const [one, other, count] of pairs) {
      const { code, stderr } = await withoutReading(() => check(one, other));
      expect([one, code, stderr]).toEqual([one, 0, expect.stringContaining('0 differences found')]);
      expect(stderr).toContain(`${count} matching files`);
      // It would also say so of what it could not compare.
      expect(stderr).not.toContain('could not be checked');
    }
  });

  it('sees one byte of difference, of a file as long and as old', async () => {
    const path = join(copy, 'videos', 'a.mp4');
    const { mtime } = await stat(path);
    const bytes = await readFile(path);
    await writeFile(path, Buffer.concat([Buffer.from([bytes[0] === 0 ? 1 : 0]), bytes.subarray(1)]));
    await utimes(path, mtime, mtime);
    const { code, stderr } = await withoutReading(() => check(':webdav:disk/videos', join(copy, 'videos')));
    expect(code).toBe(1);
    expect(stderr).toContain('1 differences found');
    await writeFile(path, bytes);
  });

  it('has nothing to sync where times differ and bytes do not', async () => {
    const sync = ['sync', '--checksum', ':webdav:immich/Album 1', join(copy, 'Album 1'), '--stats-one-line'];
    const { code, stderr } = await withoutReading(() => runCommand('rclone', [...sync, ...flags()]));
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('Copied')]);
    const disk = ['sync', '--checksum', ':webdav:disk', copy];
    const second = await withoutReading(() => runCommand('rclone', [...disk, ...flags()]));
    expect([second.code, second.stderr]).toEqual([0, expect.not.stringContaining('Copied')]);
  });

  it('tells people how much space there is', async () => {
    const about = JSON.parse(await succeed('rclone', ['about', ':webdav:', '--json', ...flags()]));
    expect(about.free).toBeGreaterThan(0);
    expect(about.total).toBe(about.free + about.used);
  });

  it('tells people the digests without reading', async () => {
    const output = await withoutReading(() =>
      succeed('rclone', ['sha1sum', ':webdav:immich/Album 1', ...flags()]),
    );
    const local = await succeed('rclone', ['sha1sum', join(copy, 'Album 1'), '--config', '/dev/null']);
    expect(output.split('\n').sort()).toEqual(local.split('\n').sort());
  });
});
