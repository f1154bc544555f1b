import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { sha1Of } from './disk-listing.ts';
import { ImmichWriteApp } from './immich-write-app.ts';

let on: ImmichWriteApp;

beforeAll(async () => {
  on = await ImmichWriteApp.start();
});
afterAll(() => on.stop());

const photo = (text: string) => makeJpeg(32, 24, [90, 30, 200], text);

describe('PUT into an album', () => {
  it('uploads, shows and tells of a new photo in the same moment', async () => {
    const bytes = photo('new');
    const cursor = await headOfFeed();
    const answer = await on.send('PUT', 'Album 1/new.jpg', { body: bytes, headers: { 'X-OC-Mtime': '1500000000' } });
    expect([answer.status, answer.text]).toEqual([201, '']);
    expect(answer.headers).toMatchObject({ etag: `"${sha1Of(bytes)}"`, 'x-oc-mtime': 'accepted' });
    expect(on.inImmich('Album 1')).toContain('new.jpg');
    expect(on.asset('new.jpg').content.bytes().equals(bytes)).toBe(true);
    expect(on.asset('new.jpg').fileModifiedAt).toBeDefined();
    expect(await on.names('Album 1')).toEqual(['new.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
    expect((await on.get('Album 1/new.jpg')).equals(bytes)).toBe(true);
    expect(await feedNames(cursor)).toContain('new.jpg');
    expect(await on.waitingUploads()).toEqual([]);
    await on.rescan();
    expect(await on.names('Album 1')).toEqual(['new.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
    const head = await on.send('HEAD', 'Album 1/new.jpg');
    expect(head.headers['last-modified']).toBe(new Date(1_500_000_000_000).toUTCString());
  });
});

async function headOfFeed(): Promise<number> {
  const page = await fetch(`${on.app.url}/api/v1/changes?cursor=0&limit=1000`);
  return ((await page.json()) as { cursor: number }).cursor;
}

async function feedNames(cursor: number): Promise<string[]> {
  const page = await fetch(`${on.app.url}/api/v1/changes?cursor=${cursor}&limit=1000`);
  return JSON.stringify(await page.json()).match(/[^"/]+\.jpg/g) ?? [];
}
