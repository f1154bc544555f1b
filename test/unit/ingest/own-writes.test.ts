import { expect, it } from 'vitest';
import { OwnWrites } from '../../../src/ingest/own-writes.ts';
import type { AssetFacts } from '../../../src/model/asset.ts';

const facts = (path: string, version: string) => ({ ref: { id: path, path }, version }) as AssetFacts;

it('tells of each write once, with the version that was written last', () => {
  const own = new OwnWrites();
  own.note(facts('a', '1'));
  own.note(facts('a', '2'));
  own.note(facts('b', '1'));
  expect([...own.take(['a', 'c'])]).toEqual([['a', '2']]);
  // Whoever is hinted at now was somebody else.
  expect([...own.take(['a', 'b'])]).toEqual([['b', '1']]);
});

it('knows nothing of what was moved or removed since, nor of what was in it', () => {
  const own = new OwnWrites();
  for (const path of ['a', 'a/b', 'a/b/c', 'ab']) own.note(facts(path, '1'));
  own.forget('a');
  expect([...own.take(['a', 'a/b', 'a/b/c', 'ab'])]).toEqual([['ab', '1']]);
});

it('knows the same as somebody who looks at each of them', () => {
  const own = new OwnWrites();
  const known = new Map<string, string>();
  // Repeatable, and of no pattern that a folder could have.
  let state = 7;
  const next = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const anyPath = () => Array.from({ length: 1 + next(4) }, () => 'abc'[next(3)]).join('/');
  for (let step = 0; step < 5_000; step += 1) {
    const path = anyPath();
    const what = next(4);
    if (what < 2) {
      own.note(facts(path, `${step}`));
      known.set(path, `${step}`);
    } else if (what === 2) {
      own.forget(path);
      for (const each of known.keys()) if (`${each}/`.startsWith(`${path}/`)) known.delete(each);
    } else {
      const expected = known.has(path) ? [[path, known.get(path)]] : [];
      expect([...own.take([path])]).toEqual(expected);
      known.delete(path);
    }
  }
  expect(own.take([...known.keys()])).toEqual(known);
});

it('forgets the oldest of too many', () => {
  const own = new OwnWrites();
  for (let at = 0; at <= 20_000; at += 1) own.note(facts(`${at}`, 'v'));
  expect([...own.take(['0', '1', '20000'])]).toEqual([
    ['1', 'v'],
    ['20000', 'v'],
  ]);
});
