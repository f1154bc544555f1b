import { describe, expect, it } from 'vitest';
import { type PropfindRequest, parsePropfind } from '../../../src/dav/propfind-request.ts';
import { MAX_XML_BYTES } from '../../../src/dav/xml-request.ts';
import { codeOf } from '../../../src/model/coded-error.ts';

const parse = (text: string) => parsePropfind(Buffer.from(text));
const inPropfind = (content: string) => `<D:propfind xmlns:D="DAV:">${content}</D:propfind>`;
const ALLPROP: PropfindRequest = { kind: 'allprop', include: [] };

/** The code that parsing ends with; `none` when it does not fail. */
function failureOf(body: string | Buffer): string {
  try {
    parsePropfind(Buffer.from(body));
    return 'none';
  } catch (error) {
    return codeOf(error);
  }
}

describe('parsePropfind', () => {
  it.each(['', ' ', '\r\n\t ', '\ufeff', inPropfind('<D:allprop/>')])('takes %j for allprop', (text) => {
    expect(parse(text)).toEqual(ALLPROP);
  });

  it('knows the three kinds', () => {
    expect(parse(inPropfind('<D:propname/>'))).toEqual({ kind: 'propname' });
    expect(parse(inPropfind('<D:prop/>'))).toEqual({ kind: 'prop', names: [] });
    expect(parse(inPropfind('<D:allprop/><D:include><D:a/></D:include>'))).toEqual({
      kind: 'allprop',
      include: [{ namespace: 'DAV:', local: 'a' }],
    });
    // In whichever order.
    expect(parse(inPropfind('<D:include><D:a/></D:include><D:allprop/>')).kind).toBe('allprop');
  });

  it('reads names by namespace, whatever prefix they have', () => {
    const body =
      '<propfind xmlns="DAV:" xmlns:a="urn:a"><prop><one/><a:one/><b:one xmlns:b="urn:a"/><one xmlns=""/><xml:one/></prop></propfind>';
    expect(parse(body)).toEqual({
      kind: 'prop',
      names: [
        { namespace: 'DAV:', local: 'one' },
        { namespace: 'urn:a', local: 'one' },
        { namespace: '', local: 'one' },
        { namespace: 'http://www.w3.org/XML/1998/namespace', local: 'one' },
      ],
    });
  });

  it('takes names from the level of names only', () => {
    const body = inPropfind('<D:prop><D:a><D:inside/></D:a></D:prop><x:prop xmlns:x="urn:x"><D:b/></x:prop>');
    expect(parse(body)).toEqual({ kind: 'prop', names: [{ namespace: 'DAV:', local: 'a' }] });
  });

  it('gathers names of two prop elements never', () => {
    expect(failureOf(inPropfind('<D:prop><D:a/></D:prop><D:prop><D:b/></D:prop>'))).toBe('invalid');
  });

  it('reads UTF-16 of both orders, with and without a mark', () => {
    const text = inPropfind('<D:prop><D:\u00fcber/></D:prop>');
    const expected = { kind: 'prop', names: [{ namespace: 'DAV:', local: '\u00fcber' }] };
    for (const start of ['', '\ufeff', '\ufeff<?xml version="1.0" encoding="UTF-16"?>']) {
      const little = Buffer.from(start + text, 'utf16le');
      expect(parsePropfind(little)).toEqual(expected);
      expect(parsePropfind(Buffer.from(little).swap16())).toEqual(expected);
    }
    expect(parsePropfind(Buffer.from('\ufeff', 'utf16le'))).toEqual(ALLPROP);
  });

  it.each<[string, string | Buffer]>([
    ['ends early', '<D:propfind xmlns:D="DAV:"><D:prop>'],
    ['is of another element', '<D:prop xmlns:D="DAV:"/>'],
    ['is of no namespace', '<propfind><allprop/></propfind>'],
    ['is of another namespace', '<propfind xmlns="DAV"><allprop/></propfind>'],
    ['asks for nothing', inPropfind('')],
    ['asks only for what nobody knows', inPropfind('<x:allprop xmlns:x="urn:x"/>')],
    ['asks for two things', inPropfind('<D:prop/><D:allprop/>')],
    ['asks twice for one', inPropfind('<D:allprop/><D:allprop/>')],
    ['includes in a propname', inPropfind('<D:propname/><D:include/>')],
    ['includes without anything', inPropfind('<D:include><D:a/></D:include>')],
    ['has a document type', `<!DOCTYPE a>${inPropfind('<D:allprop/>')}`],
    [
      'has an entity of its own',
      `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>${inPropfind('&b;')}`,
    ],
    ['uses an undeclared entity', inPropfind('<D:prop>&nbsp;</D:prop>')],
    ['uses an undeclared prefix', '<D:propfind/>'],
    ['binds a prefix to nothing', inPropfind('<D:prop><a:b xmlns:a=""/></D:prop>')],
    ['has an attribute twice', inPropfind('<D:prop a="1" a="2"/>')],
    ['has text behind its end', `${inPropfind('<D:allprop/>')}x`],
    ['has a NUL', inPropfind('\0')],
    ['is no UTF-8', Buffer.from([0x3c, 0x61, 0xff])],
    ['is half a UTF-16', Buffer.from([0xfe, 0xff, 0x00])],
    ['is text', 'hello'],
    ['is one bracket', '<'],
  ])('refuses a body that %s', (_what, body) => {
    expect(failureOf(body)).toBe('invalid');
  });

  it('has a limit for depth, and one for names', () => {
    const nested = (levels: number) =>
      inPropfind(`<D:prop>${'<D:a>'.repeat(levels)}${'</D:a>'.repeat(levels)}</D:prop>`);
    expect([failureOf(nested(30)), failureOf(nested(31))]).toEqual(['none', 'too-large']);
    const named = (count: number) =>
      inPropfind(
        `<D:prop>${Array.from({ length: count }, (_, index) => `<D:a${index}/>`).join('')}</D:prop>`,
      );
    expect([failureOf(named(256)), failureOf(named(257))]).toEqual(['none', 'too-large']);
  });

  it('counts a name that is given again only once', () => {
    const again = inPropfind(`<D:prop>${'<D:a/>'.repeat(1000)}</D:prop>`);
    expect(parse(again)).toEqual({ kind: 'prop', names: [{ namespace: 'DAV:', local: 'a' }] });
  });

  it('is asked for bodies up to 64 KiB', () => {
    expect(MAX_XML_BYTES).toBe(65_536);
  });
});
