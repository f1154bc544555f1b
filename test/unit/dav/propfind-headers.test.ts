import { describe, expect, it } from 'vitest';
import { readPropfindHeaders } from '../../../src/dav/propfind-headers.ts';
import { codeOf } from '../../../src/model/coded-error.ts';

/** @param headers by name in lower case, as Node gives them. */
function read(headers: Readonly<Record<string, string>>) {
  return readPropfindHeaders({ header: (name) => headers[name] });
}

describe('readPropfindHeaders', () => {
  it.each([
    ['0', '0', false],
    ['1', '1', false],
    [' 1 ', '1', false],
    ['infinity', 'infinity', false],
    ['INFINITY', 'infinity', false],
    ['1,noroot', '1', true],
    ['1, noroot', '1', true],
    ['1,NoRoot', '1', true],
    ['infinity,noroot', 'infinity', true],
    // There is nothing else to tell of.
    ['0,noroot', '0', false],
  ])('reads the depth "%s"', (depth, expected, omitsRoot) => {
    expect(read({ depth })).toEqual({ depth: expected, omitsRoot, omitsMissing: false, applied: [] });
  });

  it('takes an absent depth for infinity, as RFC 4918 says', () => {
    expect(read({}).depth).toBe('infinity');
  });

  it.each(['', '2', '01', '1.0', '-1', '0, 1', '1, 1', 'one', 'noroot', '1,norootx', '\u0661'])(
    'refuses "%s"',
    (depth) => {
      expect(() => read({ depth })).toThrow();
      try {
        read({ depth });
      } catch (error) {
        expect(codeOf(error)).toBe('invalid');
      }
    },
  );

  it.each([
    ['t', true],
    ['T', true],
    ['f', false],
    ['', false],
    ['true', false],
  ])('Brief: %s', (brief, omitsMissing) => {
    expect(read({ depth: '1', brief }).omitsMissing).toBe(omitsMissing);
  });

  it.each([
    ['return=minimal', true, false],
    ['Return="minimal"', true, false],
    ['return = minimal', true, false],
    ['return=minimal; foo=bar', true, false],
    ['depth-noroot', false, true],
    ['depth-noroot, return=minimal', true, true],
    ['return=representation', false, false],
    ['respond-async,,;', false, false],
  ])('Prefer: %s', (prefer, omitsMissing, omitsRoot) => {
    const applied = [omitsMissing ? 'return=minimal' : [], omitsRoot ? 'depth-noroot' : []].flat();
    expect(read({ depth: '1', prefer })).toEqual({ depth: '1', omitsRoot, omitsMissing, applied });
  });

  it('says nothing was applied where it changes nothing', () => {
    expect(read({ depth: '0', prefer: 'depth-noroot' }).applied).toEqual([]);
    expect(read({ depth: '1', brief: 't' }).applied).toEqual([]);
  });
});
