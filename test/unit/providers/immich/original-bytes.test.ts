import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createImmichProvider } from '../../../../providers/immich/provider.ts';
import type { AssetFacts } from '../../../../src/model/asset.ts';
import type { ByteRange } from '../../../../src/model/byte-range.ts';
import type { CodedError } from '../../../../src/model/coded-error.ts';
import type { Provider } from '../../../../src/provider/provider.ts';
import { Content } from '../../../fakes/immich/content.ts';
import type { Asset } from '../../../fakes/immich/model.ts';
import { SEED_KEYS, seedId } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { VERSIONS } from '../../../fakes/immich/versions.ts';
import { makeCall, providerOf, SHORT_LIMITS, scanAll } from './scan-all.ts';

const MB = 1024 * 1024;

let fake: FakeImmich;
let provider: Provider;
afterEach(async () => {
  await provider.close();
  await fake?.close();
});

async function start(version: (typeof VERSIONS)[number]): Promise<void> {
  fake = await startFakeImmich({ version });
  provider = providerOf(fake);
}

function addAsset(content: { size: number } | Uint8Array): Asset {
  return fake.library.addAsset({ owner: seedId('admin'), name: 'big.mp4', content });
}

function open(asset: Asset, range?: ByteRange, signal?: AbortSignal, sizeBytes = asset.content.size) {
  const want = { version: 'v', sizeBytes, ...(range === undefined ? {} : { range }) };
  return provider.open({ id: asset.id, path: asset.originalFileName }, want, makeCall(signal));
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function codeOfFailure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason: CodedError) => reason,
  );
  expect(error?.message).not.toMatch(/https?:|127\.0\.0\.1|key-/);
  return error?.code ?? 'no failure';
}

/** True within a second: nothing of the upstream is left open. */
async function isReleased(): Promise<boolean> {
  for (let tries = 0; tries < 50; tries += 1) {
    if (fake.openStreams === 0) return true;
    await wait(20);
  }
  return false;
}

describe.each(VERSIONS)('originals of Immich %s', (version) => {
  beforeEach(() => start(version));

  it('reads the whole', async () => {
    const asset = fake.library.asset(seedId('trips/clip.mp4'));
    expect((await bytesOf(await open(asset))).equals(asset.content.bytes())).toBe(true);
    expect((await bytesOf(await open(addAsset(new Uint8Array(0))))).length).toBe(0);
  });

  it('reads ranges, and only those', async () => {
    const asset = addAsset({ size: 20 * MB });
    for (const [first, last] of [
      [0, 0],
      [0, 99],
      [10 * MB + 1, 10 * MB + 300_000],
      [20 * MB - 5, 20 * MB - 1],
    ] as const) {
      const before = fake.bytesSent;
      const bytes = await bytesOf(await open(asset, { start: first, end: last }));
      expect(bytes.equals(asset.content.bytes(first, last + 1))).toBe(true);
      expect(fake.bytesSent - before).toBe(last - first + 1);
    }
  });

  it('releases the upstream when the reader hangs up, and when the call is aborted', async () => {
    const asset = addAsset({ size: 200 * MB });
    const stream = await open(asset);
    stream.once('data', () => stream.destroy());
    await new Promise((resolve) => stream.once('close', resolve));
    expect(await isReleased()).toBe(true);

    const unread = await open(asset);
    unread.destroy();
    expect(await isReleased()).toBe(true);

    const controller = new AbortController();
    const aborted = await open(asset, undefined, controller.signal);
    const failure = codeOfFailure(bytesOf(aborted));
    await wait(20);
    controller.abort();
    expect(await failure).toBe('cancelled');
    expect(await isReleased()).toBe(true);
    expect(fake.bytesSent).toBeLessThan(asset.content.size);
  });

  it('does not read ahead of a slow reader', async () => {
    const asset = addAsset({ size: 200 * MB });
    const stream = await open(asset);
    await new Promise((resolve) => stream.once('readable', resolve));
    // Longer than the silence that would be the server's fault.
    await wait(SHORT_LIMITS.silenceMs + 200);
    expect(fake.bytesSent).toBeLessThan(20 * MB);
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });

  it('tells a changed size before the first byte', async () => {
    const asset = addAsset({ size: 1000 });
    expect(await codeOfFailure(open(asset, undefined, undefined, 999))).toBe('changed');
    expect(await codeOfFailure(open(asset, { start: 0, end: 9 }, undefined, 999))).toBe('changed');
    expect(await codeOfFailure(open(asset, { start: 5000, end: 5009 }, undefined, 6000))).toBe('changed');
    expect(await isReleased()).toBe(true);
  });

  it('tells new bytes of the same size in an external library, and opens them after a new look', async () => {
    const { id } = fake.library.asset(seedId('odd/external.jpg'));
    const ref = { id, path: 'external.jpg' };
    const before = await provider.describe(ref, makeCall());
    const read = async ({ version, sizeBytes }: AssetFacts, range?: ByteRange) => {
      const want = { version, sizeBytes, ...(range === undefined ? {} : { range }) };
      return bytesOf(await provider.open(ref, want, makeCall()));
    };
    expect(await read(before)).toHaveLength(before.sizeBytes);
    const bytes = Buffer.alloc(before.sizeBytes, 'new');
    const fileModifiedAt = before.modifiedMs + 3_600_000;
    fake.library.updateAsset(id, { content: Content.from(bytes), fileModifiedAt });

    expect(await codeOfFailure(read(before))).toBe('changed');
    expect(await codeOfFailure(read(before, { start: 10, end: 19 }))).toBe('changed');
    expect(await isReleased()).toBe(true);
    const after = await provider.describe(ref, makeCall());
    expect(after.version).not.toBe(before.version);
    expect(await read(after)).toEqual(bytes);
    expect(await read(after, { start: 10, end: 19 })).toEqual(bytes.subarray(10, 20));
  });

  it('opens an upload whatever its times say: its bytes stay', async () => {
    const { id } = fake.library.asset(seedId('summer/IMG_0001.jpg'));
    const { ref, version, sizeBytes } = await provider.describe({ id, path: 'x' }, makeCall());
    fake.library.updateAsset(id, { fileModifiedAt: Date.parse('2025-01-01T00:00:00Z') });
    expect(await bytesOf(await provider.open(ref, { version, sizeBytes }, makeCall()))).toHaveLength(
      sizeBytes,
    );
  });

  it('does not take a file that cannot be read for one that is gone', async () => {
    const cases = [
      ['summer/IMG_0001.jpg', async () => open(fake.library.asset(seedId('summer/IMG_0001.jpg')))],
      // Its size is known to nobody but the disk.
      [
        'odd/no exif row.jpg',
        () => provider.describe({ id: seedId('odd/no exif row.jpg'), path: 'x' }, makeCall()),
      ],
    ] as const;
    for (const [key, ask] of cases) {
      fake.library.updateAsset(seedId(key), { isOffline: true });
      const failure = ask();
      await expect(failure).rejects.toMatchObject({ code: 'unavailable' });
      if (version === '3.1.0') {
        const message = 'Immich cannot read the file of this asset at the moment.';
        await expect(failure).rejects.toMatchObject({ message });
      }
    }
    expect(fake.requests.filter(({ path }) => path.endsWith(seedId('summer/IMG_0001.jpg')))).toHaveLength(
      version === '3.1.0' ? 1 : 0,
    );
  });

  it('takes a file for gone when Immich shows its asset no more', async () => {
    const asset = fake.library.asset(seedId('summer/IMG_0001.jpg'));
    fake.library.updateAsset(asset, { isOffline: true });
    fake.library.trash(asset);
    expect(await codeOfFailure(open(asset))).toBe(version === '3.1.0' ? 'not-found' : 'unavailable');
    fake.library.deleteAsset(asset);
    expect(await codeOfFailure(open(asset))).toBe('not-found');
  });

  it('does not take a file for gone when nobody can say whether it is', async () => {
    const asset = fake.library.asset(seedId('summer/IMG_0001.jpg'));
    fake.library.deleteAsset(asset);
    fake.faults.add({ match: new RegExp(`${asset.id}$`), kind: 'reset', times: 3 });
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
    expect(await codeOfFailure(open(asset))).toBe('not-found');
  });

  it('tells what is not there from what may not be read', async () => {
    const gone = seedId('no such asset');
    const want = { version: 'v', sizeBytes: 10 };
    expect(await codeOfFailure(provider.open({ id: gone, path: 'x' }, want, makeCall()))).toBe('not-found');
    expect(await codeOfFailure(provider.open({ id: '../users', path: 'x' }, want, makeCall()))).toBe(
      'not-found',
    );
    if (version === '1.118.0') return;
    const blind = providerOf(fake, { apiKey: SEED_KEYS.withoutDownload });
    const asset = fake.library.asset(seedId('trips/clip.mp4'));
    await expect(
      blind.open({ id: asset.id, path: 'x' }, { version: 'v', sizeBytes: asset.content.size }, makeCall()),
    ).rejects.toMatchObject({
      // The settings are wrong, not the client: "denied" would be an answer to it.
      code: 'unavailable',
      message:
        'The Immich API key lacks the permission "asset.download", which is needed to read photos and videos.',
    });
    await blind.close();
  });

  it('cuts the stream when the server breaks off or falls silent', async () => {
    const asset = addAsset({ size: 500_000 });
    fake.faults.add({ match: asset.id, kind: 'cut', bytes: 1000, times: 1 });
    expect(await codeOfFailure(bytesOf(await open(asset)))).toBe('unavailable');
    fake.faults.add({ match: asset.id, kind: 'drip', bytes: 1000, ms: 5_000, times: 1 });
    const startMs = performance.now();
    expect(await codeOfFailure(bytesOf(await open(asset)))).toBe('unavailable');
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect((await bytesOf(await open(asset))).length).toBe(500_000);
  });

  it('does not wait for ever for the first byte', async () => {
    const asset = addAsset({ size: 1000 });
    fake.faults.add({ match: asset.id, kind: 'hang', times: 1 });
    const startMs = performance.now();
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  it('takes no page and no error text for a photo', async () => {
    const asset = addAsset({ size: 1000 });
    fake.faults.add({ match: asset.id, kind: 'html', times: 1 });
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
    fake.faults.add({ match: asset.id, kind: 'status', status: 200, body: 'x'.repeat(1000), times: 1 });
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
    fake.faults.add({ match: asset.id, kind: 'short', bytes: 10, times: 1 });
    expect(await codeOfFailure(open(asset))).toBe('changed');
    fake.faults.add({ match: asset.id, kind: 'status', status: 500, times: 1 });
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
    fake.faults.add({ match: asset.id, kind: 'status', status: 429, retryAfter: 3, times: 1 });
    await expect(open(asset)).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 3000 });
    fake.faults.add({ match: asset.id, kind: 'reset', times: 1 });
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
    expect((await bytesOf(await open(asset))).length).toBe(1000);
  });

  it('keeps connections for the next read', async () => {
    const asset = addAsset({ size: 1000 });
    const ports = new Set<number | undefined>();
    fake.faults.add({
      match: (request) => {
        if (request.url?.includes(asset.id)) ports.add(request.socket.remotePort);
        return false;
      },
      kind: 'reset',
    });
    for (let i = 0; i < 5; i += 1) await bytesOf(await open(asset, { start: i, end: i + 9 }));
    expect(ports.size).toBe(1);
  });
});

describe('a proxy in between', () => {
  const content = Buffer.alloc(300_000, 'abcdefg');
  const asset = { id: seedId('x'), originalFileName: 'x.jpg', content: { size: content.length } } as Asset;
  let server: Server;

  async function serve(answer: RequestListener): Promise<void> {
    server = createServer((request, response) => {
      if (request.url !== '/api/server/version') return answer(request, response);
      response.end('{"major":3,"minor":1,"patch":0}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    provider = createImmichProvider(
      { url: `http://127.0.0.1:${port}/`, apiKey: 'k', albumIds: [] },
      SHORT_LIMITS,
    );
  }
  afterEach(async () => {
    await provider.close();
    server.closeAllConnections();
    server.close();
  });

  it('that strips Range costs a little reading at the start of a file, and an error further on', async () => {
    await serve((_request, response) => {
      response
        .writeHead(200, { 'content-type': 'image/jpeg', 'content-length': content.length })
        .end(content);
    });
    for (const range of [
      { start: 0, end: 9 },
      { start: 90_000, end: 250_000 },
      { start: 99_999, end: 299_999 },
    ]) {
      const bytes = await bytesOf(await open(asset, range));
      expect(bytes.equals(content.subarray(range.start, range.end + 1))).toBe(true);
    }
    expect(await codeOfFailure(open(asset, { start: 100_000, end: 100_001 }))).toBe('unavailable');
  });

  it('that strips Range and sends less than there is cuts the stream', async () => {
    await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/jpeg' }).end(content.subarray(0, 1000));
    });
    expect(await codeOfFailure(bytesOf(await open(asset, { start: 500, end: 2000 })))).toBe('unavailable');
  });

  it.each([
    ['another part', 206, { 'content-range': 'bytes 1-10/300000' }, 'unavailable'],
    ['a part it does not name', 206, {}, 'unavailable'],
    ['a part of a file of unknown size', 206, { 'content-range': 'bytes 0-9/*' }, 'unavailable'],
    ['a part of another file', 206, { 'content-range': 'bytes 0-9/5000' }, 'changed'],
    ['several parts', 206, { 'content-type': 'multipart/byteranges; boundary=x' }, 'unavailable'],
    ['packed bytes', 206, { 'content-range': 'bytes 0-9/300000', 'content-encoding': 'gzip' }, 'unavailable'],
    ['nothing', 204, {}, 'unavailable'],
    ['a redirect', 302, { location: '/login' }, 'unavailable'],
  ])('that answers %s is not believed', async (_what, status, headers, code) => {
    await serve((_request, response) => {
      response
        .writeHead(status, headers as Record<string, string>)
        .end(status === 204 ? undefined : '0123456789');
    });
    expect(await codeOfFailure(open(asset, { start: 0, end: 9 }))).toBe(code);
  });

  it.each([
    ['the time of the version', 'Tue, 02 Jan 2024 03:04:05 GMT', null],
    ['no time', undefined, null],
    ['no time that makes sense', 'yesterday', null],
    ['another time', 'Tue, 02 Jan 2024 03:04:06 GMT', 'changed'],
  ])('with %s on a file of an external library', async (_what, lastModified, code) => {
    await serve((_request, response) => {
      const headers = { 'content-length': content.length };
      response.writeHead(200, { ...headers, ...(lastModified && { 'last-modified': lastModified }) });
      response.end(content);
    });
    const modifiedMs = Date.parse('2024-01-02T03:04:05.678Z');
    const want = {
      version: `d-${content.length.toString(16)}-${modifiedMs.toString(16)}-1`,
      sizeBytes: content.length,
    };
    const opened = provider.open({ id: asset.id, path: 'x' }, want, makeCall());
    if (code === null) expect(await bytesOf(await opened)).toHaveLength(content.length);
    else expect(await codeOfFailure(opened)).toBe(code);
  });

  it('that answers a part unasked is not believed', async () => {
    await serve((_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-9/300000' }).end('0123456789');
    });
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
  });

  it('gets the key, one range, no condition and no wish for packing', async () => {
    let seen: Record<string, unknown> = {};
    await serve((request, response) => {
      seen = request.headers;
      response.writeHead(206, { 'content-range': 'bytes 5-6/300000', 'content-length': 2 }).end('fg');
    });
    await bytesOf(await open(asset, { start: 5, end: 6 }));
    expect(seen).toMatchObject({ 'x-api-key': 'k', range: 'bytes=5-6', 'accept-encoding': 'identity' });
    expect(Object.keys(seen).filter((name) => name.startsWith('if-'))).toEqual([]);
  });

  it('that never ends a refusal does not hold anybody up', async () => {
    await serve((_request, response) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.write('oh ');
    });
    const startMs = performance.now();
    expect(await codeOfFailure(open(asset))).toBe('unavailable');
    expect(performance.now() - startMs).toBeLessThan(4_000);
  });
});

it.each([
  ['read by us', ''],
  ['read by axios', 'user:secret@'],
])('says who asks, with every request: originals %s', async (_how, login) => {
  await start('3.1.0');
  const url = fake.url.replace('//', `//${login}`);
  provider = providerOf(fake, { url });
  await scanAll(provider);
  const asset = addAsset(new Uint8Array(1000));
  expect(await bytesOf(await open(asset))).toHaveLength(1000);
  expect(fake.requests.map(({ path }) => path)).toContain(`/api/assets/${asset.id}/original`);
  expect(fake.requests.filter(({ userAgent }) => userAgent !== 'mediadav')).toEqual([]);
});
