import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coded } from '../../fakes/memory-provider.ts';
import { ApiUnderTest, digestOf } from './api-under-test.ts';

describe('/image/{sha256}', () => {
  let api: ApiUnderTest;
  beforeEach(async () => {
    api = await ApiUnderTest.start({ sources: { photos: '/mnt/photos', immich: null } });
  });
  afterEach(() => api.stop());

  it('gives the bytes of any media', async () => {
    const sha256 = await api.addFile('movie.mp4', { content: '0123456789' });
    const answer = await api.ask(`/image/${sha256}`);
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'video/mp4', 'content-length': '10' },
    });
    expect(answer.headers).toMatchObject({ etag: `"${sha256}"`, 'accept-ranges': 'bytes' });
    expect(answer.headers['cache-control']).toMatch(/^private, .*immutable/);
    expect(answer.body.toString()).toBe('0123456789');
    expect((await api.ask(`/image/${sha256.toUpperCase()}`)).status).toBe(200);
  });

  it('knows ranges, conditions and HEAD', async () => {
    const sha256 = await api.addFile('a.jpg', { content: '0123456789' });
    const path = `/image/${sha256}`;
    const part = await api.ask(path, { headers: { Range: 'bytes=2-4' } });
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 2-4/10' } });
    expect(part.body.toString()).toBe('234');
    const behind = { headers: { Range: 'bytes=10-' } };
    expect(await api.problem(path, behind)).toMatchObject({ status: 416, code: 'range' });
    expect((await api.ask(path, behind)).headers['content-range']).toBe('bytes */10');
    const opened = api.source().provider.openCalls;
    expect((await api.ask(path, { headers: { 'If-None-Match': `"${sha256}"` } })).status).toBe(304);
    const head = await api.ask(path, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '10' } });
    expect(head.body).toHaveLength(0);
    expect((await api.problem(path, { headers: { 'If-Match': '"other"' } })).status).toBe(412);
    expect(api.source().provider.openCalls).toBe(opened);
  });

  it.each(['abc', 'z'.repeat(64), 'a'.repeat(63), 'a'.repeat(65), 'a'.repeat(40), '%20', 'a'.repeat(5000)])(
    'refuses the digest %s',
    async (digest) => {
      for (const path of ['image', 'thumbnail']) {
        expect(await api.problem(`/${path}/${digest}`)).toMatchObject({ status: 400, code: 'invalid' });
      }
    },
  );

  it('does not know other contents', async () => {
    for (const path of ['image', 'thumbnail']) {
      expect(await api.problem(`/${path}/${'a'.repeat(64)}`)).toMatchObject({
        ...{ status: 404, code: 'not-found' },
        detail: 'There is nothing with that sha256 digest.',
      });
    }
  });

  it('finds by another digest when asked to', async () => {
    await api.addFile('a.jpg', { content: 'x' });
    expect((await api.ask(`/image/${digestOf('sha1', 'x')}?hash=sha1`)).body.toString()).toBe('x');
    expect((await api.ask(`/image/${digestOf('md5', 'x')}?hash=md5`)).body.toString()).toBe('x');
    expect((await api.problem(`/image/${digestOf('md5', 'x')}?hash=sha1`)).status).toBe(400);
  });

  describe('with the content at two places', () => {
    let sha256: string;
    beforeEach(async () => {
      sha256 = await api.addFile('a.jpg', { content: 'same' });
      await api.addFile('b.jpg', { content: 'same' });
      await api.addFile('c.jpg', { content: 'same' }, 'immich');
    });

    it.each(['not-found', 'unavailable', 'denied', 'throttled', 'changed'] as const)(
      'gives it from the next when the first is %s',
      async (code) => {
        api.source().provider.openErrors.push(coded(code), coded(code));
        expect((await api.ask(`/image/${sha256}`)).body.toString()).toBe('same');
      },
    );

    it('tells a source that is away from a content that is gone', async () => {
      const { provider } = api.source();
      const { provider: immich } = api.source('immich');
      provider.openErrors.push(coded('not-found'), coded('unavailable', 7_000));
      immich.openErrors.push(coded('not-found'));
      const away = await api.ask(`/image/${sha256}`);
      expect(away).toMatchObject({ status: 503, headers: { 'retry-after': '7' } });
      provider.openErrors.push(coded('not-found'), coded('changed'));
      immich.openErrors.push(coded('not-found'));
      expect(await api.problem(`/image/${sha256}`)).toMatchObject({ status: 404 });
    });
  });

  it('opens an asset once that two albums show', async () => {
    const folder = (ref: string) => api.addFolder(ref, ref, null, 'immich');
    await folder('One');
    await folder('Two');
    const facts = { ref: { id: 'u1', path: 'x.jpg' } };
    await api.addFile('x.jpg', { content: 'x', collection: 'One', facts }, 'immich');
    const sha256 = await api.addFile('x.jpg', { content: 'x', collection: 'Two', facts }, 'immich');
    const { provider } = api.source('immich');
    provider.openErrors.push(coded('not-found'), coded('not-found'));
    expect((await api.ask(`/image/${sha256}`)).status).toBe(404);
    expect(provider.openErrors).toHaveLength(1);
  });

  it('never pads what the source does not give', async () => {
    const sha256 = await api.addFile('a.jpg', { content: 'x'.repeat(1_000) });
    api.source().provider.lengthError = -10;
    expect(await api.problem(`/image/${sha256}`)).toMatchObject({ status: 502, code: 'corrupt' });
  });
});
