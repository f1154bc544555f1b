import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { escapeXml } from '../../../src/dav/xml-text.ts';

/** What a strict reader makes of an escaped text, as content and as an attribute. */
function readBack(text: string): [content: string, attribute: string] {
  const found: [string, string] = ['', ''];
  const parser = new SaxesParser({});
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('text', (part) => {
    found[0] += part;
  });
  parser.on('opentag', ({ attributes }) => {
    found[1] = attributes.b ?? '';
  });
  parser.write(`<a b="${escapeXml(text)}">${escapeXml(text)}</a>`).close();
  return found;
}

describe('escapeXml', () => {
  it.each([
    '',
    'plain.jpg',
    'a & b < c > d "e" \'f\'',
    '&amp;',
    ']]>',
    '<!-- -->',
    '\u00fc\u5199\u{1f3d6}\ufe0f\u200d',
    '\ud7ff\ue000\ufffd\u{10ffff}',
    'tab\there, line\nbreak and return\r\nboth',
    ' spaces  kept ',
    '\u0080\u0085\u009f\u2028\ufdd0',
  ])('keeps %j', (text) => {
    expect(readBack(text)).toEqual([text, text]);
  });

  it('leaves text that needs nothing as it is', () => {
    expect(escapeXml('IMG_0001 (1).jpg')).toBe('IMG_0001 (1).jpg');
  });

  it('puts a replacement where XML cannot hold a character', () => {
    const forbidden = [
      ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)),
      '\ufffe',
      '\uffff',
      '\ud800',
      '\udfff',
    ];
    for (const character of forbidden.filter((each) => !'\t\n\r'.includes(each))) {
      expect([character, readBack(`a${character}b`)]).toEqual([character, ['a\ufffdb', 'a\ufffdb']]);
    }
    expect(readBack('\udc00\ud800')).toEqual(['\ufffd\ufffd', '\ufffd\ufffd']);
  });
});
