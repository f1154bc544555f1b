import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { onlyResponse, propBody, readMultistatus } from './dav-multistatus.ts';
import { ask, chunked, propfind, Wire } from './dav-wire.ts';

const FINITE_DEPTH = '<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>';
/** RFC 9110 section 5.6.7 and RFC 3339, the one form of each that every client reads. */
const HTTP_DATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

let running: FolderApp;
let davPort = 0;

beforeAll(async () => {
  running = await startFolderApp({
    files: {
      'a.jpg': patterned(1000),
      'b & c.png': 'png',
      'sub/d.mp4': patterned(70_000),
      'sub/empty.jpg': '',
    },
  });
  davPort = running.davPort;
});

afterAll(async () => {
  await running.stop();
});

describe('PROPFIND of a collection', () => {
  it.each(['/', '/photos', '/photos/', '/photos/sub', '/photos/sub/'])(
    'answers %s itself, without a redirect',
    async (path) => {
      const answer = await propfind(davPort, path);
      expect(answer.statusLine).toBe('HTTP/1.1 207 Multi-Status');
      expect(answer.headers['content-type']).toBe('application/xml; charset=utf-8');
      const { href, found } = onlyResponse(answer.body);
      expect(href).toBe(path.endsWith('/') ? path : `${path}/`);
      expect(found.get('resourcetype')).toBe('<collection>');
      const modified = found.get('getlastmodified') ?? '';
      expect(modified).toMatch(HTTP_DATE);
      expect(Date.parse(modified)).toBeGreaterThan(Date.UTC(1971, 0));
      expect(found.get('creationdate')).toMatch(RFC_3339);
      // A length makes some clients take a folder for a file.
      expect([...found.keys()]).not.toContain('getcontentlength');
    },
  );

  it('gives the collection first and then every member, once, with the href that reaches it', async () => {
    const answer = await propfind(davPort, '/photos', { headers: { Depth: '1' } });
    expect(readMultistatus(answer.body).map(({ href }) => href)).toEqual([
      '/photos/',
      '/photos/a.jpg',
      '/photos/b%20%26%20c.png',
      '/photos/sub/',
    ]);
  });

  it('goes one level deep and no further', async () => {
    const answer = await propfind(davPort, '/', { headers: { Depth: '1' } });
    expect(readMultistatus(answer.body).map(({ href }) => href)).toEqual(['/', '/photos/']);
  });

  it('has a name for every collection, also for the root', async () => {
    const names = readMultistatus((await propfind(davPort, '/', { headers: { Depth: '1' } })).body);
    expect(names.map(({ found }) => found.get('displayname'))).toEqual(['mediadav', 'photos']);
  });
});

describe('PROPFIND of a file', () => {
  it('tells size, type, times and the ETag of HEAD', async () => {
    const { href, found } = onlyResponse((await propfind(davPort, '/photos/a.jpg')).body);
    const head = await ask(davPort, '/photos/a.jpg', { method: 'HEAD' });
    expect(href).toBe('/photos/a.jpg');
    expect(Object.fromEntries(found)).toMatchObject({
      resourcetype: '',
      displayname: 'a.jpg',
      getcontentlength: '1000',
      getcontenttype: 'image/jpeg',
      getetag: head.headers.etag,
      getlastmodified: 'Wed, 01 Jan 2020 12:00:00 GMT',
    });
    expect(found.get('creationdate')).toMatch(RFC_3339);
  });

  it('is the same at Depth 1, where there is nothing below', async () => {
    const zero = await propfind(davPort, '/photos/a.jpg');
    const one = await propfind(davPort, '/photos/a.jpg', { headers: { Depth: '1' } });
    expect(one.status).toBe(207);
    expect(one.text).toBe(zero.text);
  });

  it('is 404 where there is none, also below a file', async () => {
    for (const path of ['/photos/missing.jpg', '/nowhere/', '/photos/a.jpg/below', '/photos/sub/deeper/x']) {
      expect([path, (await propfind(davPort, path)).status]).toEqual([path, 404]);
    }
  });
});

describe('Depth', () => {
  it.each(['infinity', 'Infinity', undefined])(
    '%s is refused with the precondition that says so',
    async (depth) => {
      const headers: Record<string, string> = depth === undefined ? {} : { Depth: depth };
      const answer = await ask(davPort, '/photos/', { method: 'PROPFIND', headers });
      expect(answer.status).toBe(403);
      expect(answer.headers['content-type']).toBe('application/xml; charset=utf-8');
      expect(answer.text).toContain(FINITE_DEPTH);
    },
  );

  it.each(['2', '-1', '', '1.0', '0 1', '1,root', 'infinity,1'])('"%s" is no depth', async (depth) => {
    const answer = await ask(davPort, '/photos/', { method: 'PROPFIND', headers: { Depth: depth } });
    expect(answer.status).toBe(400);
  });

  it('two of them are none', async () => {
    const wire = await Wire.open(davPort);
    wire.send(`PROPFIND /photos/ HTTP/1.1\r\nHost: 127.0.0.1:${davPort}\r\nDepth: 0\r\nDepth: 1\r\n\r\n`);
    expect((await wire.answer()).status).toBe(400);
    wire.close();
  });

  it.each([[{ Depth: '1,noroot' }], [{ Depth: '1, NoRoot' }], [{ Depth: '1', Prefer: 'depth-noroot' }]])(
    '%o leaves the collection itself out',
    async (headers) => {
      const answer = await propfind(davPort, '/photos/sub/', { headers });
      expect(answer.status).toBe(207);
      const hrefs = readMultistatus(answer.body).map(({ href }) => href);
      expect(hrefs).toEqual(['/photos/sub/d.mp4', '/photos/sub/empty.jpg']);
    },
  );

  it('0 has nothing but the collection to leave out, so it stays', async () => {
    const answer = await propfind(davPort, '/photos/sub/', {
      headers: { Depth: '0', Prefer: 'depth-noroot' },
    });
    expect(onlyResponse(answer.body).href).toBe('/photos/sub/');
  });
});

describe('properties that are not there', () => {
  const ODD = [
    '{urn:x-odd}Colour',
    '{http://example.com/?a=1&amp;b=2}mixed.Case-1',
    '{http://example.com/?a=1&amp;b=2}second',
    '{}bare',
    'getcontentlanguage',
    '{http://www.w3.org/XML/1998/namespace}lang',
    '{DAV:x}resourcetype',
  ];

  it('come back as 404 with the namespace and the name they were asked by', async () => {
    const answer = await propfind(davPort, '/photos/a.jpg', { body: propBody(...ODD, 'getetag') });
    const { found, missing } = onlyResponse(answer.body);
    expect([...found.keys()]).toEqual(['getetag']);
    expect(missing).toEqual(ODD.map((name) => name.replace('&amp;', '&')));
  });

  it('are told of every member', async () => {
    const body = propBody('getcontentlength', 'quota-used-bytes', '{http://apache.org/dav/props/}executable');
    const answer = await propfind(davPort, '/photos/', { headers: { Depth: '1' }, body });
    const lists = readMultistatus(answer.body).map(({ href, missing }) => [href, missing.length]);
    expect(lists).toEqual([
      ['/photos/', 2],
      ['/photos/a.jpg', 2],
      ['/photos/b%20%26%20c.png', 2],
      ['/photos/sub/', 2],
    ]);
  });

  it.each([[{ Brief: 't' }], [{ Prefer: 'return=minimal' }], [{ Prefer: 'wait=5, return="minimal"; a=b' }]])(
    'are not mentioned to a client that sends %o',
    async (headers) => {
      const answer = await propfind(davPort, '/photos/', {
        headers: { Depth: '1', ...headers },
        body: propBody(...ODD, 'getcontenttype'),
      });
      const responses = readMultistatus(answer.body);
      expect(responses.map(({ missing }) => missing)).toEqual([[], [], [], []]);
      expect(responses.map(({ found }) => found.has('getcontenttype'))).toEqual([false, true, true, false]);
    },
  );

  it('quota is never offered to who does not name it', async () => {
    const allprop = await propfind(davPort, '/', { headers: { Depth: '1' } });
    expect(allprop.text).not.toContain('quota');
  });
});

describe('allprop and propname', () => {
  it('offer what every client needs and nothing that costs a look-up', async () => {
    const { found } = onlyResponse((await propfind(davPort, '/photos/a.jpg')).body);
    expect([...found.keys()].sort()).toEqual([
      'creationdate',
      'displayname',
      'getcontentlength',
      'getcontenttype',
      'getetag',
      'getlastmodified',
      'resourcetype',
    ]);
  });

  it('say the same by an empty body and by the element', async () => {
    const empty = await propfind(davPort, '/photos/', { headers: { Depth: '1' } });
    const body = '<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:allprop/></d:propfind>';
    const named = await propfind(davPort, '/photos/', { headers: { Depth: '1' }, body });
    expect(named.text).toBe(empty.text);
  });

  it('include adds what it names to allprop', async () => {
    const body =
      '<d:propfind xmlns:d="DAV:"><d:allprop/><d:include><d:supportedlock/><d:iscollection/><d:nothing/></d:include></d:propfind>';
    const { found, missing } = onlyResponse((await propfind(davPort, '/photos/a.jpg', { body })).body);
    expect(found.get('supportedlock')).toBe('');
    expect(found.get('iscollection')).toBe('0');
    expect(found.get('getcontentlength')).toBe('1000');
    expect(missing).toEqual(['nothing']);
  });

  it('propname names what a prop request then finds', async () => {
    const body = '<d:propfind xmlns:d="DAV:"><d:propname/></d:propfind>';
    for (const path of ['/photos/a.jpg', '/photos/sub/', '/']) {
      const names = [...onlyResponse((await propfind(davPort, path, { body })).body).found.keys()];
      expect(names).toContain('resourcetype');
      const { found, missing } = onlyResponse(
        (await propfind(davPort, path, { body: propBody(...names) })).body,
      );
      expect(missing).toEqual([]);
      expect([...found.keys()]).toEqual(names);
    }
  });
});

describe('request bodies', () => {
  const WANTED = '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>';
  const utf16 = (text: string, isBigEndian: boolean) => {
    const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
    return isBigEndian ? bytes.swap16() : bytes;
  };

  it.each([
    ['text/xml', Buffer.from(WANTED)],
    ['no type at all', Buffer.from(WANTED)],
    ['application/x-www-form-urlencoded', Buffer.from(WANTED)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${WANTED}`)],
    ['UTF-16, little-endian', utf16(WANTED.replace('?>', ' encoding="utf-16"?>'), false)],
    ['UTF-16, big-endian', utf16(WANTED, true)],
    ['UTF-16 without a mark', Buffer.from(WANTED, 'utf16le')],
  ])('are understood as %s', async (kind, body) => {
    const headers: Record<string, string> = kind.includes('/') ? { 'Content-Type': kind } : {};
    const answer = await propfind(davPort, '/photos/a.jpg', { headers, body });
    expect(answer.status).toBe(207);
    expect([...onlyResponse(answer.body).found.keys()]).toEqual(['getetag']);
  });

  it('are read when they come in chunks', async () => {
    const headers = { 'Transfer-Encoding': 'chunked' };
    const answer = await propfind(davPort, '/photos/a.jpg', { headers, body: chunked(WANTED) });
    expect([...onlyResponse(answer.body).found.keys()]).toEqual(['getetag']);
  });

  it('are asked for with 100 when the client waits for that', async () => {
    const wire = await Wire.open(davPort);
    wire.send(
      `PROPFIND /photos/a.jpg HTTP/1.1\r\nHost: 127.0.0.1:${davPort}\r\nDepth: 0\r\nExpect: 100-continue\r\nContent-Length: ${WANTED.length}\r\n\r\n`,
    );
    expect((await wire.answer()).status).toBe(100);
    wire.send(WANTED);
    expect([...onlyResponse((await wire.answer()).body).found.keys()]).toEqual(['getetag']);
    wire.close();
  });
});

describe('golden bodies', () => {
  const normalised = (text: string) =>
    `${text
      .replace(/<D:getetag>"[\w.-]+"</g, '<D:getetag>"VERSION"<')
      .replace(/<D:creationdate>[^<]+</g, '<D:creationdate>TIME<')
      .replace(/<D:response>|<\/D:multistatus>/g, '\n$&')
      // Of folders only: the times of the files are the test's own.
      .replace(/(\/<\/D:href>.*<D:getlastmodified>)[^<]+</g, '$1TIME<')}\n`;

  it.each([
    ['allprop', ''],
    ['propname', '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>'],
    ['prop', propBody('displayname', 'getlastmodified', 'getcontentlength', 'resourcetype')],
    [
      'missing',
      propBody('resourcetype', 'getcontentlength', 'quota', '{http://apache.org/dav/props/}executable'),
    ],
  ])('%s', async (name, body) => {
    const answer = await propfind(davPort, '/photos/', { headers: { Depth: '1' }, body });
    readMultistatus(answer.body);
    await expect(normalised(answer.text)).toMatchFileSnapshot(`../golden/multistatus-${name}.xml`);
  });
});
