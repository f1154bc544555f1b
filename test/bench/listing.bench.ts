import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../../src/app.ts';
import { readAppConfig } from '../../src/settings.ts';
import { compare, hasProgram, readThrough, startPeer } from './measure.ts';
import type { Comparison } from './result.ts';

const FILES = 10_000;
const LARGE_BYTES = 256 * 1024 * 1024;
const PEER_PORT = 18_181;
const FOUR_PROPERTIES = `<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:displayname/><D:getlastmodified/><D:getcontentlength/><D:resourcetype/></D:prop></D:propfind>`;

/** Listing 10,000 files and reading a large one, against `rclone serve webdav` on the same tree. */
export async function benchListing(): Promise<Comparison[]> {
  if (!(await hasProgram('rclone'))) throw new Error('rclone is needed as the peer: install it');
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-'));
  const tree = join(home, 'tree');
  await mkdir(join(tree, 'many'), { recursive: true });
  for (let index = 0; index < FILES; index++) {
    await writeFile(join(tree, 'many', `IMG_${String(index).padStart(5, '0')}.jpg`), `photo ${index}`);
  }
  await writeFile(join(tree, 'large.mp4'), Buffer.alloc(LARGE_BYTES, 'v'));

  const config = readAppConfig({
    argv: ['serve', tree],
    env: { PORT: '0', WEBDAV_PORT: '0', DATA_DIR: join(home, 'data'), LOG_LEVEL: 'error' },
    cwd: home,
  });
  if (config.command !== 'serve') throw new Error('not a server');
  const app = await startApp(config);
  await app.settled();
  const peerUrl = `http://127.0.0.1:${PEER_PORT}`;
  const peer = await startPeer(
    'rclone',
    ['serve', 'webdav', tree, '--addr', `127.0.0.1:${PEER_PORT}`],
    `${peerUrl}/`,
  );
  try {
    const list = (url: string, body?: string) => () =>
      readThrough(url, {
        method: 'PROPFIND',
        headers: { Depth: '1' },
        ...(body === undefined ? {} : { body }),
      });
    const rclone = (work: () => Promise<unknown>) => ({ name: 'rclone serve webdav', run: work });
    const ours = `${app.webdavUrl}/tree`;
    return [
      await compare(
        'PROPFIND of 10,000 files, four properties',
        list(`${ours}/many/`, FOUR_PROPERTIES),
        rclone(list(`${peerUrl}/many/`, FOUR_PROPERTIES)),
      ),
      await compare(
        'PROPFIND of 10,000 files, allprop',
        list(`${ours}/many/`),
        rclone(list(`${peerUrl}/many/`)),
      ),
      await compare(
        'GET of a 256 MiB file',
        () => readThrough(`${ours}/large.mp4`),
        rclone(() => readThrough(`${peerUrl}/large.mp4`)),
      ),
    ];
  } finally {
    await peer.stop();
    await app.stop();
    await rm(home, { recursive: true, force: true });
  }
}
