import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { propertyUpdate, setting } from './dav-lock-requests.ts';
import { onlyResponse, propBody, readMultistatus } from './dav-multistatus.ts';
import { type Ask, ask, chunked, propfind, type WireAnswer } from './dav-wire.ts';
import { until } from './mediadav-process.ts';

const OK = 'HTTP/1.1 200 OK';
const FORBIDDEN = 'HTTP/1.1 403 Forbidden';
const DEPENDENT = 'HTTP/1.1 424 Failed Dependency';

let running: FolderApp;
let port = 0;
let count = 0;
let folder = '';

beforeAll(async () => {
  running = await startFolderApp({ env: { LOCAL_WRITABLE: 'true' }, files: { 'x.jpg': 'x' } });
  port = running.davPort;
});
afterAll(() => running.stop());
beforeEach(async () => {
  count += 1;
  folder = `/photos/test${count}`;
  await send('MKCOL', folder);
  await send('PUT', `${folder}/a.jpg`, { body: 'a' });
});

const send = (method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<WireAnswer> =>
  ask(port, path, { method, ...request });

/** Status line to names, for a PROPPATCH that is answered by 207. */
async function patch(path: string, body: string): Promise<Record<string, string[]>> {
  const answer = await send('PROPPATCH', path, { body });
  expect([answer.status, answer.text]).toEqual([207, answer.text]);
  const { propstats, href } = onlyResponse(answer.body);
  expect(href.replace(/(.)\/$/, '$1')).toBe(path);
  return Object.fromEntries([...propstats].map(([status, names]) => [status, [...names.keys()]]));
}

async function propertyOf(path: string, name: string): Promise<string | undefined> {
  return onlyResponse((await propfind(port, path, { body: propBody(name) })).body).found.get(name);
}

const lastModified = async (path: string) => (await send('HEAD', path)).headers['last-modified'];

describe('a folder that is listed again and again', () => {
  const allprop = async () => (await send('PROPFIND', folder, { headers: { Depth: '1' } })).text;
  /** As often as it takes for a listing to be kept. */
  const listed = async () => {
    for (let count = 0; count < 3; count++) await allprop();
    return await allprop();
  };

  it('shows what has changed since: properties, contents, names, what is in folders', async () => {
    await send('MKCOL', `${folder}/sub`);
    await listed();
    await patch(`${folder}/a.jpg`, setting('<n:note xmlns:n="urn:n">first</n:note>'));
    expect(await listed()).toContain('first');
    await patch(`${folder}/a.jpg`, setting('<n:note xmlns:n="urn:n">second</n:note>'));
    expect(await listed()).toContain('second');
    expect(await listed()).not.toContain('first');
    await send('PUT', `${folder}/a.jpg`, { body: 'longer' });
    expect(await listed()).toContain('<D:getcontentlength>6<');
    await send('PUT', `${folder}/b.jpg`, { body: 'b' });
    expect(await listed()).toContain('b.jpg');
    await send('DELETE', `${folder}/b.jpg`);
    expect(await listed()).not.toContain('b.jpg');
    const before = await listed();
    await send('PUT', `${folder}/sub/c.jpg`, { body: 'c' });
    expect(await listed()).not.toBe(before);
  });

  it('shows a time that is yet to come as now, each time anew', async () => {
    const future = String(Math.floor(Date.now() / 1000) + 3);
    await send('PUT', `${folder}/later.jpg`, { body: 'x', headers: { 'X-OC-Mtime': future } });
    await listed();
    const then = new Date(Number(future) * 1000).toUTCString();
    expect(await allprop()).not.toContain(then);
    await vi.waitFor(async () => expect(await allprop()).toContain(then), 20_000);
  });

  it('answers what was asked for, not what others ask for', async () => {
    await listed();
    const four = async (headers = {}) => {
      const body = propBody('displayname', 'quux');
      return (await send('PROPFIND', folder, { headers: { Depth: '1', ...headers }, body })).text;
    };
    for (let count = 0; count < 3; count++) await four();
    expect(await four()).not.toContain('getetag');
    expect(await four()).toContain('quux');
    for (let count = 0; count < 3; count++) await four({ Brief: 't' });
    expect(await four({ Brief: 't' })).not.toContain('quux');
    expect(await four()).toContain('quux');
    expect(await listed()).toContain('getetag');
  });
});

describe('dead properties', () => {
  const NOTE = '{urn:n}note';
  const note = (text: string) => setting(`<n:note xmlns:n="urn:n">${text}</n:note>`);

  it('are given back as they came, with namespaces and language', async () => {
    const value = '<n:b xmlns:q="urn:q" q:at="1&#10;2">t &lt; &amp;</n:b>';
    const body = propertyUpdate(
      `<D:set xml:lang="de"><D:prop><n:note xmlns:n="urn:n">${value}</n:note><plain>é𐀀</plain></D:prop></D:set>`,
    );
    expect(await patch(`${folder}/a.jpg`, body)).toEqual({ [OK]: [NOTE, '{}plain'] });
    const { text, body: bytes } = await propfind(port, `${folder}/a.jpg`, {
      body: propBody(NOTE, '{}plain'),
    });
    expect(onlyResponse(bytes).found.get(NOTE)).toBe('<b>t < &');
    expect(onlyResponse(bytes).found.get('{}plain')).toBe('é𐀀');
    expect(text).toMatch(/<n:note xmlns:n="urn:n"[^>]* xml:lang="de"><n:b xmlns:q="urn:q" q:at="1&#10;2">/);
  });

  it('are in the answers to allprop and propname, of one resource and of a listing', async () => {
    await patch(`${folder}/a.jpg`, note('of a'));
    await send('PUT', `${folder}/b.jpg`, { body: 'b' });
    const listing = async (body?: string) => {
      const answer = await propfind(port, folder, {
        headers: { Depth: '1' },
        ...(body === undefined ? {} : { body }),
      });
      return readMultistatus(answer.body).map(({ href, found }) => [href, found.get(NOTE)]);
    };
    const expected = (value: string) => [
      [`${folder}/`, undefined],
      [`${folder}/a.jpg`, value],
      [`${folder}/b.jpg`, undefined],
    ];
    expect(await listing()).toEqual(expected('of a'));
    expect(await listing(propBody(NOTE))).toEqual(expected('of a'));
    expect(await listing('<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>')).toEqual(expected(''));
    const missing = await propfind(port, `${folder}/a.jpg`, { body: propBody(NOTE, '{urn:n}other') });
    expect(onlyResponse(missing.body).missing).toEqual(['{urn:n}other']);
  });

  it('are changed in the order that is asked for', async () => {
    const mixed = propertyUpdate(
      '<D:set><D:prop><x>1</x><y>1</y></D:prop></D:set><D:remove><D:prop><x/><never/></D:prop></D:remove>' +
        '<D:set><D:prop><y>2</y></D:prop></D:set>',
    );
    expect(await patch(`${folder}/a.jpg`, mixed)).toEqual({ [OK]: ['{}x', '{}y', '{}never'] });
    expect(await propertyOf(`${folder}/a.jpg`, '{}x')).toBeUndefined();
    expect(await propertyOf(`${folder}/a.jpg`, '{}y')).toBe('2');
  });

  it('follow a file that is renamed, moved, overwritten or found elsewhere, and are copied with it', async () => {
    await patch(`${folder}/a.jpg`, note('kept'));
    await send('MKCOL', `${folder}/sub`);
    await patch(`${folder}/sub`, note('of sub'));
    const to = (path: string) => ({ headers: { Destination: path } });
    expect((await send('MOVE', `${folder}/a.jpg`, to(`${folder}/sub/b.jpg`))).status).toBe(201);
    expect((await send('PUT', `${folder}/sub/b.jpg`, { body: 'new content' })).status).toBe(204);
    expect(await propertyOf(`${folder}/sub/b.jpg`, NOTE)).toBe('kept');
    expect((await send('COPY', `${folder}/sub`, to(`${folder}/copy`))).status).toBe(201);
    expect(await propertyOf(`${folder}/copy/b.jpg`, NOTE)).toBe('kept');
    expect(await propertyOf(`${folder}/copy`, NOTE)).toBe('of sub');
    await patch(`${folder}/sub/b.jpg`, note('another'));
    expect(await propertyOf(`${folder}/copy/b.jpg`, NOTE)).toBe('kept');
    await running.rescan();
    expect(await propertyOf(`${folder}/sub/b.jpg`, NOTE)).toBe('another');
  });

  it('go with the file', async () => {
    await patch(`${folder}/a.jpg`, note('gone'));
    await send('DELETE', `${folder}/a.jpg`);
    await send('PUT', `${folder}/a.jpg`, { body: 'a' });
    expect(await propertyOf(`${folder}/a.jpg`, NOTE)).toBeUndefined();
    await patch(`${folder}/a.jpg`, note('replaced'));
    await send('PUT', `${folder}/b.jpg`, { body: 'b' });
    await send('MOVE', `${folder}/b.jpg`, { headers: { Destination: `${folder}/a.jpg` } });
    expect(await propertyOf(`${folder}/a.jpg`, NOTE)).toBeUndefined();
  });

  it('are bounded: 507, and none of the rest is kept', async () => {
    const long = `<n:long xmlns:n="urn:n">${'x'.repeat(60_000)}</n:long>`;
    expect(await patch(`${folder}/a.jpg`, setting(long))).toEqual({ [OK]: ['{urn:n}long'] });
    const second = long.replaceAll('n:long', 'n:second');
    expect(await patch(`${folder}/a.jpg`, setting(second))).toEqual({ [OK]: ['{urn:n}second'] });
    const third = setting(`${long.replaceAll('n:long', 'n:third')}<more/>`);
    expect(await patch(`${folder}/a.jpg`, third)).toEqual({
      'HTTP/1.1 507 Insufficient Storage': ['{urn:n}third'],
      [DEPENDENT]: ['{}more'],
    });
    expect(await propertyOf(`${folder}/a.jpg`, '{}more')).toBeUndefined();
  });
});

describe('live properties', () => {
  it.each(['getetag', 'getcontentlength', 'resourcetype', 'displayname', 'lockdiscovery', 'creationdate'])(
    '%s is protected, and nothing else is changed with it',
    async (name) => {
      const body = setting(`<x>1</x><D:${name}>2</D:${name}><D:lastmodified>1552000000</D:lastmodified>`);
      const before = await lastModified(`${folder}/a.jpg`);
      expect(await patch(`${folder}/a.jpg`, body)).toEqual({
        [FORBIDDEN]: [`{DAV:}${name}`],
        [DEPENDENT]: ['{}x', '{DAV:}lastmodified'],
      });
      const { text } = await send('PROPPATCH', `${folder}/a.jpg`, { body });
      expect(text).toContain('<D:error><D:cannot-modify-protected-property/></D:error>');
      expect(await propertyOf(`${folder}/a.jpg`, '{}x')).toBeUndefined();
      expect(await lastModified(`${folder}/a.jpg`)).toBe(before);
    },
  );
});

describe('the time of a file', () => {
  const HTTP_DATE = 'Thu, 07 Mar 2019 23:06:40 GMT';

  it.each([
    ['<D:lastmodified>1552000000</D:lastmodified>', '{DAV:}lastmodified'],
    ['<D:getlastmodified>1552000000.75</D:getlastmodified>', '{DAV:}getlastmodified'],
    [`<D:getlastmodified>${HTTP_DATE}</D:getlastmodified>`, '{DAV:}getlastmodified'],
    [
      `<Z:Win32LastModifiedTime>${HTTP_DATE}</Z:Win32LastModifiedTime>`,
      '{urn:schemas-microsoft-com:}Win32LastModifiedTime',
    ],
  ])('is set by %s', async (property, name) => {
    expect(await patch(`${folder}/a.jpg`, setting(property))).toEqual({ [OK]: [name] });
    expect(await propertyOf(`${folder}/a.jpg`, 'getlastmodified')).toBe(HTTP_DATE);
    expect(await lastModified(`${folder}/a.jpg`)).toBe(HTTP_DATE);
    const { mtimeMs } = await stat(join(running.root, folder.slice('/photos/'.length), 'a.jpg'));
    expect(Math.floor(mtimeMs / 1000)).toBe(1_552_000_000);
  });

  it.each(['', 'yesterday', '-1', '99999999999999'])('is not set by %j: 409', async (text) => {
    const body = setting(`<D:lastmodified>${text}</D:lastmodified><x/>`);
    expect(await patch(`${folder}/a.jpg`, body)).toEqual({
      'HTTP/1.1 409 Conflict': ['{DAV:}lastmodified'],
      [DEPENDENT]: ['{}x'],
    });
  });

  it('is set of a folder, too', async () => {
    const body = setting(`<Z:Win32LastModifiedTime>${HTTP_DATE}</Z:Win32LastModifiedTime>`);
    expect(Object.keys(await patch(folder, body))).toEqual([OK]);
    expect(await propertyOf(folder, 'getlastmodified')).toBe(HTTP_DATE);
  });
});

/** As newer rclones set a time: with what they know of the content. */
describe('the time of a file with its checksums', () => {
  const CHECKSUMS = '{http://owncloud.org/ns}checksums';
  const withChecksums = (text: string) =>
    setting(
      '<lastmodified xmlns="DAV:">1552000000</lastmodified>' +
        `<oc:checksums xmlns:oc="http://owncloud.org/ns">\n <oc:checksum>${text}</oc:checksum>\n</oc:checksums>`,
    );
  const sha1 = createHash('sha1').update('a').digest('hex');

  beforeEach(async () => {
    await until(async () => (await propertyOf(`${folder}/a.jpg`, CHECKSUMS)) !== undefined);
  });

  it.each([`SHA1:${sha1}`, `SHA1:${sha1.toUpperCase()} ADLER32:00620062`, 'ADLER32:00620062'])(
    'is set by who knows the content: %s',
    async (checksums) => {
      const before = await propertyOf(`${folder}/a.jpg`, CHECKSUMS);
      expect(await patch(`${folder}/a.jpg`, withChecksums(checksums))).toEqual({
        [OK]: ['{DAV:}lastmodified', CHECKSUMS],
      });
      expect(await propertyOf(`${folder}/a.jpg`, 'getlastmodified')).toBe('Thu, 07 Mar 2019 23:06:40 GMT');
      await until(async () => (await propertyOf(`${folder}/a.jpg`, CHECKSUMS)) === before);
    },
  );

  it.each([`SHA1:${sha1.replace(/^./, 'f')}`, `SHA1:${sha1} MD5:${'0'.repeat(32)}`, 'SHA1:nonsense'])(
    'is not set by who takes it for another one: %j',
    async (checksums) => {
      const before = await lastModified(`${folder}/a.jpg`);
      expect(await patch(`${folder}/a.jpg`, withChecksums(checksums))).toEqual({
        'HTTP/1.1 409 Conflict': [CHECKSUMS],
        [DEPENDENT]: ['{DAV:}lastmodified'],
      });
      expect(await lastModified(`${folder}/a.jpg`)).toBe(before);
    },
  );

  it('cannot be taken away, nor set of a folder', async () => {
    const checksums = '<oc:checksums xmlns:oc="http://owncloud.org/ns"/>';
    const removal = propertyUpdate(`<D:remove><D:prop>${checksums}</D:prop></D:remove>`);
    expect(await patch(`${folder}/a.jpg`, removal)).toEqual({ [FORBIDDEN]: [CHECKSUMS] });
    const ofFolder = await patch(folder, withChecksums(`SHA1:${sha1}`));
    expect(ofFolder[FORBIDDEN]).toEqual([CHECKSUMS]);
  });
});

describe('what Explorer would like to remember', () => {
  it('is accepted and forgotten: answers with it would be too long for Explorer itself', async () => {
    const attributes = '<Z:Win32FileAttributes>00000022</Z:Win32FileAttributes>';
    const name = '{urn:schemas-microsoft-com:}Win32FileAttributes';
    expect(await patch(`${folder}/a.jpg`, setting(attributes))).toEqual({ [OK]: [name] });
    expect((await propfind(port, `${folder}/a.jpg`)).text).not.toContain('Win32');
  });
});

describe('a PROPPATCH', () => {
  it.each([
    ['nothing', '', 400],
    ['no XML', 'x', 400],
    ['another document', '<a/>', 400],
    ['nothing to do', propertyUpdate(''), 400],
    ['set without prop', propertyUpdate('<D:set/>'), 400],
    ['cut off', setting('<x/>').slice(0, -4), 400],
    ['too much', setting(`<x>${'x'.repeat(70_000)}</x>`), 413],
    ['too many', setting('<x/>'.repeat(201)), 413],
  ])('of %s is refused', async (_what, body, status) => {
    expect((await send('PROPPATCH', `${folder}/a.jpg`, { body })).status).toBe(status);
    expect((await send('HEAD', `${folder}/a.jpg`)).status).toBe(200);
  });

  it('may come in chunks, and in UTF-16', async () => {
    const headers = { 'Transfer-Encoding': 'chunked' };
    const body = chunked(setting('<x>1</x>'));
    expect((await send('PROPPATCH', `${folder}/a.jpg`, { headers, body })).status).toBe(207);
    const wide = Buffer.from(`\ufeff${setting('<y>2</y>')}`, 'utf16le');
    expect((await send('PROPPATCH', `${folder}/a.jpg`, { body: wide })).status).toBe(207);
    expect([await propertyOf(`${folder}/a.jpg`, '{}x'), await propertyOf(`${folder}/a.jpg`, '{}y')]).toEqual([
      '1',
      '2',
    ]);
  });

  it('of what is not there: 404; of the root above all sources: nothing is kept', async () => {
    expect((await send('PROPPATCH', `${folder}/no.jpg`, { body: setting('<x/>') })).status).toBe(404);
    expect(await patch('/', setting('<x/>'))).toEqual({ [FORBIDDEN]: ['{}x'] });
    expect(await patch('/photos', setting('<x>1</x>'))).toEqual({ [OK]: ['{}x'] });
  });
});
