import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { ImmichProviderSettings } from '../../../../providers/immich/provider.ts';
import type { AssetFacts } from '../../../../src/model/asset.ts';
import type { Held, Provider } from '../../../../src/provider/provider.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';
import { TINY_JPEG } from '../../../fakes/immich/made-media.ts';
import { SEED_KEYS, seedId } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';
import { makeCall, namesIn, providerOf, scanAll, type Told } from './scan-all.ts';

const SPECIAL = seedId('album special');
const SUMMER = seedId('album summer');
const PHOTO = seedId('summer/IMG_0005.jpg');
const LIVE_PART = seedId('live/IMG_9001.mov');

let fake: FakeImmich;
afterEach(async () => fake.close());

async function start(version: Version, settings: Partial<ImmichProviderSettings> = {}): Promise<Provider> {
  fake = await startFakeImmich({ version });
  return providerOf(fake, { apiKey: SEED_KEYS.admin, ...settings });
}

function factsIn(told: Told, collection: string, name: string): AssetFacts {
  const event = told.assets.find((each) => each.collection === collection && each.name === name);
  if (event === undefined) throw new Error(`${name} is not shown`);
  return event.facts;
}

/** What a catalog holds after a scan. */
function holding(told: Told): Held {
  const byId = new Map(told.assets.map(({ facts }) => [facts.ref.id, facts]));
  return { ...NOTHING_HELD, factsOf: async (id) => byId.get(id) ?? null };
}

async function bytesOf(provider: Provider, facts: AssetFacts): Promise<Buffer> {
  const { version, sizeBytes } = facts;
  return await buffer(await provider.open(facts.ref, { version, sizeBytes }, makeCall()));
}

function asked(pattern: RegExp): number {
  return fake.requests.filter(({ method, path }) => pattern.test(`${method} ${path}`)).length;
}

describe.each(VERSIONS)('Immich %s', (version) => {
  it('shows neither parts of live photos nor what is locked or in the trash; archived photos by default', async () => {
    const shown = namesIn(await scanAll(await start(version)), SPECIAL);
    expect(shown).toContain('IMG_9001.jpg');
    expect(shown).toContain('archived.jpg');
    expect(shown).not.toContain('IMG_9001.mov');
    expect(shown).not.toContain('trashed.jpg');
    // 1.118 knows neither hidden nor locked photos: there they are ordinary ones.
    if (version === '1.118.0') return;
    expect(shown.filter((name) => /hidden|locked/.test(name))).toEqual([]);
  });

  it('leaves archived photos out when told to, and counts them all the same', async () => {
    const told = await scanAll(await start(version, { showsArchived: false }));
    expect(namesIn(told, SPECIAL)).not.toContain('archived.jpg');
    expect(namesIn(told, SPECIAL)).toContain('IMG_9001.jpg');
    expect(told.kept).toEqual([]);
    expect(told.warnings).toEqual([]);
  });

  it('shows the video of a live photo beside it when told to, and asks for it once', async () => {
    const provider = await start(version, { showsLiveVideos: true });
    const told = await scanAll(provider);
    const facts = factsIn(told, SPECIAL, 'IMG_9001.mov');
    expect(facts).toMatchObject({ kind: 'video', ref: { id: LIVE_PART, path: 'IMG_9001.mov' } });
    expect(factsIn(told, SPECIAL, 'IMG_9001.jpg').livePhotoId).toBe(LIVE_PART);
    expect(facts.livePhotoId).toBe(LIVE_PART);
    expect(await bytesOf(provider, facts)).toEqual(fake.library.asset(LIVE_PART).content.bytes());
    expect(await provider.describe(facts.ref, makeCall())).toEqual(facts);
    expect(told.kept).toEqual([]);
    fake.requests.length = 0;
    expect((await scanAll(provider, { held: holding(told) })).assets).toEqual(told.assets);
    expect(asked(/GET \/api\/assets\//)).toBe(0);
    // What was held by an older mediadav did not have it.
    const older = told.assets.map((event) => ({ ...event, facts: { ...event.facts, livePhotoId: null } }));
    expect((await scanAll(provider, { held: holding({ ...told, assets: older }) })).assets).toEqual(
      told.assets,
    );
  });

  it('shows the first of a stack only when told to', async () => {
    const all = namesIn(await scanAll(await start(version)), SPECIAL).filter((name) => /BURST/.test(name));
    expect(all).toHaveLength(3);
    const told = await scanAll(providerOf(fake, { apiKey: SEED_KEYS.admin, collapsesStacks: true }));
    const [stack] = fake.library.stacks.values();
    const primary = fake.library.asset(stack?.primaryAssetId ?? '').originalFileName;
    expect(namesIn(told, SPECIAL).filter((name) => /BURST/.test(name))).toEqual([primary]);
    expect(told.kept).toEqual([]);
    expect(told.notes).toEqual([]);
  });

  it('lists a photo whose file is away, and says that it cannot be had now', async () => {
    const provider = await start(version);
    fake.library.updateAsset(PHOTO, { isOffline: true });
    const facts = factsIn(await scanAll(provider), SUMMER, 'IMG_0005.jpg');
    await expect(bytesOf(provider, facts)).rejects.toMatchObject({ code: 'unavailable' });
    fake.library.updateAsset(PHOTO, { isOffline: false });
    expect((await bytesOf(provider, facts)).length).toBe(facts.sizeBytes);
  });

  it('asks for a size that is not told by one HEAD, and not again while the photo is the same', async () => {
    const provider = await start(version);
    fake.library.updateExif(PHOTO, { fileSizeInByte: null });
    const told = await scanAll(provider, { held: NOTHING_HELD });
    const facts = factsIn(told, SUMMER, 'IMG_0005.jpg');
    expect(facts.sizeBytes).toBe(fake.library.asset(PHOTO).content.size);
    // Where the server does not tell what a key may do, one file is tried first: this one.
    expect(asked(new RegExp(`HEAD .*${PHOTO}`))).toBe(version === '1.118.0' ? 2 : 1);
    fake.requests.length = 0;
    expect((await scanAll(provider, { held: holding(told) })).assets).toEqual(told.assets);
    expect(asked(/HEAD /)).toBe(version === '1.118.0' ? 1 : 0);
  });

  it('shows previews as JPEG files under names that say so; videos stay what they are', async () => {
    const provider = await start(version, { rendition: 'preview' });
    const told = await scanAll(provider);
    const png = factsIn(told, seedId('album trips'), 'shot.jpg');
    expect(png).toMatchObject({ contentType: 'image/jpeg', sizeBytes: TINY_JPEG.length, digests: {} });
    expect(await bytesOf(provider, png)).toEqual(Buffer.from(TINY_JPEG));
    expect(await provider.describe(png.ref, makeCall())).toEqual(png);
    const video = factsIn(told, seedId('album trips'), 'clip.mp4');
    expect(video.contentType).toBe('video/mp4');
    expect((await bytesOf(provider, video)).length).toBe(video.sizeBytes);
    fake.requests.length = 0;
    await scanAll(provider, { held: holding(told) });
    expect(asked(/HEAD .*thumbnail/)).toBe(0);
  });

  it('shows the edited photo where there is one, and its original otherwise', async () => {
    const provider = await start(version, { rendition: 'edited' });
    const edited = Buffer.concat([Buffer.from(TINY_JPEG), Buffer.from('edited')]);
    fake.library.editAsset(PHOTO, edited, { width: 80, height: 60 });
    const facts = factsIn(await scanAll(provider), SUMMER, 'IMG_0005.jpg');
    const original = fake.library.asset(PHOTO).content.bytes();
    const isKnown = version === '2.7.5' || version === '3.1.0';
    expect(await bytesOf(provider, facts)).toEqual(isKnown ? edited : original);
    if (isKnown)
      expect(facts).toMatchObject({ width: 80, height: 60, sizeBytes: edited.length, digests: {} });
    const plain = await scanAll(providerOf(fake, { apiKey: SEED_KEYS.admin }));
    expect(await bytesOf(provider, factsIn(plain, SUMMER, 'IMG_0005.jpg'))).toEqual(original);
  });

  it('never takes the checksum of an external library for one of the content', async () => {
    const told = await scanAll(await start(version));
    const external = told.assets.filter(({ facts }) => fake.library.asset(facts.ref.id).libraryId !== null);
    expect(external.length).toBeGreaterThan(0);
    for (const { facts } of external) expect(facts.digests).toEqual({});
  });
});

describe('the check of the key', () => {
  it('names all that is missing at once, and what each is for', async () => {
    await start('3.1.0');
    fake.library.addKey({ user: seedId('admin'), key: 'poor', permissions: ['asset.read'] });
    const scan = scanAll(providerOf(fake, { apiKey: 'poor', rendition: 'preview' }));
    await expect(scan).rejects.toMatchObject({
      code: 'denied',
      message:
        'The Immich API key lacks permissions: "album.read", which is needed to list albums; ' +
        '"asset.download", which is needed to read photos and videos; ' +
        '"asset.view", which is needed to show previews (IMMICH_RENDITION).',
    });
  });

  it('says which part of what is shown is switched off', async () => {
    await start('2.7.5');
    const told = await scanAll(providerOf(fake, { collapsesStacks: true }));
    expect(told.notes).toEqual([
      'The Immich API key lacks the permission "stack.read", which is needed to show one photo of a stack ' +
        '(IMMICH_STACKS). Until then all photos of a stack are shown.',
    ]);
    expect(namesIn(told, SPECIAL).filter((name) => /BURST/.test(name))).toHaveLength(3);
    expect(told.kept).toEqual([]);
  });

  it.each([
    ['4.0.1', /Immich 4\.0\.1 is newer .* read like the newest/],
    ['1.90.2', /Immich 1\.90\.2 is older .* read like the oldest/],
  ])('says so when %s was never tried', async (text, note) => {
    await start(text === '4.0.1' ? '3.1.0' : '1.118.0');
    const [major, minor, patch] = text.split('.').map(Number);
    const body = JSON.stringify({ major, minor, patch });
    fake.faults.add({ match: '/server/version', kind: 'status', status: 200, body });
    const told = await scanAll(providerOf(fake));
    expect(told.notes).toEqual([expect.stringMatching(note)]);
    expect(told.collections).toHaveLength(11);
  });
});
