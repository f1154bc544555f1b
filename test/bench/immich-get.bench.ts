import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contest } from './contest.ts';
import {
  type GetScene,
  openGetScene,
  PASS_THROUGH,
  photo,
  read,
  readAll,
  type Side,
  video,
} from './immich-get-scene.ts';
import { median, timed } from './measure.ts';
import type { Comparison, Result } from './result.ts';

/*
 * A GET through mediadav of what it has not kept, against the same client straight at the server. Who asks is the same on
 * both sides: one axios client in this process, over kept connections, that reads all bytes. No turn begins before all
 * processes have nothing left to do, so nobody's turn pays for another's: what mediadav puts off until a client has its
 * bytes is in its CPU time, and in no time on the clock.
 *
 * Client, mediadav and the fake share what cores there are, and a straight GET has one process less. So the same is
 * measured through a bare pass-through in Node: nothing in Node that stands in between takes less.
 */
const ROUNDS = 25;
const AT_ONCE = 4;
const VIDEO_ROUNDS = 7;
/** What a cable of a home network carries. */
const GIGABIT = 117_000_000;
const STRAIGHT = 'axios straight to Immich';
const LIMIT = { [STRAIGHT]: 1.25 };

export async function benchImmichGet(): Promise<Result[]> {
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-immich-'));
  try {
    await mkdir(join(home, 'photos'));
    const fast = await openGetScene(home, STRAIGHT, {});
    const results = await benchFast(fast, home).finally(() => fast.close());
    const line = await openGetScene(home, STRAIGHT, { bytesPerSecond: GIGABIT });
    return [...results, ...(await benchLine(line).finally(() => line.close()))];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** From a server that is as fast as this machine. */
async function benchFast(scene: GetScene, home: string): Promise<Result[]> {
  const { straight, through } = scene;
  const others = [straight, through];
  const local = join(home, 'photos', 'local.jpg');
  await writeFile(local, await readAll(straight.urlOf(photo(0))));
  const first = await race(scene, 'first GET of a 4 MB photo, which works out its digests', {
    ...{ next: scene.photos(1), rounds: ROUNDS, others: [straight] },
  });
  await scene.meetAll();
  return [
    ...(await race(scene, 'uncached GET of a 4 MB photo', {
      ...{ next: scene.photos(1), rounds: ROUNDS, others, atMost: LIMIT },
    })),
    ...(await race(scene, `${AT_ONCE} of them at once`, {
      ...{ next: scene.photos(AT_ONCE), rounds: ROUNDS, others, atMost: LIMIT },
    })),
    ...(await race(scene, 'uncached GET of a video of 256 MB', {
      ...{ next: (turn) => [video(turn % 2)], rounds: VIDEO_ROUNDS, others, atMost: LIMIT },
    })),
    ...first,
    ...(await benchCached(scene)),
  ];
}

/** Over a line as it lies between two machines. */
async function benchLine(scene: GetScene): Promise<Result[]> {
  await scene.meetAll();
  return await race(scene, 'uncached GET of a 4 MB photo over a line of 1 Gbit/s', {
    ...{ next: scene.photos(1), rounds: ROUNDS, others: [scene.straight, scene.through], atMost: LIMIT },
  });
}

async function benchCached(scene: GetScene): Promise<Comparison[]> {
  const cached = scene.mediadav.urlOf(photo(0));
  const local = `${scene.server.webdavUrl}/photos/local.jpg`;
  await read(cached);
  const turn = (name: string, url: string) => ({
    name,
    run: async () => {
      await scene.idle();
      return await timed(() => read(url));
    },
  });
  const name = 'GET of a 4 MB photo from the cache';
  const peer = 'the same as a local file';
  return await contest(name, turn('mediadav', cached), [turn(peer, local)], {
    ...{ rounds: 4 * ROUNDS, atMost: { [peer]: 1.25 } },
  });
}

interface Race {
  /** What is asked for at once in this turn. */
  readonly next: (turn: number) => readonly string[];
  readonly rounds: number;
  readonly others: readonly Side[];
  readonly atMost?: Readonly<Record<string, number>>;
}

/** By the clock, and by the CPU time of whoever stands in between. */
async function race(scene: GetScene, name: string, race: Race): Promise<Comparison[]> {
  const { server, mediadav } = scene;
  const cpuMs = new Map<string, number[]>();
  let askedBytes = 0;
  const fetchedBefore = await server.fetchedBytes();
  const contestant = (side: Side) => {
    let turn = 0;
    cpuMs.set(side.name, []);
    const run = async () => {
      // Turn by turn the same for all, so that what was read long ago is asked for again.
      const urls = race.next(turn++).map(side.urlOf);
      await scene.idle();
      const before = side.process.cpuMs();
      let bytes = 0;
      const ms = await timed(async () => {
        for (const each of await Promise.all(urls.map(read))) bytes += each;
      });
      await scene.idle();
      cpuMs.get(side.name)?.push(side.process.cpuMs() - before);
      if (side === mediadav) askedBytes += bytes;
      return ms;
    };
    return { name: side.name, run };
  };
  const { rounds, others, atMost = {} } = race;
  const results = await contest(name, contestant(mediadav), others.map(contestant), { rounds, atMost });
  // Did anything come from the cache, this would be another measurement than it says.
  const fetchedBytes = (await server.fetchedBytes()) - fetchedBefore;
  if (fetchedBytes !== askedBytes)
    throw new Error(`${name}: ${fetchedBytes} of ${askedBytes} bytes were fetched`);
  const floorMs = results.find(({ peer }) => peer === PASS_THROUGH)?.peersMs;
  const straightMs = results.find(({ peer }) => peer === STRAIGHT)?.peersMs;
  const [oursMs, theirsMs] = [cpuMs.get(mediadav.name), cpuMs.get(PASS_THROUGH)].map((all) => all?.slice(1));
  if (floorMs === undefined || straightMs === undefined || oursMs === undefined || theirsMs === undefined)
    return results;
  return [
    ...results,
    paired(`${PASS_THROUGH} instead of mediadav`, floorMs, STRAIGHT, straightMs),
    paired('CPU time of the process in between', oursMs, PASS_THROUGH, theirsMs),
  ];
}

function paired(
  name: string,
  oursMs: readonly number[],
  peer: string,
  peersMs: readonly number[],
): Comparison {
  const ratio = median(oursMs.map((ms, round) => ms / (peersMs[round] ?? Number.NaN)));
  return { name, peer, oursMs, peersMs, ratio };
}
