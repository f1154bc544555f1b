import { describe, expect, it } from 'vitest';
import {
  allpropWriter,
  type PropstatWriter,
  propnameWriter,
  propWriter,
} from '../../../src/dav/live-properties.ts';
import type { PropertyFacts } from '../../../src/dav/property-facts.ts';
import { type AssetFacts, UNKNOWN_MEDIA } from '../../../src/model/asset.ts';
import type { AssetNode, CollectionNode } from '../../../src/model/node.ts';

const TIME_MS = Date.UTC(2024, 1, 29, 12, 30, 45, 678);
const PLACE = { id: 7, parentId: 1, sourceId: 1, storedName: 'x', changedSeq: 1 };

function photo(node: Omit<Partial<AssetNode>, 'asset'> = {}, asset: Partial<AssetFacts> = {}): AssetNode {
  const times = { modifiedMs: TIME_MS, createdMs: TIME_MS - 1000 };
  return {
    ...PLACE,
    ...times,
    kind: 'asset',
    name: 'a & b.jpg',
    twinId: null,
    ...node,
    asset: {
      ...UNKNOWN_MEDIA,
      ref: { id: 'r', path: 'x' },
      version: 'v-1',
      sizeBytes: 1234,
      contentType: 'image/jpeg',
      kind: 'image',
      statusChangedMs: null,
      digests: {},
      ...times,
      ...asset,
    },
  };
}

function folder(facts: Partial<CollectionNode> = {}): CollectionNode {
  return {
    ...PLACE,
    kind: 'collection',
    isUnread: false,
    stateSeq: 5,
    name: 'folder',
    ref: null,
    modifiedMs: TIME_MS,
    createdMs: null,
    ...facts,
  };
}

const dav = (...names: string[]) => names.map((local) => ({ namespace: 'DAV:', local }));
const FACTS: PropertyFacts = { epoch: 'abcdef012345', head: null, spaces: new Map(), principalHref: null };
const EVERYTHING = { omitsMissing: false, facts: FACTS };
const FOUND = (content: string) =>
  `<D:propstat><D:prop>${content}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>`;
const MISSING = (content: string) =>
  `<D:propstat><D:prop>${content}</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>`;

/** The value of one property; null when it is not there. */
function propertyOf(local: string, node: AssetNode | CollectionNode): string | null {
  const text = propWriter(dav(local), EVERYTHING).write(node);
  if (text === MISSING(`<D:${local}/>`)) return null;
  if (text === FOUND(`<D:${local}/>`)) return '';
  return new RegExp(`<D:${local}>(.*)</D:${local}>`).exec(text)?.[1] ?? 'unreadable';
}

describe('live properties', () => {
  it.each([
    ['resourcetype', '', '<D:collection/>'],
    ['displayname', 'a &amp; b.jpg', 'folder'],
    ['getcontentlength', '1234', null],
    ['getcontenttype', 'image/jpeg', null],
    ['getetag', '"v-1"', '"abcdef012345-7-5"'],
    ['getlastmodified', 'Thu, 29 Feb 2024 12:30:45 GMT', 'Thu, 29 Feb 2024 12:30:45 GMT'],
    ['creationdate', '2024-02-29T12:30:44Z', '2024-02-29T12:30:45Z'],
    ['iscollection', '0', '1'],
    ['supportedlock', '', ''],
    ['lockdiscovery', '', ''],
    ['getcontentlanguage', null, null],
    ['quota-used-bytes', null, null],
    ['quota-available-bytes', null, null],
    ['sync-token', null, null],
    ['current-user-principal', '<D:unauthenticated/>', '<D:unauthenticated/>'],
    ['constructor', null, null],
    ['__proto__', null, null],
  ])('%s', (local, ofPhoto, ofFolder) => {
    expect([propertyOf(local, photo()), propertyOf(local, folder())]).toEqual([ofPhoto, ofFolder]);
  });

  it('name the root, which has no name', () => {
    expect(propertyOf('displayname', folder({ name: '' }))).toBe('mediadav');
  });

  it.each([Number.NaN, Number.NEGATIVE_INFINITY, -1, -8.64e18])('are never before 1970: %d', (modifiedMs) => {
    const node = photo({ modifiedMs, createdMs: null });
    expect(propertyOf('getlastmodified', node)).toBe('Thu, 01 Jan 1970 00:00:00 GMT');
    expect(propertyOf('creationdate', node)).toBe('1970-01-01T00:00:00Z');
  });

  it.each([Date.now() + 86_400_000, 8.64e15 + 1, 1e17])('are never after now: %d', (modifiedMs) => {
    const node = photo({ modifiedMs, createdMs: modifiedMs });
    for (const local of ['getlastmodified', 'creationdate']) {
      expect(Date.parse(propertyOf(local, node) ?? '')).toBeLessThanOrEqual(Date.now());
      expect(Date.parse(propertyOf(local, node) ?? '')).toBeGreaterThan(Date.now() - 10_000);
    }
  });

  it('are text that XML can hold', () => {
    const node = photo({ name: 'a\u0000<b>\ud800.jpg' }, { contentType: 'x/"<&>' });
    expect(propertyOf('displayname', node)).toBe('a\ufffd&lt;b&gt;\ufffd.jpg');
    expect(propertyOf('getcontenttype', node)).toBe('x/&quot;&lt;&amp;&gt;');
  });
});

describe('propWriter', () => {
  it('gives what is there and names what is not, in one propstat each', () => {
    const { declarations, write } = propWriter(dav('getcontenttype', 'nothing', 'resourcetype'), EVERYTHING);
    expect(declarations).toBe('');
    expect(write(photo())).toBe(
      FOUND('<D:getcontenttype>image/jpeg</D:getcontenttype><D:resourcetype/>') + MISSING('<D:nothing/>'),
    );
    expect(write(folder())).toBe(
      FOUND('<D:resourcetype><D:collection/></D:resourcetype>') + MISSING('<D:nothing/><D:getcontenttype/>'),
    );
  });

  it('has no empty propstat beside another', () => {
    expect(propWriter(dav('nothing'), EVERYTHING).write(photo())).toBe(MISSING('<D:nothing/>'));
    expect(propWriter([], EVERYTHING).write(photo())).toBe(FOUND(''));
  });

  it('declares each namespace once, and D: for none but DAV:', () => {
    const names = [
      { namespace: 'urn:a"<&', local: 'one' },
      { namespace: 'urn:b', local: 'two' },
      { namespace: 'urn:a"<&', local: 'getetag' },
      { namespace: '', local: 'bare' },
      { namespace: 'http://www.w3.org/XML/1998/namespace', local: 'lang' },
      { namespace: 'DAV:', local: 'nothing' },
    ];
    const { declarations, write } = propWriter(names, EVERYTHING);
    expect(declarations).toBe(' xmlns:n1="urn:a&quot;&lt;&amp;" xmlns:n2="urn:b"');
    expect(write(photo())).toBe(MISSING('<n1:one/><n2:two/><n1:getetag/><bare/><xml:lang/><D:nothing/>'));
  });

  it('takes a known name of another namespace for unknown', () => {
    expect(propWriter([{ namespace: 'DAV', local: 'getetag' }], EVERYTHING).write(photo())).toBe(
      MISSING('<n1:getetag/>'),
    );
  });

  it('keeps silent about what is not there when that is wanted', () => {
    const names = [...dav('getcontentlength', 'nothing'), { namespace: 'urn:a', local: 'one' }];
    const { declarations, write } = propWriter(names, { omitsMissing: true, facts: FACTS });
    expect(declarations).toBe('');
    expect(write(photo())).toBe(FOUND('<D:getcontentlength>1234</D:getcontentlength>'));
    // RFC 8144 section 2.1: the resource is told of all the same.
    expect(write(folder())).toBe(FOUND(''));
  });
});

describe('allpropWriter', () => {
  const localsOf = ({ write }: PropstatWriter, node: AssetNode | CollectionNode) =>
    [...write(node).matchAll(/<D:([\w-]+)(?:\/>|>[^<])/g)].map(([, local]) => local);

  it('leaves out what a resource does not have, and what is dear or of no use', () => {
    const writer = allpropWriter([], EVERYTHING);
    expect(writer.write(folder())).not.toContain('404');
    expect(localsOf(writer, photo())).not.toContain('supportedlock');
    expect(writer.write(folder())).toMatch(/<D:resourcetype><D:collection\/><\/D:resourcetype>/);
  });

  it('gives nothing twice', () => {
    const text = allpropWriter(dav('getetag', 'iscollection', 'nothing'), EVERYTHING).write(photo());
    expect(text.match(/<D:getetag>/g)?.length).toBe(1);
    expect(text).toContain('<D:iscollection>0</D:iscollection></D:prop>');
    expect(text.endsWith(MISSING('<D:nothing/>'))).toBe(true);
    expect(text.match(/<D:propstat>/g)?.length).toBe(2);
  });

  it('keeps silent about what was to be included and is not there, when that is wanted', () => {
    expect(allpropWriter(dav('nothing'), { omitsMissing: true, facts: FACTS }).write(photo())).not.toContain(
      'nothing',
    );
  });
});

describe('oc:checksums', () => {
  const asked = propWriter([{ namespace: 'http://owncloud.org/ns', local: 'checksums' }], EVERYTHING);

  it('are those that are known, in one text, and missing when none is', () => {
    expect(asked.declarations).toBe(' xmlns:oc="http://owncloud.org/ns"');
    expect(asked.write(photo({}, { digests: { sha256: 'cc', md5: 'bb', sha1: 'aa' } }))).toBe(
      FOUND('<oc:checksums><oc:checksum>SHA1:aa MD5:bb SHA256:cc</oc:checksum></oc:checksums>'),
    );
    expect(asked.write(photo({}, { digests: { sha1: 'aa' } }))).toContain(
      '<oc:checksum>SHA1:aa</oc:checksum>',
    );
    expect(asked.write(photo())).toBe(MISSING('<oc:checksums/>'));
    expect(asked.write(folder())).toBe(MISSING('<oc:checksums/>'));
  });

  it('are given to nobody who does not name them', () => {
    const known = photo({}, { digests: { sha1: 'aa' } });
    expect(allpropWriter([], EVERYTHING).write(known)).not.toContain('checksum');
    expect(propnameWriter(FACTS).write(known)).toContain('<oc:checksums/>');
  });
});

describe('facts of the request', () => {
  const spaces = new Map([[1, { availableBytes: 10, usedBytes: 20, volume: 'v' }]]);
  const facts = { ...FACTS, head: 99, spaces, principalHref: '/dav/' };
  const names = dav('sync-token', 'quota-available-bytes', 'quota-used-bytes', 'current-user-principal');
  const writer = propWriter(names, { omitsMissing: false, facts });

  it('show in properties of collections', () => {
    expect(writer.write(folder())).toBe(
      FOUND(
        '<D:sync-token>mediadav-sync:abcdef012345:7:99</D:sync-token><D:quota-available-bytes>10</D:quota-available-bytes>' +
          '<D:quota-used-bytes>20</D:quota-used-bytes><D:current-user-principal><D:href>/dav/</D:href></D:current-user-principal>',
      ),
    );
  });

  it('tell no quota of files, nor of other sources', () => {
    expect(writer.write(photo())).toContain(
      MISSING('<D:sync-token/><D:quota-available-bytes/><D:quota-used-bytes/>'),
    );
    expect(writer.write(folder({ sourceId: 2 }))).toContain(
      MISSING('<D:quota-available-bytes/><D:quota-used-bytes/>'),
    );
  });
});

describe('propnameWriter', () => {
  it('names, without values, what the resource has', () => {
    expect(propnameWriter(FACTS).write(folder())).toBe(
      FOUND(
        '<D:resourcetype/><D:displayname/><D:getetag/><D:getlastmodified/><D:creationdate/><D:iscollection/><D:supportedlock/><D:lockdiscovery/><D:supported-report-set/><D:current-user-principal/>',
      ),
    );
    expect(propnameWriter(FACTS).write(photo())).toContain('<D:getetag/>');
  });
});
