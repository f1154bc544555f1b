import { randomFillSync } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apache } from './peers/apache.ts';
import { bareNode } from './peers/bare-node.ts';
import { lighttpd } from './peers/lighttpd.ts';
import { type Mediadav, startMediadav } from './peers/mediadav.ts';
import { nginx } from './peers/nginx.ts';
import type { Peer, PeerKind } from './peers/peer.ts';
import { rclone } from './peers/rclone.ts';
import { stockWebdavServer } from './peers/stock-webdav-server.ts';

const MANY = 10_000;
export const SMALL = 1_000;
export const SMALL_BYTES = 20 * 1024;
const FEW = 10;
const LARGE_BYTES = 1024 ** 3;
const KINDS: readonly PeerKind[] = [nginx, apache, lighttpd, rclone, stockWebdavServer, bareNode];

/** mediadav and its peers, all showing one tree. */
export interface MountServers {
  /** `many/`, `few/`, `small/` and `large.mp4`. */
  readonly tree: string;
  /** Size of `large.mp4`. */
  readonly largeBytes: number;
  readonly mediadav: Mediadav;
  readonly peers: readonly Peer[];
}

export function photoName(index: number): string {
  return `IMG_${String(index).padStart(5, '0')}.jpg`;
}

/** Makes the tree, starts everybody, and ends all of it after `bench`. Peers that are not installed are left out. */
export async function withMountServers<T>(
  { isQuick }: { readonly isQuick: boolean },
  bench: (servers: MountServers) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-mount-'));
  const stops: (() => Promise<void>)[] = [() => rm(home, { recursive: true, force: true })];
  try {
    // Servers that give up root's rights must get in, too.
    await chmod(home, 0o755);
    const tree = join(home, 'tree');
    const largeBytes = isQuick ? LARGE_BYTES / 8 : LARGE_BYTES;
    await makeTree(tree, largeBytes);
    const peers: Peer[] = [];
    for (const [index, kind] of KINDS.entries()) {
      const own = join(home, `peer-${index}`);
      await mkdir(own, { mode: 0o755 });
      const peer = await kind.start(tree, own);
      if (peer === null) process.stderr.write(`\nnot installed: ${kind.name}`);
      else {
        peers.push(peer);
        stops.push(() => peer.stop());
      }
    }
    const dataDir = join(home, 'mediadav');
    await mkdir(dataDir);
    const mediadav = await startMediadav(tree, dataDir);
    stops.push(() => mediadav.stop());
    await mediadav.settled();
    return await bench({ tree, largeBytes, mediadav, peers });
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function makeTree(tree: string, largeBytes: number): Promise<void> {
  for (const folder of ['many', 'few', 'small']) await mkdir(join(tree, folder), { recursive: true });
  for (let index = 0; index < MANY; index++) {
    await writeFile(join(tree, 'many', photoName(index)), `photo ${index}`);
  }
  for (let index = 0; index < FEW; index++) {
    await writeFile(join(tree, 'few', photoName(index)), `photo ${index}`);
  }
  for (let index = 0; index < SMALL; index++) {
    await writeFile(join(tree, 'small', photoName(index)), randomFillSync(Buffer.alloc(SMALL_BYTES)));
  }
  // Written, not a hole: reading a hole costs a disk nothing.
  const large = await open(join(tree, 'large.mp4'), 'w');
  try {
    const piece = randomFillSync(Buffer.alloc(16 * 1024 * 1024));
    for (let written = 0; written < largeBytes; written += piece.length) await large.write(piece);
  } finally {
    await large.close();
  }
}
