import { expect, it } from 'vitest';
import { FactSpool } from '../../../../providers/immich/fact-spool.ts';
import { type AssetFacts, UNKNOWN_MEDIA } from '../../../../src/model/asset.ts';

function facts(id: string, createdMs: number | null): AssetFacts {
  return {
    ...UNKNOWN_MEDIA,
    ...{ ref: { id, path: `${id} 写真.jpg` }, version: `v-${id}`, sizeBytes: 7, contentType: 'image/jpeg' },
    ...{ kind: 'image', modifiedMs: 5, createdMs, statusChangedMs: null, digests: { sha1: id } },
  };
}

/** Pseudo-random, the same each time. */
function* numbers(count: number): Generator<number> {
  for (let at = 0, state = 42; at < count; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state;
  }
}

it.each([0, 1, 99, 100, 101, 3_700])('hands out %i facts as they were, by time and id', (count) => {
  const all = [...numbers(count)].map((number, at) => facts(`id-${at}`, at % 7 === 0 ? null : number % 900));
  const spool = new FactSpool();
  for (const each of all) spool.add(each);
  const expected = all.toSorted(
    (a, b) => (a.createdMs ?? 0) - (b.createdMs ?? 0) || (a.ref.id < b.ref.id ? -1 : 1),
  );
  expect(spool.length).toBe(count);
  expect(spool.sampleId === null).toBe(count === 0);
  expect([...spool.inTimeOrder()]).toEqual(expected);
});

it.each(['rising', 'falling'])('takes facts in %s order', (order) => {
  const all = Array.from({ length: 2_100 }, (_, at) => facts(`id-${String(at).padStart(4, '0')}`, at));
  const spool = new FactSpool();
  for (const each of order === 'rising' ? all : all.toReversed()) spool.add(each);
  expect([...spool.inTimeOrder()]).toEqual(all);
});
