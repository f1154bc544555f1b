import { describe, expect, it } from 'vitest';
import { encodeSegment, ResourcePath } from '../../../src/model/resource-path.ts';

describe('ResourcePath.parse', () => {
  it.each([
    ['/', []],
    ['/a/b', ['a', 'b']],
    ['/a//b/', ['a', 'b']],
    ['/./a/./b', ['a', 'b']],
    ['/%C3%A4%20%23%3F', ['ä #?']],
    ['/100%25', ['100%']],
    ['/a%5Cb', ['a\\b']],
    ['/...', ['...']],
  ])('reads %s', (encoded, segments) => {
    expect(ResourcePath.parse(encoded).segments).toEqual(segments);
  });

  it.each([
    '/a/../b',
    '/%2e%2e/b',
    '/a/%2E.',
    '/a%2fb',
    '/a%2Fb',
    '/a%00b',
    '/%',
    '/%zz',
    '/%ff',
    '/%c3',
    'relative',
    '',
  ])('refuses %j', (encoded) => {
    expect(() => ResourcePath.parse(encoded)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it('refuses absurd lengths', () => {
    for (const encoded of [`/${'x'.repeat(20_000)}`, '/a'.repeat(300)]) {
      expect(() => ResourcePath.parse(encoded)).toThrow(expect.objectContaining({ code: 'invalid' }));
    }
  });
});

describe('encoding', () => {
  it('comes back as it was', () => {
    for (const name of ['a b', "it's", '100%', 'a#b?c', 'ä', '🏖️', 'a&b', '(1)!*', '~x', 'a\\b']) {
      const path = ResourcePath.ROOT.child(name);
      expect(ResourcePath.parse(path.encode()).segments).toEqual([name]);
    }
  });

  it('leaves nothing that XML, HTML or a shell would take apart', () => {
    expect(encodeSegment(`&<>"'()!*;$ \`|`)).toMatch(/^[\w%.~-]+$/);
  });
});
