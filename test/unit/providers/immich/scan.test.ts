import { afterEach, describe, expect, it } from 'vitest';
import { seedId } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { VERSIONS } from '../../../fakes/immich/versions.ts';
import { makeCall, namesIn, providerOf, scanAll } from './scan-all.ts';

const ALBUM = {
  summer: seedId('album summer'),
  duplicates: seedId('album duplicates'),
  trips: seedId('album trips'),
  same1: seedId('album same1'),
  same2: seedId('album same2'),
  emptyName: seedId('album empty-name'),
  empty: seedId('album empty'),
  dots: seedId('album dots'),
  special: seedId('album special'),
  odd: seedId('album odd'),
  shared: seedId('album shared'),
};

describe.each(VERSIONS)('scan of Immich %s', (version) => {
  let fake: FakeImmich;
  const start = async () => {
    fake = await startFakeImmich({ version });
    return providerOf(fake);
  };
  afterEach(async () => fake.close());

  it('tells every album, owned and shared, with its own name', async () => {
    const told = await scanAll(await start());
    const names = Object.fromEntries(told.collections.map((event) => [event.ref, event.name]));
    expect(names).toEqual({
      [ALBUM.summer]: 'Summer 2024',
      [ALBUM.duplicates]: 'Duplicates',
      [ALBUM.trips]: 'Trips/2022 🏖️ Beach: day?',
      [ALBUM.same1]: 'Same name',
      [ALBUM.same2]: 'Same name',
      [ALBUM.emptyName]: '',
      [ALBUM.empty]: 'Empty album',
      [ALBUM.dots]: '..',
      [ALBUM.special]: 'Special',
      [ALBUM.odd]: 'Odd files',
      [ALBUM.shared]: 'Bobs shared album',
    });
    expect(told.collections).toHaveLength(11);
    for (const event of told.collections) {
      expect(event.parent).toBeNull();
      expect(event.modifiedMs).toBe(Math.floor(fake.library.album(event.ref).updatedAt));
      expect(event.createdMs).toBe(Math.floor(fake.library.album(event.ref).createdAt));
    }
    expect(told.kept).toEqual([]);
    expect(told.warnings).toEqual([]);
  });

  it('tells the assets of one album together, by time and id, whatever happens in what order', async () => {
    const provider = await start();
    fake.faults.add({ match: ALBUM.summer, kind: 'delay', ms: 100 });
    const told = await scanAll(provider);
    const collections = told.order.map((text) => text.split(' ')[1]);
    expect(collections.filter((id, i) => id !== collections[i - 1])).toHaveLength(11);
    expect(namesIn(told, ALBUM.summer)).toEqual([
      'noexif.jpg',
      'IMG_0001.jpg',
      'IMG_0002.jpg',
      'IMG_0003.jpg',
      'IMG_0004.jpg',
      'portrait.jpg',
      'IMG_0005.jpg',
      'IMG_0006.jpg',
      'IMG_0007.jpg',
      'IMG_0008.jpg',
    ]);
    expect((await scanAll(provider)).order).toEqual(told.order);
    const same = told.assets
      .filter((event) => event.collection === ALBUM.same1)
      .map((event) => event.facts.ref.id);
    expect(same).toEqual([...same].sort());
  });

  it('keeps odd file names as they are', async () => {
    const told = await scanAll(await start());
    expect(namesIn(told, ALBUM.duplicates)).toEqual([
      'IMG_1234.jpg',
      'IMG_1234.jpg',
      'img_1234.JPG',
      'IMG_1234.jpg',
    ]);
    expect(namesIn(told, ALBUM.trips).sort()).toEqual(
      ['beach.jpg', 'clip.mp4', 'shot.png', 'strand ü %41 #1.jpg', '写真.jpg'].sort(),
    );
    expect(namesIn(told, ALBUM.odd)).toContain('with/slash\\and:colon?.jpg');
    expect(namesIn(told, ALBUM.odd)).toContain('line\nbreak\tand\u0007bell.jpg');
    expect(namesIn(told, ALBUM.odd)).toContain('cafe\u0301.jpg');
    expect(namesIn(told, ALBUM.odd)).toContain('caf\u00e9.jpg');
    expect(namesIn(told, ALBUM.emptyName)).toEqual([]);
    expect(namesIn(told, ALBUM.empty)).toEqual([]);
  });

  it('tells true sizes, times, types and hashes', async () => {
    const told = await scanAll(await start());
    for (const { facts, name } of told.assets) {
      const asset = fake.library.asset(facts.ref.id);
      expect(facts.ref.path).toBe(name);
      expect(facts.sizeBytes).toBe(asset.content.size);
      expect(facts.modifiedMs).toBe(Math.floor(asset.fileModifiedAt));
      expect(facts.createdMs).toBe(Math.floor(asset.fileCreatedAt));
      expect(facts.version).toMatch(/^[\w.-]+$/);
      const sha1 = asset.content.sha1().toString('hex');
      expect(facts.digests).toEqual(asset.libraryId === null ? { sha1 } : {});
      if (asset.libraryId === null) expect(facts.version).toBe(sha1);
    }
    const byName = new Map(told.assets.map((event) => [event.name, event.facts]));
    expect(byName.get('clip.mp4')).toMatchObject({
      contentType: 'video/mp4',
      kind: 'video',
      durationMs: 4000,
    });
    expect(byName.get('shot.png')).toMatchObject({
      contentType: 'image/png',
      kind: 'image',
      durationMs: null,
    });
    expect(byName.get('beach.jpg')?.taken).toEqual({
      localText: '2022-07-14T23:30:00',
      offsetMinutes: 540,
      instantMs: Date.parse('2022-07-14T14:30:00Z'),
      derivedFrom: 'immich',
    });
    expect(byName.get('portrait.jpg')).toMatchObject({ width: 160, height: 120, orientation: 6 });
    expect(byName.get('IMG_0001.jpg')).toMatchObject({
      latitude: 48.8534,
      longitude: 2.3488,
      camera: 'TestCam X100',
      taken: { localText: '2024-02-11T11:20:30', offsetMinutes: 120 },
    });
    expect(byName.get('noexif.jpg')?.taken?.offsetMinutes).toBeNull();
  });

  it('keeps assets without exif row or size, and asks for those sizes only', async () => {
    const told = await scanAll(await start());
    expect(namesIn(told, ALBUM.odd)).toHaveLength(9);
    expect(namesIn(told, ALBUM.odd)).toContain('no exif row.jpg');
    const heads = fake.requests.filter((request) => request.method === 'HEAD').map((request) => request.path);
    // Once more for one of them where only trying shows whether the key may download.
    expect([...new Set(heads)].sort()).toEqual(
      [seedId('odd/no exif row.jpg'), seedId('odd/size unknown.jpg')]
        .map((id) => `/api/assets/${id}/original`)
        .sort(),
    );
  });

  it('never shows hidden, locked or trashed assets, but archived ones', async () => {
    const told = await scanAll(await start());
    const names = namesIn(told, ALBUM.special);
    expect(names).toContain('archived.jpg');
    expect(names).toContain('IMG_9001.jpg');
    expect(names).toContain('PXL_0001.MP.jpg');
    expect(names).not.toContain('trashed.jpg');
    expect(names).not.toContain('IMG_9001.mov');
    if (version !== '1.118.0') {
      expect(names).toHaveLength(6);
      expect(names).not.toContain('hidden.jpg');
      expect(names).not.toContain('locked.jpg');
    }
  });

  it('tells a shared album with the assets of everybody, and equal facts for one asset in two albums', async () => {
    const told = await scanAll(await start());
    expect(namesIn(told, ALBUM.shared)).toEqual(['bobs.jpg', 'IMG_0001.jpg']);
    const both = told.assets.filter((event) => event.name === 'IMG_0001.jpg');
    expect(both).toHaveLength(2);
    expect(both[0]?.facts).toEqual(both[1]?.facts);
  });

  it('reads only the configured albums, and warns of an id that the server does not have', async () => {
    await start();
    const unknown = '00000000-0000-4000-8000-000000000000';
    const provider = providerOf(fake, { albumIds: [ALBUM.dots, unknown, ALBUM.dots.toUpperCase()] });
    const told = await scanAll(provider);
    expect(told.collections.map((event) => event.name)).toEqual(['..']);
    expect(told.warnings).toEqual([`album id unknown to the server: ${unknown}: ${unknown}`]);
    expect(fake.requests.filter((request) => request.path.includes(ALBUM.summer))).toEqual([]);

    const lost = providerOf(fake, { albumIds: [unknown] });
    await expect(scanAll(lost)).rejects.toMatchObject({
      code: 'invalid',
      message: 'The Immich server has none of the configured albums.',
    });
  });

  it('leaves out what is not accepted, without looking at it', async () => {
    const told = await scanAll(await start(), {
      accepts: (path) => path.endsWith('.mp4'),
      enters: (path) => path !== 'Special',
    });
    expect(told.assets.map((event) => event.name)).toEqual(['clip.mp4']);
    expect(told.collections).toHaveLength(10);
    expect(told.kept).toEqual([]);
    const heads = fake.requests.filter((request) => request.method === 'HEAD');
    expect(heads.filter(({ path }) => !path.includes(seedId('trips/clip.mp4')))).toEqual([]);
  });

  it('describes an asset with the facts that the scan told', async () => {
    const provider = await start();
    const told = await scanAll(provider);
    for (const { facts } of told.assets) {
      expect(await provider.describe(facts.ref, makeCall())).toEqual(facts);
    }
  });

  it('describes what is in the trash, hidden, gone or no id at all as not found', async () => {
    const provider = await start();
    const ids = [seedId('other/trashed.jpg'), seedId('no such asset'), '../albums', ''];
    if (version !== '1.118.0') ids.push(seedId('other/hidden.jpg'), seedId('other/locked.jpg'));
    for (const id of ids) {
      await expect(provider.describe({ id, path: 'x.jpg' }, makeCall())).rejects.toMatchObject({
        code: 'not-found',
      });
    }
  });

  it('sees what changed between two scans', async () => {
    const provider = await start();
    const first = await scanAll(provider);
    const external = first.assets.find((event) => event.name === 'external.jpg')?.facts;
    fake.library.removeFromAlbum(ALBUM.dots, seedId('same/S2.jpg'));
    fake.library.renameAlbum(ALBUM.empty, 'Not so empty');
    fake.library.addToAlbum(ALBUM.empty, seedId('loose/not in any album.jpg'));
    fake.library.updateAsset(seedId('odd/external.jpg'), {
      fileModifiedAt: Date.parse('2025-01-01T00:00:00Z'),
    });
    const second = await scanAll(provider);
    expect(namesIn(second, ALBUM.dots)).toEqual([]);
    expect(namesIn(second, ALBUM.empty)).toEqual(['not in any album.jpg']);
    expect(second.collections.find((event) => event.ref === ALBUM.empty)?.name).toBe('Not so empty');
    const changed = second.assets.find((event) => event.name === 'external.jpg')?.facts;
    expect(changed?.version).not.toBe(external?.version);
    expect(changed?.version).toMatch(/^[\w.-]+$/);
  });
});

it('asks for the version at each scan and follows an upgrade of the running server', async () => {
  const fake = await startFakeImmich({ version: '2.7.5' });
  const provider = providerOf(fake);
  const before = await scanAll(provider);
  fake.setVersion('3.1.0');
  const after = await scanAll(provider);
  expect(after.order.toSorted()).toEqual(before.order.toSorted());
  expect(fake.requests.some((request) => request.path === '/api/search/metadata')).toBe(true);
  expect(after.assets).toEqual(before.assets);
  await fake.close();
});

it('keeps every album when the server is upgraded in the middle of a scan', async () => {
  const fake = await startFakeImmich({ version: '2.7.5' });
  const provider = providerOf(fake);
  fake.faults.add({
    match: (request) => {
      if (request.url?.includes('shared=true')) setTimeout(() => fake.setVersion('3.1.0'));
      return false;
    },
    kind: 'reset',
  });
  fake.faults.add({ match: /albums\/[0-9a-f-]{36}/, kind: 'delay', ms: 20 });
  const albumIds = [ALBUM.summer, ALBUM.dots];
  const told = await scanAll(providerOf(fake, { albumIds }));
  expect(told.collections.map((event) => event.ref).sort()).toEqual([...albumIds].sort());
  expect(told.assets).toEqual([]);
  expect(told.kept.map((event) => event.collection).sort()).toEqual([...albumIds].sort());
  expect((await scanAll(provider)).kept).toEqual([]);
  await fake.close();
});
