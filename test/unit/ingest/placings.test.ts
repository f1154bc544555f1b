import { describe, expect, it } from 'vitest';
import type { Aftermath, Change } from '../../../src/ingest/aftermath.ts';
import { Placings } from '../../../src/ingest/placings.ts';
import { Turns } from '../../../src/ingest/turns.ts';
import { UnfinishedWrites } from '../../../src/ingest/unfinished-writes.ts';
import { CodedError, codeOf } from '../../../src/model/coded-error.ts';
import type { Staged } from '../../../src/provider/provider.ts';

const { signal } = new AbortController();
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Uploads into a catalog that takes its time, and notes what it was told. */
function makeRoom({
  atOnce = 10,
  onFollow = async (_paths: readonly string[]): Promise<void> => undefined,
} = {}) {
  const followed: (readonly string[])[] = [];
  const failed: string[] = [];
  const missed: string[] = [];
  let open: (() => void)[] = [];
  const aftermath: Aftermath = {
    paths: 'stored',
    atOnce,
    async follow({ touched }: Change) {
      followed.push(touched);
      await new Promise<void>((resolve) => open.push(resolve));
      await onFollow(touched);
    },
    async followFailure({ touched }) {
      failed.push(...touched);
    },
  };
  const turns = new Turns();
  const unfinished = new UnfinishedWrites();
  const placings = new Placings({ turns, aftermath, unfinished, onMissed: () => void missed.push('scan') });
  const placed: string[] = [];
  const outcomes: string[] = [];
  const put = (
    path: string,
    place: () => Promise<void> = async () => undefined,
    permit?: () => Promise<void>,
  ) => {
    const staged: Staged = {
      sizeBytes: 1,
      async place() {
        await place();
        placed.push(path);
        return undefined;
      },
      persist: async () => undefined,
      discard: async () => undefined,
    };
    void placings
      .place({ staged, path, over: 'anything', permit, onShown: undefined, told: [], signal })
      .then(
        () => outcomes.push(`${path} stored`),
        (error) => outcomes.push(`${path} ${codeOf(error)}`),
      );
  };
  const letOn = async () => {
    await turn();
    for (const resolve of open.splice(0)) resolve();
    open = [];
    await turn();
    await turn();
  };
  return { put, letOn, placed, outcomes, followed, failed, missed, turns, unfinished };
}

describe('uploads that are whole', () => {
  it('while another one is taken in, are taken in together, and none is told before', async () => {
    const room = makeRoom();
    room.put('a');
    await turn();
    for (const path of ['b', 'c', 'd']) room.put(path);
    await turn();
    expect([room.followed, room.outcomes]).toEqual([[['a']], []]);
    await room.letOn();
    expect(room.outcomes).toEqual(['a stored']);
    expect(room.followed).toEqual([['a'], ['b', 'c', 'd']]);
    await room.letOn();
    expect(room.outcomes).toEqual(['a stored', 'b stored', 'c stored', 'd stored']);
  });

  it('do not fail because a neighbour does', async () => {
    const room = makeRoom();
    room.put('first');
    await turn();
    room.put('b');
    room.put('in the way', () => Promise.reject(new CodedError('exists', 'Something is there.')));
    const locked = () => Promise.reject(new CodedError('locked', 'Somebody has locked it.'));
    room.put('locked', undefined, locked);
    room.put('c');
    await room.letOn();
    await room.letOn();
    expect(room.outcomes.sort()).toEqual([
      'b stored',
      'c stored',
      'first stored',
      'in the way exists',
      'locked locked',
    ]);
    expect(room.placed).toEqual(['first', 'b', 'c']);
    expect(room.followed).toEqual([['first'], ['b', 'c']]);
    // What is there was not what was believed: it is looked at.
    expect(room.failed).toEqual(['in the way', 'locked']);
  });

  it('are refused without a look where a write may yet be done, and stored as soon as that is over', async () => {
    const room = makeRoom();
    const over = Promise.withResolvers<void>();
    room.unfinished.add(over.promise, ['folder']);
    for (const path of ['folder', 'folder/in it', 'folder beside it']) room.put(path);
    await room.letOn();
    expect(room.outcomes.sort()).toEqual([
      'folder beside it stored',
      'folder unavailable',
      'folder/in it unavailable',
    ]);
    expect([room.placed, room.failed]).toEqual([['folder beside it'], []]);
    over.resolve();
    await turn();
    room.put('folder/in it');
    await room.letOn();
    expect(room.placed).toEqual(['folder beside it', 'folder/in it']);
  });

  it('are not told as stored when the catalog has none of them', async () => {
    const room = makeRoom({
      onFollow: async (paths) => {
        if (paths.includes('b')) throw new CodedError('no-space', 'The disk is full.');
      },
    });
    room.put('a');
    await turn();
    room.put('b');
    room.put('c');
    await room.letOn();
    await room.letOn();
    expect(room.outcomes).toEqual(['a stored', 'b no-space', 'c no-space']);
    expect(room.missed).toEqual(['scan']);
    room.put('d');
    await room.letOn();
    expect(room.outcomes.at(-1)).toBe('d stored');
  });

  it('of one name are taken in one after the other', async () => {
    const room = makeRoom();
    room.put('a');
    await turn();
    for (const path of ['same', 'other', 'same']) room.put(path);
    await room.letOn();
    await room.letOn();
    await room.letOn();
    expect(room.followed).toEqual([['a'], ['same', 'other'], ['same']]);
    expect(room.outcomes.length).toBe(4);
  });

  it('are no more at once than may be, and each has its turn among others', async () => {
    const room = makeRoom({ atOnce: 2 });
    const order: string[] = [];
    room.put('a');
    await turn();
    for (const path of ['b', 'c', 'd']) room.put(path);
    void room.turns.between(async () => void order.push(`other after ${room.placed.join('')}`));
    for (let round = 0; round < 4; round += 1) await room.letOn();
    expect(room.followed).toEqual([['a'], ['b', 'c'], ['d']]);
    expect(order).toEqual(['other after abcd']);
  });
});
