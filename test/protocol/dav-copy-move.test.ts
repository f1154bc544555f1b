import { describe, expect, it } from 'vitest';
import { ask } from './dav-wire.ts';
import { WritableFolder } from './writable-folder.ts';

const here = new WritableFolder();

describe.each(['COPY', 'MOVE'])('%s', (method) => {
  const isMove = method === 'MOVE';
  const to = (destination: string, more: Record<string, string> = {}) => ({
    headers: { Destination: destination, ...more },
  });

  it('of a file: 201, and 204 over another one, which Overwrite: F forbids', async () => {
    await here.put(`${here.folder}/a.jpg`, 'a');
    await here.put(`${here.folder}/b.jpg`, 'b');
    const id = await here.nodeIdOf('a.jpg');
    expect((await here.send(method, `${here.folder}/a.jpg`, to(`${here.folder}/c.jpg`))).status).toBe(201);
    expect((await here.nodeIdOf('c.jpg')) === id).toBe(isMove);
    expect(
      (await here.send(method, `${here.folder}/c.jpg`, to(`${here.folder}/b.jpg`, { Overwrite: 'F' })))
        .status,
    ).toBe(412);
    const absolute = `http://127.0.0.1:${here.port}${here.folder}/b.jpg`;
    expect((await here.send(method, `${here.folder}/c.jpg`, to(absolute))).status).toBe(204);
    const copies = { 'a.jpg': 'a', 'b.jpg': 'a', 'c.jpg': 'a' };
    expect(await here.onDisk()).toEqual(isMove ? { 'b.jpg': 'a' } : copies);
    expect(await here.listed()).toEqual(Object.keys(await here.onDisk()).sort());
  });

  it('of a folder, also over a folder and over a file', async () => {
    for (const name of ['from', 'from/deep', 'over']) await here.send('MKCOL', `${here.folder}/${name}`);
    for (const name of ['from/x.jpg', 'from/deep/y.jpg', 'over/old.jpg', 'file.jpg']) {
      await here.put(`${here.folder}/${name}`, name);
    }
    expect((await here.send(method, `${here.folder}/from`, to(`${here.folder}/over/`))).status).toBe(204);
    expect((await here.send('GET', `${here.folder}/over/deep/y.jpg`)).text).toBe('from/deep/y.jpg');
    expect((await here.send('GET', `${here.folder}/over/old.jpg`)).status).toBe(404);
    expect((await here.send(method, `${here.folder}/over`, to(`${here.folder}/file.jpg`))).status).toBe(204);
    const names = Object.keys(await here.onDisk()).sort();
    const below = ['file.jpg', 'file.jpg/deep', 'file.jpg/deep/y.jpg', 'file.jpg/x.jpg'];
    expect(names.filter((name) => name.startsWith('file.jpg'))).toEqual(below);
    expect(names.some((name) => name.startsWith('over'))).toBe(!isMove);
    expect(
      (await here.send(method, `${here.folder}/file.jpg/x.jpg`, to(`${here.folder}/file.jpg/deep`))).status,
    ).toBe(204);
  });

  it('answers what cannot be as RFC 4918 says, and changes nothing', async () => {
    for (const name of ['dir', 'dir/in']) await here.send('MKCOL', `${here.folder}/${name}`);
    await here.put(`${here.folder}/dir/x.jpg`, 'x');
    const before = await here.onDisk();
    const cases: [string, string | null, number][] = [
      ['dir/x.jpg', 'http://elsewhere.example/photos/x.jpg', 502],
      ['dir/x.jpg', 'ftp://127.0.0.1/photos/x.jpg', 400],
      ['dir/x.jpg', `${here.folder}/%zz`, 400],
      ['dir/x.jpg', `${here.folder}/..%2f..%2fx.jpg`, 400],
      ['dir/x.jpg', null, 400],
      ['dir/x.jpg', `${here.folder}/no/where.jpg`, 409],
      ['dir/x.jpg', `${here.folder}/dir/x.jpg`, 403],
      ['dir', `${here.folder}/dir/in/dir`, 403],
      ['dir/in', `${here.folder}/dir`, 403],
      ['dir/x.jpg', '/photos', 403],
      ['dir/x.jpg', '/elsewhere.jpg', 403],
      ['dir/x.jpg', `${here.folder}/.hidden.jpg`, 403],
      ['missing.jpg', `${here.folder}/new.jpg`, 404],
    ];
    for (const [from, destination, status] of cases) {
      const request = destination === null ? {} : to(destination);
      const answer = await here.send(method, `${here.folder}/${from}`, request);
      expect([from, destination, answer.status]).toEqual([from, destination, status]);
    }
    expect(await here.onDisk()).toEqual(before);
  });
});

it('below /dav of the other port the destination is below /dav, too', async () => {
  await here.put(`${here.folder}/a.jpg`, 'a');
  const copy = (Destination: string) =>
    ask(here.app.port, `/dav${here.folder}/a.jpg`, { method: 'COPY', headers: { Destination } });
  expect((await copy(`/dav${here.folder}/b.jpg`)).status).toBe(201);
  expect((await copy(`http://127.0.0.1:${here.app.port}/dav${here.folder}/c.jpg`)).status).toBe(201);
  expect((await copy(`${here.folder}/d.jpg`)).status).toBe(502);
  expect(await here.listed()).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
});

it('COPY with Depth 0 makes an empty folder; MOVE with it is no request', async () => {
  await here.send('MKCOL', `${here.folder}/dir`);
  await here.put(`${here.folder}/dir/x.jpg`, 'x');
  const headers = { Destination: `${here.folder}/shallow`, Depth: '0' };
  expect((await here.send('MOVE', `${here.folder}/dir`, { headers })).status).toBe(400);
  expect((await here.send('COPY', `${here.folder}/dir`, { headers })).status).toBe(201);
  expect(await here.listed(`${here.folder}/shallow`)).toEqual([]);
});
