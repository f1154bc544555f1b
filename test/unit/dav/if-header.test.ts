import { describe, expect, it } from 'vitest';
import { type ConditionState, holds, parseIfHeader } from '../../../src/dav/if-header.ts';
import { CodedError } from '../../../src/model/coded-error.ts';

const TOKEN = 'urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2';
const OTHER = 'urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092';

/** A resource under `TOKEN` with the ETag `"v1"`. */
const LOCKED: ConditionState = { etag: '"v1"', tokens: new Set([TOKEN]) };
const UNMAPPED: ConditionState = { etag: null, tokens: new Set() };

const isTrue = (header: string, states: Readonly<Record<string, ConditionState>> = {}) =>
  holds(parseIfHeader(header), async (tag) => (tag === null ? LOCKED : (states[tag] ?? UNMAPPED)));

describe('an If header', () => {
  it.each([
    // Finder's form.
    [`(<${TOKEN}>)`, true],
    [`(<${OTHER}>)`, false],
    [`(<${OTHER}>) (<${TOKEN}>)`, true],
    [`(<${TOKEN}> <${OTHER}>)`, false],
    [`(<${TOKEN}> ["v1"])`, true],
    [`(<${TOKEN}>["v2"])`, false],
    ['(["v1"])', true],
    // Weak tags never match: they do not promise the same bytes.
    ['([W/"v1"])', false],
    // RFC 4918 section 10.4.8, and what litmus sends.
    [`(<${TOKEN}>)(Not <DAV:no-lock>)`, true],
    ['(Not <DAV:no-lock>)', true],
    ['(<DAV:no-lock>)', false],
    [`(Not <${TOKEN}> ["v1"])`, false],
    [`(not <${OTHER}> Not ["v2"])`, true],
    [`  ( <${TOKEN}>  [ "v1" ] )  `, true],
    [`(Not<${OTHER}>)`, true],
  ])('%s is %s for the resource of the request', async (header, expected) => {
    expect(await isTrue(header)).toBe(expected);
  });

  it('asks each tagged list of its own resource', async () => {
    const states = { '/a': LOCKED, 'http://h/b': { etag: '"b"', tokens: new Set([OTHER]) } };
    expect(await isTrue(`</a> (<${TOKEN}>)`, states)).toBe(true);
    expect(await isTrue(`<http://h/b> (<${TOKEN}>)`, states)).toBe(false);
    // A tag counts for all lists behind it, up to the next.
    expect(await isTrue(`<http://h/b> (<${TOKEN}>) (["b"])`, states)).toBe(true);
    expect(await isTrue(`</nowhere> (<${TOKEN}>) <http://h/b> (<${OTHER}>)`, states)).toBe(true);
    expect(await isTrue(`</nowhere> (Not <${TOKEN}>)`, states)).toBe(true);
    expect(await isTrue('</nowhere> (["v1"])', states)).toBe(false);
  });

  it('submits every token in it, wherever it stands', () => {
    const { tokens } = parseIfHeader(`</a> (<${TOKEN}>) (Not <DAV:no-lock> ["x"]) </b> (<${OTHER}>)`);
    expect([...tokens]).toEqual([TOKEN, 'DAV:no-lock', OTHER]);
  });

  it.each([
    '',
    ' ',
    '<x>',
    '()',
    '(',
    ')',
    '(<x>',
    '(<>)',
    '(<a b>)',
    '([v1])',
    '(["v1)',
    '(["v1"]',
    'x (<a>)',
    '(<a>) x',
    '(Not)',
    '(Not Not <a>)',
    '</a> </b> (<c>)',
    '(<a>) </b> (<c>)',
    '</a> (<c>) </b>',
    '((<a>))',
    `(${'<a>'.repeat(201)})`,
    '(<a>)'.repeat(201),
  ])('%s is refused', (header) => {
    expect(() => parseIfHeader(header)).toThrow(CodedError);
  });

  it('is refused when it repeats what is none, however long', () => {
    for (const part of ['(', '<', ' ', '(Not ', '(<', '[', '"', '(<a>']) {
      expect(() => parseIfHeader(part.repeat(16_000))).toThrow(CodedError);
    }
  });
});
