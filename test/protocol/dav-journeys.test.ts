import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lock, locked, setting } from './dav-lock-requests.ts';
import { onlyResponse, propBody } from './dav-multistatus.ts';
import { propfind, Wire } from './dav-wire.ts';
import { until } from './mediadav-process.ts';
import { WritableFolder } from './writable-folder.ts';

const here = new WritableFolder();

async function put(name: string, body: string): Promise<string> {
  const { headers } = await here.send('PUT', `${here.folder}/${name}`, { body });
  return headers.etag ?? '';
}

async function journey(
  method: string,
  from: string,
  to: string,
  headers: Record<string, string> = {},
): Promise<number> {
  const request = { headers: { Destination: `${here.folder}/${to}`, ...headers } };
  return (await here.send(method, `${here.folder}/${from}`, request)).status;
}

async function deadProperty(path: string): Promise<string | undefined> {
  const answer = await propfind(here.port, path, { body: propBody('{urn:x}p') });
  return onlyResponse(answer.body).found.get('{urn:x}p');
}

describe('conditions of a COPY or MOVE are about what is copied or moved', () => {
  it.each(['COPY', 'MOVE'])('%s', async (method) => {
    const from = await put('from.jpg', 'from');
    const to = await put('to.jpg', 'to');
    const before = await here.onDisk();
    expect(await journey(method, 'from.jpg', 'to.jpg', { 'If-Match': to })).toBe(412);
    expect(await journey(method, 'from.jpg', 'new.jpg', { 'If-Match': '"other"' })).toBe(412);
    // Something is there, namely at the address of the request.
    expect(await journey(method, 'from.jpg', 'new.jpg', { 'If-None-Match': '*' })).toBe(412);
    expect(await here.onDisk()).toEqual(before);
    expect(await journey(method, 'from.jpg', 'new.jpg', { 'If-Match': from })).toBe(201);
    const again = method === 'COPY' ? 'from.jpg' : 'new.jpg';
    expect(await journey(method, again, 'to.jpg', { 'If-Match': from })).toBe(204);
  });

  it('and what is at the destination can be asked about by If', async () => {
    await put('from.jpg', 'from');
    const to = await put('to.jpg', 'to');
    const about = (etag: string) => ({ If: `<${here.folder}/to.jpg> ([${etag}])` });
    expect(await journey('COPY', 'from.jpg', 'to.jpg', about('"other"'))).toBe(412);
    expect(await journey('COPY', 'from.jpg', 'to.jpg', about(to))).toBe(204);
  });
});

it('conditions of a LOCK are about what is locked', async () => {
  const etag = await put('a.jpg', 'a');
  expect((await lock(here.port, `${here.folder}/a.jpg`, { 'If-Match': '"other"' })).status).toBe(412);
  expect((await lock(here.port, `${here.folder}/a.jpg`, { 'If-Match': etag })).status).toBe(200);
  expect((await lock(here.port, `${here.folder}/new.jpg`, { 'If-Match': etag })).status).toBe(412);
  expect(await here.onDisk()).toEqual({ 'a.jpg': 'a' });
});

describe.each(['COPY', 'MOVE'])('%s of something', (method) => {
  it('onto itself or into itself is refused, by whichever of its names', async () => {
    await mkdir(join(here.disk, 'Café?/deep'), { recursive: true });
    await writeFile(join(here.disk, 'Café?/b.jpg'), 'b');
    await here.app.rescan();
    const before = await here.onDisk();
    // As shown, as on the disk, as macOS spells it.
    const names = ['Café？', 'Café?', 'Cafe\u0301？'].map(encodeURIComponent);
    for (const from of names) {
      for (const to of names) {
        const cases = ['', '/', '/new', '/deep/new'].map((below) => [from, to + below]);
        for (const [source = '', destination = ''] of [...cases, [`${from}/b.jpg`, `${to}/b.jpg`]]) {
          const status = await journey(method, source, destination);
          expect([source, destination, status]).toEqual([source, destination, 403]);
        }
        // Away from inside is no way either: the folder would have to go first.
        expect(await journey(method, `${from}/deep`, to)).toBe(403);
      }
    }
    expect(await here.onDisk()).toEqual(before);
  });

  it('to a name that differs by case is to another name', async () => {
    await put('img.jpg', 'small');
    expect(await journey(method, 'img.jpg', 'IMG.JPG')).toBe(201);
    const both = { 'IMG.JPG': 'small', 'img.jpg': 'small' };
    expect(await here.onDisk()).toEqual(method === 'COPY' ? both : { 'IMG.JPG': 'small' });
    expect((await here.send('GET', `${here.folder}/IMG.JPG`)).text).toBe('small');
    expect((await here.send('GET', `${here.folder}/img.jpg`)).status).toBe(method === 'COPY' ? 200 : 404);
  });
});

it('COPY with Depth 0 copies the folder itself with its properties, and replaces one with all in it', async () => {
  for (const name of ['from', 'over']) await here.send('MKCOL', `${here.folder}/${name}`);
  for (const name of ['from/a.jpg', 'over/b.jpg']) await put(name, name);
  for (const name of ['from', 'from/a.jpg', 'over']) {
    const body = setting(`<p xmlns="urn:x">of ${name}</p>`);
    expect((await here.send('PROPPATCH', `${here.folder}/${name}`, { body })).status).toBe(207);
  }
  expect(await journey('COPY', 'from', 'over', { Depth: '0' })).toBe(204);
  expect(await here.onDisk()).toEqual({ from: '/', 'from/a.jpg': 'from/a.jpg', over: '/' });
  expect(await deadProperty(`${here.folder}/over`)).toBe('of from');
});

describe('a lock of depth infinity on a folder', () => {
  it('is on what is made, copied, moved and uploaded into it later, and on nothing that leaves it', async () => {
    await here.send('MKCOL', `${here.folder}/held`);
    await put('outside.jpg', 'outside');
    const token = await locked(here.port, `${here.folder}/held`, { Depth: 'infinity' });
    const headers = { If: `<${here.folder}/held> (<${token}>)` };
    expect((await here.send('MKCOL', `${here.folder}/held/made`, { headers })).status).toBe(201);
    expect(
      (await here.send('PUT', `${here.folder}/held/made/put.jpg`, { headers, body: 'put' })).status,
    ).toBe(201);
    expect(await journey('COPY', 'outside.jpg', 'held/copied.jpg', headers)).toBe(201);
    expect(await journey('MOVE', 'outside.jpg', 'held/moved.jpg', headers)).toBe(201);
    for (const name of ['made', 'made/put.jpg', 'copied.jpg', 'moved.jpg']) {
      const path = `${here.folder}/held/${name}`;
      expect([name, (await here.send('DELETE', path)).status]).toEqual([name, 423]);
      const body = propBody('lockdiscovery');
      expect(
        onlyResponse((await propfind(here.port, path, { body })).body).found.get('lockdiscovery'),
      ).toContain(token);
    }
    expect(await journey('MOVE', 'held/made', 'made')).toBe(423);
    expect(await journey('MOVE', 'held/made', 'made', headers)).toBe(201);
    expect((await here.send('DELETE', `${here.folder}/made/put.jpg`)).status).toBe(204);
    expect(await journey('COPY', 'held/moved.jpg', 'free.jpg')).toBe(201);
    expect((await here.send('DELETE', `${here.folder}/free.jpg`)).status).toBe(204);
  });
});

describe('a lock that somebody takes while an upload comes in', () => {
  const FIRST = 'min'.padStart(300_000, '-');

  /** An upload of which the first bytes have come. */
  async function begun(name: string, headers = ''): Promise<Wire> {
    const wire = await Wire.open(here.port);
    const length = `Content-Length: ${FIRST.length + 3}\r\n`;
    wire.send(
      `PUT ${here.folder}/${name} HTTP/1.1\r\nHost: 127.0.0.1:${here.port}\r\n${headers}${length}\r\n${FIRST}`,
    );
    await until(async () => (await readdir(here.disk)).some((each) => each.includes('.mediadav-upload')));
    return wire;
  }

  it.each([
    ['on the file', 'a.jpg'],
    ['on a name that nothing has', 'new.jpg'],
    ['on the folder', ''],
  ])('%s stops it: 423, and nothing of it is left', async (_where, name) => {
    await put('a.jpg', 'old');
    const upload = await begun(name === '' ? 'a.jpg' : name);
    const token = await locked(here.port, `${here.folder}/${name}`);
    upload.send('e!!');
    const answer = await upload.answer('PUT');
    upload.close();
    expect([answer.status, answer.text]).toEqual([423, expect.stringContaining('lock-token-submitted')]);
    expect(await here.onDisk()).toEqual(
      name === 'new.jpg' ? { 'a.jpg': 'old', 'new.jpg': '' } : { 'a.jpg': 'old' },
    );
    const headers = { If: `<${here.folder}/${name}> (<${token}>)` };
    expect((await here.send('PUT', `${here.folder}/a.jpg`, { headers, body: 'mine' })).status).toBe(204);
  });

  it('does not stop an upload under a lock that has ended meanwhile, when nobody else has taken one', async () => {
    await put('a.jpg', 'old');
    const token = await locked(here.port, `${here.folder}/a.jpg`);
    const upload = await begun('a.jpg', `If: (<${token}>)\r\n`);
    expect(
      (await here.send('UNLOCK', `${here.folder}/a.jpg`, { headers: { 'Lock-Token': `<${token}>` } })).status,
    ).toBe(204);
    upload.send('e!!');
    expect((await upload.answer('PUT')).status).toBe(204);
    upload.close();
    expect(await here.onDisk()).toEqual({ 'a.jpg': `${FIRST}e!!` });
  });
});
