import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coded } from '../../fakes/memory-provider.ts';
import { ApiUnderTest, digestOf } from './api-under-test.ts';

const pictureOf = (
  width: number,
  height: number,
  format: 'jpeg' | 'png' | 'webp' | 'tiff' | 'gif' = 'jpeg',
) =>
  sharp({ create: { width, height, channels: 3, background: '#d02020' } })
    .toFormat(format)
    .toBuffer();

/** Where the picture is on the transparent ground. */
async function boundsOf(png: Buffer): Promise<{ left: number; top: number; width: number; height: number }> {
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const opaque = Array.from({ length: info.width * info.height }, (_, at) => at).filter(
    (at) => (data[at * 4 + 3] ?? 0) > 127,
  );
  const [columns, rows] = [
    opaque.map((at) => at % info.width),
    opaque.map((at) => Math.floor(at / info.width)),
  ];
  const [left, top] = [Math.min(...columns), Math.min(...rows)];
  return { left, top, width: Math.max(...columns) - left + 1, height: Math.max(...rows) - top + 1 };
}

describe('/thumbnail/{sha256}', () => {
  let api: ApiUnderTest;
  beforeEach(async () => {
    api = await ApiUnderTest.start();
  });
  afterEach(() => api.stop());

  it.each([
    [600, 300, { left: 0, top: 64, width: 256, height: 128 }],
    [300, 600, { left: 64, top: 0, width: 128, height: 256 }],
    [100, 50, { left: 78, top: 103, width: 100, height: 50 }],
  ])('is 256 × 256 of %i × %i on transparent ground, never enlarged', async (width, height, bounds) => {
    const sha256 = await api.addFile('a.jpg', { content: await pictureOf(width, height) });
    const answer = await api.ask(`/thumbnail/${sha256}`);
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'image/png', etag: `"${sha256}-256"` },
    });
    const { format, width: w, height: h, hasAlpha } = await sharp(answer.body).metadata();
    expect({ format, w, h, hasAlpha }).toEqual({ format: 'png', w: 256, h: 256, hasAlpha: true });
    expect(await boundsOf(answer.body)).toEqual(bounds);
  });

  it.each(['png', 'webp', 'tiff', 'gif'] as const)('reads %s', async (format) => {
    const sha256 = await api.addFile(`a.${format}`, { content: await pictureOf(64, 64, format) });
    expect((await api.ask(`/thumbnail/${sha256}`)).status).toBe(200);
  });

  it('turns what is stored lying on its side', async () => {
    const content = await sharp(await pictureOf(600, 300))
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const sha256 = await api.addFile('a.jpg', { content });
    expect(await boundsOf((await api.ask(`/thumbnail/${sha256}`)).body)).toMatchObject({
      width: 128,
      height: 256,
    });
  });

  it('is made once and kept, whatever becomes of the source', async () => {
    const sha256 = await api.addFile('a.jpg', { content: await pictureOf(300, 300) });
    const asked = await Promise.all(Array.from({ length: 5 }, () => api.ask(`/thumbnail/${sha256}`)));
    expect(new Set(asked.map(({ body }) => body.toString('hex'))).size).toBe(1);
    expect(api.source().provider.openCalls).toBe(1);
    const kept = join(api.folder, 'thumbnails', sha256.slice(0, 2));
    expect(await readdir(kept)).toEqual([`sha256-${sha256}.png`]);
    expect(await readFile(join(kept, `sha256-${sha256}.png`))).toEqual(asked[0]?.body);
    api.source().provider.openErrors.push(coded('unavailable'));
    expect((await api.ask(`/thumbnail/${sha256}`)).status).toBe(200);
    expect((await api.ask(`/thumbnail/${digestOf('md5', await pictureOf(300, 300))}?hash=md5`)).status).toBe(
      200,
    );
    const etag = `"${sha256}-256"`;
    expect((await api.ask(`/thumbnail/${sha256}`, { headers: { 'If-None-Match': etag } })).status).toBe(304);
  });

  it('serves on when nothing can be kept', async () => {
    const sha256 = await api.addFile('a.jpg', { content: await pictureOf(30, 30) });
    await writeFile(join(api.folder, 'thumbnails'), 'in the way');
    expect((await api.ask(`/thumbnail/${sha256}`)).status).toBe(200);
  });

  it('says of what there is none', async () => {
    const video = await api.addFile('movie.mp4');
    expect(await api.problem(`/thumbnail/${video}`)).toMatchObject({
      ...{ status: 404, detail: 'Only images have thumbnails, and this is video/mp4.' },
    });
    const raw = await api.addFile('photo.nef');
    expect((await api.problem(`/thumbnail/${raw}`)).status).toBe(404);
    expect(api.source().provider.openCalls).toBe(0);
  });

  it.each([
    ['no image at all', async () => Buffer.from('not a photo')],
    ['nothing', async () => Buffer.alloc(0)],
    ['a truncated photo', async () => (await noise(400)).subarray(0, 9_000)],
    ['a broken header', async () => (await pictureOf(50, 50, 'png')).fill(0, 20, 40)],
    [
      'a program that draws',
      async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    ],
  ])('says that %s cannot be shown', async (_name, make) => {
    const sha256 = await api.addFile('a.jpg', { content: await make() });
    expect(await api.problem(`/thumbnail/${sha256}`)).toMatchObject({
      ...{ status: 404, code: 'not-found' },
      detail: 'The image is damaged, or of a kind that no thumbnail can be made of here.',
    });
    expect(await readdir(api.folder)).not.toContain('thumbnails');
  });

  it('refuses an image of absurd size before it is decoded', async () => {
    const content = await sharp({
      create: { width: 16_000, height: 16_000, channels: 3, background: '#fff' },
    })
      .png({ compressionLevel: 9 })
      .toBuffer();
    const sha256 = await api.addFile('bomb.png', { content });
    expect((await api.problem(`/thumbnail/${sha256}`)).status).toBe(404);
  });

  it('tells a source that is away from an image that is none', async () => {
    const sha256 = await api.addFile('a.jpg', { content: await pictureOf(30, 30) });
    api.source().provider.openErrors.push(coded('unavailable'));
    expect((await api.problem(`/thumbnail/${sha256}`)).status).toBe(503);
    expect((await api.ask(`/thumbnail/${sha256}`)).status).toBe(200);
  });

  it('ends the work when all who wait for it have left', async () => {
    const sha256 = await api.addFile('a.jpg', { content: await pictureOf(30, 30) });
    api.source().provider.hangs = true;
    const controller = new AbortController();
    const asked = fetch(`http://127.0.0.1:${api.port}/thumbnail/${sha256}`, { signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort();
    await expect(asked).rejects.toThrow();
    api.source().provider.hangs = false;
    expect((await api.ask(`/thumbnail/${sha256}`)).status).toBe(200);
  });
});

describe('keeping house among thumbnails', () => {
  it('removes those of what is gone, and old drafts; nothing else', async () => {
    const api = await ApiUnderTest.start();
    try {
      const [kept, gone] = [
        await api.addFile('a.jpg', { content: await pictureOf(30, 30) }),
        await api.addFile('b.jpg', { content: await pictureOf(31, 31) }),
      ];
      for (const sha256 of [kept, gone]) expect((await api.ask(`/thumbnail/${sha256}`)).status).toBe(200);
      const folder = join(api.folder, 'thumbnails');
      const draft = join(folder, kept.slice(0, 2), `sha256-${kept}.png.6f1c2a90-77be-4000-8000-00000000002a`);
      await writeFile(draft, 'half');
      await writeFile(join(folder, 'note.txt'), 'not ours');
      const { Thumbnails } = await import('../../../src/content/thumbnails.ts');
      const { QUIET_LOGGER } = await import('../../fakes/quiet-logger.ts');
      const thumbnails = new Thumbnails({ folder, logger: QUIET_LOGGER });
      const { signal } = new AbortController();
      const isKnown = async (algorithm: string, digest: string) => algorithm === 'sha256' && digest === kept;
      expect(await thumbnails.removeOrphans(isKnown, signal)).toBe(1);
      const old = new Date(Date.now() - 86_400_000);
      await utimes(draft, old, old);
      expect(await thumbnails.removeOrphans(isKnown, signal)).toBe(1);
      const left = (await readdir(folder, { recursive: true })).filter((name) => name.includes('.'));
      expect(left.sort()).toEqual([`${kept.slice(0, 2)}/sha256-${kept}.png`, 'note.txt'].sort());
    } finally {
      await api.stop();
    }
  });
});

/** A JPEG that compresses badly, so that cutting it takes pixels away. */
async function noise(edge: number): Promise<Buffer> {
  const raw = Buffer.from(
    Array.from({ length: edge * edge * 3 }, (_, at) => (at * 7919 + (at >> 3) * 104_729) & 0xff),
  );
  return await sharp(raw, { raw: { width: edge, height: edge, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();
}
