import { beforeEach, describe, expect, it } from 'vitest';
import { RenderedListings } from '../../../src/dav/rendered-listings.ts';

let listings: RenderedListings;
let rendered: number;

beforeEach(() => {
  listings = new RenderedListings();
  rendered = 0;
});

async function list(shape: string, state: string, pieces: readonly string[] = ['a', 'b']): Promise<string> {
  let text = '';
  const render = async function* () {
    rendered += 1;
    yield* pieces;
  };
  for await (const piece of listings.pieces({ shape, state }, render)) text += piece;
  return text;
}

describe('listings that are kept', () => {
  it('are those that are asked for again', async () => {
    for (let count = 0; count < 5; count++) expect(await list('x', '1')).toBe('ab');
    expect(rendered).toBe(2);
    expect(await list('y', '1', ['c'])).toBe('c');
    expect(rendered).toBe(3);
  });

  it('are given for the state they are of, and for no other', async () => {
    for (let count = 0; count < 3; count++) await list('x', '1', ['before']);
    for (let count = 0; count < 3; count++) expect(await list('x', '2', ['after'])).toBe('after');
    expect(await list('x', '1', ['again'])).toBe('again');
  });

  it('are whole: what a client broke off is rendered anew', async () => {
    await list('x', '1');
    const render = async function* () {
      yield* ['a', 'b'];
    };
    for await (const piece of listings.pieces({ shape: 'x', state: '1' }, render)) {
      if (piece === 'a') break;
    }
    expect(await list('x', '1')).toBe('ab');
    expect(rendered).toBe(2);
  });

  it('are not those that failed midway', async () => {
    await list('x', '1');
    const failing = async function* () {
      yield 'a';
      throw new Error('the disk');
    };
    const read = async () => {
      for await (const _ of listings.pieces({ shape: 'x', state: '1' }, failing));
    };
    await expect(read()).rejects.toThrow('the disk');
    expect(await list('x', '1')).toBe('ab');
  });

  it('are not those that do not hold', async () => {
    const render = async function* (refuse: () => void) {
      rendered += 1;
      yield 'a';
      refuse();
      yield 'b';
    };
    for (let count = 0; count < 4; count++) {
      for await (const _ of listings.pieces({ shape: 'x', state: '1' }, render));
    }
    expect(rendered).toBe(4);
  });

  it('are none that are too large, and all together not too many', async () => {
    const huge = Array.from({ length: 9 }, () => 'x'.repeat(1024 * 1024));
    for (let count = 0; count < 4; count++)
      expect((await list('huge', '1', huge)).length).toBe(9 * 1024 ** 2);
    expect(rendered).toBe(4);

    rendered = 0;
    const large = huge.slice(0, 7);
    for (const shape of ['a', 'b', 'c'])
      for (let count = 0; count < 3; count++) await list(shape, '1', large);
    expect(rendered).toBe(6);
    // The two that were used last are there still.
    await list('c', '1', large);
    await list('b', '1', large);
    expect(rendered).toBe(6);
    await list('a', '1', large);
    expect(rendered).toBe(7);
  });
});
