import { describe, expect, it } from 'vitest';
import { parseProppatch } from '../../../src/dav/proppatch-request.ts';
import { CodedError } from '../../../src/model/coded-error.ts';

const parse = (xml: string) => parseProppatch(Buffer.from(xml));
const update = (inner: string, more = '') =>
  `<D:propertyupdate xmlns:D="DAV:"${more}>${inner}</D:propertyupdate>`;

describe('a PROPPATCH body', () => {
  it('gives what is to be set and removed, in its order', () => {
    const body = update(
      '<D:set><D:prop><x:a xmlns:x="urn:x">1</x:a><b/></D:prop></D:set>' +
        '<D:remove><D:prop><x:a xmlns:x="urn:x"/></D:prop></D:remove>' +
        '<D:set><D:prop><D:c>3</D:c></D:prop></D:set>',
    );
    const names = parse(body).map(({ namespace, local, xml, text }) => [
      namespace,
      local,
      xml !== null,
      text,
    ]);
    expect(names).toEqual([
      ['urn:x', 'a', true, '1'],
      ['', 'b', true, ''],
      ['urn:x', 'a', false, ''],
      ['DAV:', 'c', true, '3'],
    ]);
  });

  it.each([
    // Namespaces in force around the value go with it, whatever declared them; its own come first.
    [
      '<D:set xmlns:q="urn:q"><D:prop><x:v xmlns:x="urn:x" t="q:name"><x:in/></x:v></D:prop></D:set>',
      '<x:v xmlns:x="urn:x" t="q:name" xmlns:D="DAV:" xmlns:q="urn:q"><x:in/></x:v>',
    ],
    ['<D:set><D:prop><v xmlns="urn:d">a</v></D:prop></D:set>', '<v xmlns="urn:d" xmlns:D="DAV:">a</v>'],
    ['<D:set><D:prop><v xmlns="">a</v></D:prop></D:set>', '<v xmlns="" xmlns:D="DAV:">a</v>'],
    // The language of the nearest element around it, unless it has its own.
    [
      '<D:set xml:lang="en"><D:prop xml:lang="de"><v>a</v></D:prop></D:set>',
      '<v xmlns:D="DAV:" xml:lang="de">a</v>',
    ],
    [
      '<D:set xml:lang="en"><D:prop><v xml:lang="fr">a<w/></v></D:prop></D:set>',
      '<v xml:lang="fr" xmlns:D="DAV:">a<w/></v>',
    ],
    [
      '<D:set><D:prop><v>a &lt;&amp;&#13;<![CDATA[<b>]]><!-- no --><?no pi?></v></D:prop></D:set>',
      '<v xmlns:D="DAV:">a &lt;&amp;&#13;&lt;b&gt;</v>',
    ],
    ['<D:set><D:prop><v>𐀀 é</v></D:prop></D:set>', '<v xmlns:D="DAV:">𐀀 é</v>'],
  ])('keeps the value of %s', (inner, xml) => {
    expect(parse(update(inner))[0]?.xml).toBe(xml);
  });

  it('forgets a scope when its element ends', () => {
    const body = update(
      '<D:set xml:lang="en" xmlns:a="urn:a"><D:prop><v/></D:prop></D:set><D:set><D:prop><w/></D:prop></D:set>',
    );
    expect(parse(body).map(({ xml }) => xml)).toEqual([
      '<v xmlns:D="DAV:" xmlns:a="urn:a" xml:lang="en"/>',
      '<w xmlns:D="DAV:"/>',
    ]);
  });

  it('ignores what nobody knows', () => {
    const body = update('<D:else><D:prop><a/></D:prop></D:else><D:set><b/><D:prop><c/></D:prop></D:set>');
    expect(parse(body).map(({ local }) => local)).toEqual(['c']);
  });

  it.each([
    '',
    'x',
    '<a/>',
    '<propertyupdate/>',
    update(''),
    update('<D:set/>'),
    update('<D:set><D:prop/></D:set>'),
    update('<D:set><x:a>1</x:a></D:set>'),
    update('<D:set><D:prop><a></D:prop></D:set>'),
    `<!DOCTYPE a [<!ENTITY e "x">]>${update('<D:set><D:prop><a>&e;</a></D:prop></D:set>')}`,
    update(`<D:set><D:prop>${'<a/>'.repeat(201)}</D:prop></D:set>`),
    update(`<D:set><D:prop>${'<a>'.repeat(40)}${'</a>'.repeat(40)}</D:prop></D:set>`),
  ])('%s is refused', (body) => {
    expect(() => parse(body)).toThrow(CodedError);
  });
});
