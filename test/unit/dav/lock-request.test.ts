import { describe, expect, it } from 'vitest';
import { parseLockInfo } from '../../../src/dav/lock-request.ts';
import { CodedError } from '../../../src/model/coded-error.ts';

const parse = (xml: string) => parseLockInfo(Buffer.from(xml));
const info = (inner: string) => `<lockinfo xmlns="DAV:">${inner}</lockinfo>`;
const WRITE = '<locktype><write/></locktype>';
const EXCLUSIVE = '<lockscope><exclusive/></lockscope>';

describe('a LOCK body', () => {
  it('gives the scope, and the owner as it was written', () => {
    const owner = '<owner xml:lang="en"> <href>mailto:a@b</href> &amp; x</owner>';
    expect(parse(info(`${WRITE}${EXCLUSIVE}${owner}`))).toEqual({
      scope: 'exclusive',
      owner: '<owner xml:lang="en" xmlns="DAV:"> <href>mailto:a@b</href> &amp; x</owner>',
    });
    expect(parse(info(`<lockscope><shared/></lockscope>${WRITE}<owner/>`))).toEqual({
      scope: 'shared',
      owner: '<owner xmlns="DAV:"/>',
    });
  });

  it('is a refresh when it is empty', () => {
    expect(parse('')).toBeNull();
  });

  it.each([
    ' ',
    '<lockinfo/>',
    info(''),
    info(WRITE),
    info(EXCLUSIVE),
    info('<locktype><write/></locktype><lockscope><private/></lockscope>'),
    info(`<locktype><read/></locktype>${EXCLUSIVE}`),
    info(`${WRITE}<lockscope><exclusive/><shared/></lockscope>`),
    `<x:lockinfo xmlns:x="urn:x" xmlns="DAV:">${WRITE}${EXCLUSIVE}</x:lockinfo>`,
    info(`${WRITE}${EXCLUSIVE}<owner>${'x'.repeat(5000)}</owner>`),
  ])('%s is refused', (body) => {
    expect(() => parse(body)).toThrow(CodedError);
  });
});
