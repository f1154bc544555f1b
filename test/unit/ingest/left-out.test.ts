import { expect, it } from 'vitest';
import { LeftOut } from '../../../src/ingest/left-out.ts';

it('counts each place once, and forgets those below a path', () => {
  const left = new LeftOut(true);
  for (const place of ['a/.x', 'a/b/.x', 'ab/.x', 'a/.x']) left.note('a hidden name', place);
  left.note('a link to a folder', 'a');
  expect(left.warnings).toEqual([
    { reason: 'a hidden name', count: 3, example: 'a/.x' },
    { reason: 'a link to a folder', count: 1, example: 'a' },
  ]);
  left.forget(new Set(['a/b', 'nowhere']));
  left.forget(new Set(['a']));
  expect(left.warnings).toEqual([{ reason: 'a hidden name', count: 1, example: 'ab/.x' }]);
});

it('counts names as often as they come', () => {
  const left = new LeftOut(false);
  for (let times = 0; times < 2; times += 1) left.note('an album that could not be read', 'Summer');
  expect(left.warnings).toMatchObject([{ count: 2 }]);
});

it('has one example of the same names, in whatever order they come', () => {
  const examples = [
    ['Summer', 'Autumn', 'Winter'],
    ['Winter', 'Summer', 'Autumn'],
  ].map((names) => {
    const left = new LeftOut(false);
    for (const name of names) left.note('an album that could not be read', name);
    return left.warnings[0]?.example;
  });
  expect(examples).toEqual(['Autumn', 'Autumn']);
});

it('remembers a bounded number of places, and leaves the rest to the next scan', () => {
  const left = new LeftOut(true);
  for (let at = 0; at < 5_000; at += 1) left.note('a hidden name', `a/.${at}`);
  expect(left.warnings).toMatchObject([{ count: 5_000 }]);
  left.noteAgain('a hidden name', 'a/.4999');
  expect(left.warnings).toMatchObject([{ count: 5_000 }]);
  left.forget(new Set(['a']));
  expect(left.warnings).toMatchObject([{ count: 4_000, example: 'a/.0' }]);
});
