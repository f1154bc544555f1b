import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Contestant, contest } from './contest.ts';
import type { DiskOrder, DiskResult } from './disk-client.ts';
import { photoName, SMALL, SMALL_BYTES } from './mount-servers.ts';
import { apache } from './peers/apache.ts';
import { lighttpd } from './peers/lighttpd.ts';
import { type Mediadav, startMediadav } from './peers/mediadav.ts';
import { nginx } from './peers/nginx.ts';
import { type Peer, type PeerKind, stopperOf } from './peers/peer.ts';
import { rclone } from './peers/rclone.ts';
import { stockWebdavServer } from './peers/stock-webdav-server.ts';
import type { Result } from './result.ts';
import type { WriteOrder, WriteResult } from './write-client.ts';

const CLIENT = fileURLToPath(new URL('write-client.ts', import.meta.url));
const DISK_CLIENT = fileURLToPath(new URL('disk-client.ts', import.meta.url));
/** Where Linux has a file system in memory. */
const MEMORY_DISK = '/dev/shm';
const RCLONE = 'rclone serve webdav';
const LARGE_BYTES = 1024 ** 3;
const MIB = 1024 * 1024;
const LARGE_ROUNDS = 3;
const SMALL_ROUNDS = 9;
/** Node compiles what runs often, while it runs: that takes some thousand uploads. */
const SMALL_WARM_UPS = 6;
/** As few as a person's programs have, and as many as the small files are read by. */
const CROWDS = [8, 32];
const KINDS: readonly PeerKind[] = [rclone, nginx, apache, lighttpd, stockWebdavServer];

/**
 * PUT of many small files and of a large one. Each server has a tree of its own on the same disk; only we sync it. Beside
 * them, what the disk takes for as much without any server. The same in memory, which tells our time from the disk's.
 */
export async function benchMountWriting(scale: { readonly isQuick: boolean }): Promise<Result[]> {
  const onDisk = await benchWritingTo({ parent: tmpdir(), where: 'on the disk' }, scale);
  if (!existsSync(MEMORY_DISK)) return onDisk;
  return [...onDisk, ...(await benchWritingTo({ parent: MEMORY_DISK, where: 'in memory' }, scale))];
}

interface Place {
  readonly parent: string;
  readonly where: string;
}

async function benchWritingTo(
  { parent, where }: Place,
  { isQuick }: { readonly isQuick: boolean },
): Promise<Result[]> {
  const home = await mkdtemp(join(parent, 'mediadav-bench-writing-'));
  const stops: (() => Promise<void>)[] = [() => rm(home, { recursive: true, force: true })];
  try {
    await chmod(home, 0o755);
    const rounds = isQuick ? 1 : SMALL_ROUNDS;
    const warmUps = isQuick ? 1 : SMALL_WARM_UPS;
    const peers: Peer[] = [];
    for (const kind of KINDS) {
      const own = join(home, `peer-${peers.length}`);
      await mkdir(own, { mode: 0o755 });
      const peer = await kind.start(await makeTree(join(own, 'tree'), warmUps + rounds), own, {
        isWritable: true,
      });
      if (peer === null) process.stderr.write(`\nnot installed: ${kind.name}`);
      else {
        peers.push(peer);
        stops.push(() => peer.stop());
      }
    }
    const dataDir = join(home, 'mediadav');
    await mkdir(dataDir);
    const tree = await makeTree(join(home, 'tree'), warmUps + rounds);
    const mediadav = await startMediadav(tree, dataDir, { isWritable: true });
    stops.push(() => mediadav.stop());
    await mediadav.settled();

    const largeBytes = isQuick ? LARGE_BYTES / 8 : LARGE_BYTES;
    const all = (run: (server: Peer, round: number) => Promise<number>, order: Omit<DiskOrder, 'folder'>) => {
      const [ours, ...others] = [mediadav, ...peers].map((server) => contestant(server, mediadav, run));
      if (ours === undefined) throw new Error('nobody takes part');
      return [ours, [...others, diskAlone(home, order)]] as const;
    };
    const results: Result[] = [];
    for (const connections of CROWDS) {
      results.push(
        ...(await contest(
          `${SMALL} PUTs of 20 KB files, ${connections} connections, ${where}`,
          ...all(
            (server, round) => store(server, connections, pathsIn(folderOf(connections, round)), SMALL_BYTES),
            { files: SMALL, fileBytes: SMALL_BYTES, lanes: connections },
          ),
          { rounds, warmUps, atMost: { [RCLONE]: 1 / 0.5 } },
        )),
      );
    }
    const large = await contest(
      `PUT of a file of ${largeBytes / MIB} MiB, ${where}`,
      ...all((server) => store(server, 1, ['/large.mp4'], largeBytes), {
        ...{ files: 1, fileBytes: largeBytes, lanes: 1 },
      }),
      { rounds: isQuick ? 1 : LARGE_ROUNDS, atMost: { [RCLONE]: 1 / 0.9 } },
    );
    return [...results, ...large];
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/**
 * The same files without any server, synced one by one. Many stay until all have had their turns: for minutes after some were
 * removed, ext4 without a journal looks at each of their inodes before it takes a free one, for whoever makes a file.
 */
function diskAlone(home: string, order: Omit<DiskOrder, 'folder'>): Contestant {
  return {
    name: 'the file system alone, synced',
    async run() {
      const folder = join(await mkdtemp(join(home, 'alone-')), 'files');
      const { durationMs } = await runClient<DiskResult>(DISK_CLIENT, {
        ...order,
        folder,
      } satisfies DiskOrder);
      if (order.files === 1) await rm(folder, { recursive: true });
      return durationMs;
    },
  };
}

/** With folders for the files of each round, and one that peers are asked for until they answer. */
async function makeTree(tree: string, rounds: number): Promise<string> {
  await mkdir(tree);
  // Servers that give up root's rights must get in, too.
  await chmod(tree, 0o777);
  const each = CROWDS.flatMap((connections) =>
    Array.from({ length: rounds }, (_, round) => folderOf(connections, round)),
  );
  for (const folder of ['small', ...each]) {
    await mkdir(join(tree, folder));
    await chmod(join(tree, folder), 0o777);
  }
  return tree;
}

function folderOf(connections: number, round: number): string {
  return `by-${connections}-round-${round}`;
}

function contestant(
  server: Peer,
  mediadav: Mediadav,
  run: (server: Peer, round: number) => Promise<number>,
): Contestant {
  let round = 0;
  return {
    name: server.name,
    async run() {
      const ms = await run(server, round);
      round += 1;
      // What it has taken in it looks into at once, which the next in turn shall not pay for.
      await mediadav.settled();
      return ms;
    },
  };
}

function pathsIn(folder: string): string[] {
  return Array.from({ length: SMALL }, (_, index) => `/${folder}/${photoName(index)}`);
}

async function store(
  server: Peer,
  connections: number,
  paths: readonly string[],
  bodyBytes: number,
): Promise<number> {
  const { hostname: host, port, pathname } = new URL(server.url);
  const prefix = pathname.replace(/\/$/, '');
  const order: WriteOrder = {
    ...{ host, port: Number(port), connections, bodyBytes },
    paths: paths.map((path) => prefix + path),
  };
  return (await runClient<WriteResult>(CLIENT, order)).durationMs;
}

/** @param order as JSON through its standard input. @returns what it tells as JSON. */
async function runClient<T>(program: string, order: unknown): Promise<T> {
  const client = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const stop = stopperOf(client);
  try {
    client.stdin.end(JSON.stringify(order));
    const [result, [code]] = await Promise.all([json(client.stdout), once(client, 'exit')]);
    if (code !== 0) throw new Error(`the client ended with ${code}`);
    return result as T;
  } finally {
    await stop();
  }
}
