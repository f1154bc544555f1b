import { describe, expect, it } from 'vitest';
import { VIEW_NAMES, type ViewName } from '../../../../providers/immich/views/view-names.ts';
import type { SourceIngest } from '../../../../src/ingest/source-ingest.ts';
import { MINIMAL_PERMISSIONS, SEED_KEYS, seedId } from '../../../fakes/immich/seed.ts';
import { ADMIN, BEACH, ViewsUnderTest } from './views-under-test.ts';

const under = new ViewsUnderTest();

describe('a view', () => {
  it.each([
    ['people', 'person.read'],
    ['tags', 'tag.read'],
    ['memories', 'memory.read'],
  ] as const)('%s is not shown to a key without %s, and says so once', async (name, permission) => {
    await under.startFake('3.1.0');
    const all = ['person.read', 'tag.read', 'memory.read', ...MINIMAL_PERMISSIONS];
    const permissions = all.filter((each) => each !== permission);
    under.fake.library.addKey({ user: ADMIN, key: 'some-key', permissions });
    const ingest = under.startMediadav({ views: VIEW_NAMES, apiKey: 'some-key' });
    await ingest.scan();
    expect(await under.tops()).toEqual([...VIEW_NAMES].filter((each) => each !== name).sort());
    const { lastError, notes } = await ingest.status();
    expect(lastError).toBeNull();
    expect(notes).toEqual([expect.stringContaining(`lacks the permission "${permission}"`)]);
    await ingest.scan();
    expect((await ingest.status()).notes).toEqual(notes);
  });

  it.each([
    ['people', 'person.read'],
    ['tags', 'tag.read'],
    ['memories', 'memory.read'],
  ] as const)(
    '%s stays as it was when the key loses %s, and follows when it is back',
    async (name, permission) => {
      const views = ['albums', 'favorites', name] as const;
      const ingest = await under.start('3.1.0', { views });
      const grant = (permissions: readonly string[]) => {
        under.fake.library.removeKey(SEED_KEYS.admin);
        under.fake.library.addKey({ user: ADMIN, key: SEED_KEYS.admin, permissions });
      };
      const expectKept = async (server: SourceIngest) => {
        const { lastError, notes } = await server.status();
        expect(lastError).toBeNull();
        expect(notes).toEqual([expect.stringContaining(`lacks the permission "${permission}"`)]);
        expect(notes[0]).toContain(`the folder "${name}" stays as it was`);
      };
      const before = await under.tree();
      const headSeq = await under.catalog.reader.headSeq();
      grant(MINIMAL_PERMISSIONS);
      await ingest.scan();
      await expectKept(ingest);
      expect(await under.tree()).toEqual(before);
      // Nobody who follows the changes is told of anything.
      expect(await under.catalog.reader.headSeq()).toBe(headSeq);

      under.fake.library.updateAsset(BEACH, { isFavorite: true });
      await ingest.scan();
      expect(await under.tree('favorites/')).toContain('favorites/beach.jpg');
      // Neither a restart nor other settings are a word that it is gone.
      const restarted = under.startMediadav({ views, settingsVersion: 'b' });
      await restarted.scan();
      await expectKept(restarted);
      const own = before.filter((path) => path.startsWith(`${name}/`));
      expect(await under.tree(`${name}/`)).toEqual(own);

      grant([permission, ...MINIMAL_PERMISSIONS]);
      await restarted.scan();
      expect(await restarted.status()).toMatchObject({ lastError: null, warnings: [], notes: [] });
      expect(await under.tree(`${name}/`)).toEqual(own);
      under.fake.library.trash(BEACH);
      // A folder that is suddenly empty is believed the second time.
      for (let times = 0; times < 2; times += 1) await restarted.scan();
      const after = await under.tree(`${name}/`);
      expect(after.filter((path) => path.endsWith('/beach.jpg'))).toEqual([]);
    },
  );

  it('that was never read to its end stays as well when its permission is gone', async () => {
    await under.startFake('3.1.0');
    under.fake.faults.add({ match: '/api/search/metadata', kind: 'status', status: 500 });
    const ingest = under.startMediadav({ views: ['memories', 'people'] });
    await ingest.scan();
    expect(await under.tops()).toEqual(['memories', 'people']);
    under.fake.faults.clear();
    under.fake.library.removeKey(SEED_KEYS.admin);
    const permissions = ['memory.read', ...MINIMAL_PERMISSIONS];
    under.fake.library.addKey({ user: ADMIN, key: SEED_KEYS.admin, permissions });
    await ingest.scan();
    expect((await ingest.status()).lastError).toBeNull();
    expect(await under.tops()).toEqual(['memories', 'people']);
  });

  it('goes with the settings, though the permission of another one or of its own is gone', async () => {
    await under.start('3.1.0', { views: ['albums', 'favorites', 'people', 'tags'] });
    under.fake.library.removeKey(SEED_KEYS.admin);
    const permissions = ['tag.read', ...MINIMAL_PERMISSIONS];
    under.fake.library.addKey({ user: ADMIN, key: SEED_KEYS.admin, permissions });
    const tops = async (...views: readonly ViewName[]) => {
      await under.startMediadav({ views, settingsVersion: views.join() }).scan();
      return await under.tops();
    };
    expect(await tops('albums', 'favorites', 'people')).toEqual(['albums', 'favorites', 'people']);
    expect(await tops('albums', 'favorites')).toEqual(['albums', 'favorites']);
  });

  it('whose permission is gone goes when somebody says that what is not there is gone', async () => {
    await under.start('3.1.0', { views: ['albums', 'people'] });
    under.fake.library.removeKey(SEED_KEYS.admin);
    under.fake.library.addKey({ user: ADMIN, key: SEED_KEYS.admin, permissions: MINIMAL_PERMISSIONS });
    const told = under.startMediadav({ views: ['albums', 'people'], acceptsEmpty: true });
    await told.scan();
    expect(await under.tops()).toEqual(['albums']);
    expect((await told.status()).notes).toEqual([expect.stringContaining('there is no folder "people"')]);
  });

  it('that cannot be read keeps what it had, while the others follow the server', async () => {
    const ingest = await under.start('2.7.5', { views: VIEW_NAMES });
    const before = await under.tree('people/');
    under.fake.faults.add({ match: '/api/people', kind: 'status', status: 500 });
    under.fake.library.updateAsset(BEACH, { isFavorite: true });
    await ingest.scan();
    const { lastError, warnings } = await ingest.status();
    expect(lastError).toBeNull();
    expect(warnings).toMatchObject([{ example: 'people' }]);
    expect(await under.tree('people/')).toEqual(before);
    expect(await under.tree('favorites/')).toEqual(['favorites/IMG_0003.jpg', 'favorites/beach.jpg']);
    under.fake.faults.clear();
    await ingest.scan();
    expect((await ingest.status()).warnings).toEqual([]);
  });

  it('of the library that does not come out with the count of Immich keeps what it had', async () => {
    const ingest = await under.start('3.1.0', { views: ['albums', 'timeline', 'places'] });
    const before = [...(await under.tree('timeline/')), ...(await under.tree('places/'))];
    const empty =
      '{"albums":{"total":0,"items":[]},"assets":{"total":0,"count":0,"items":[],"nextPage":null}}';
    under.fake.faults.add({ match: '/api/search/metadata', kind: 'status', status: 200, body: empty });
    under.fake.library.trash(BEACH);
    await ingest.scan();
    expect((await ingest.status()).warnings).toContainEqual(
      expect.objectContaining({
        reason: 'the changes of a timeline that does not come with as many photos as Immich counts',
      }),
    );
    expect([...(await under.tree('timeline/')), ...(await under.tree('places/'))]).toEqual(before);
    under.fake.faults.clear();
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect(await under.tree('timeline/2022/2022-07/')).not.toContain('timeline/2022/2022-07/beach.jpg');
  });

  it('that is not to be shown is not shown either when the library cannot be read', async () => {
    await under.startFake('3.1.0');
    under.fake.library.addKey({ user: ADMIN, key: 'few', permissions: MINIMAL_PERMISSIONS });
    under.fake.faults.add({ match: '/api/timeline', kind: 'status', status: 500 });
    const ingest = under.startMediadav({ views: ['albums', 'people', 'timeline'], apiKey: 'few' });
    await ingest.scan();
    expect((await ingest.status()).warnings).toMatchObject([{ example: 'timeline' }]);
    expect(await under.tops()).toEqual(['albums', 'timeline']);
  });

  it('stays when the key is taken back', async () => {
    const ingest = await under.start('3.1.0', { views: VIEW_NAMES });
    const before = await under.tree();
    under.fake.library.removeKey(SEED_KEYS.admin);
    await ingest.scan();
    expect((await ingest.status()).lastError?.code).toBe('denied');
    expect(await under.tree()).toEqual(before);
  });

  it('of albums that are suddenly none keeps them, though other views still have something', async () => {
    const ingest = await under.start('3.1.0', { views: ['albums', 'favorites'] });
    const before = await under.tree();
    under.fake.faults.add({ match: /GET \/api\/albums$/, kind: 'status', status: 200, body: '[]' });
    under.fake.library.updateAsset(BEACH, {});
    await ingest.scan();
    expect((await ingest.status()).warnings).toMatchObject([
      { reason: 'an answer that is suddenly empty', example: 'albums' },
    ]);
    expect(await under.tree()).toEqual(before);
  });

  it('of albums keeps them when they are suddenly none after another view could not be read', async () => {
    const ingest = await under.start('2.7.5', { views: ['albums', 'memories'] });
    const before = await under.tree();
    under.fake.faults.add({ match: '/api/memories', kind: 'status', status: 500 });
    under.fake.library.updateAsset(BEACH, {});
    await ingest.scan();
    under.fake.faults.clear();
    under.fake.faults.add({ match: /GET \/api\/albums/, kind: 'status', status: 200, body: '[]' });
    await ingest.scan();
    expect((await ingest.status()).warnings).toMatchObject([
      { reason: 'an answer that is suddenly empty', example: 'albums' },
    ]);
    expect(await under.tree()).toEqual(before);
    await ingest.scan();
    expect(await under.tree('albums/')).toEqual(['albums/']);
  });

  const NOTHING_FOUND =
    '{"albums":{"total":0,"items":[]},"assets":{"total":0,"count":0,"items":[],"nextPage":null}}';

  it.each([
    ['timeline', '3.1.0', '/api/timeline/buckets', '[]'],
    ['timeline', '1.118.0', '/api/timeline/buckets', '[]'],
    ['timeline', '1.118.0', '/api/search/metadata', NOTHING_FOUND],
    ['places', '1.118.0', '/api/search/metadata', NOTHING_FOUND],
    ['favorites', '3.1.0', '/api/search/metadata', NOTHING_FOUND],
    ['people', '3.1.0', '/api/search/metadata', NOTHING_FOUND],
    ['tags', '3.1.0', '/api/search/metadata', NOTHING_FOUND],
    ['people', '3.1.0', '/api/people', '{"people":[],"total":0,"hidden":0,"hasNextPage":false}'],
    ['tags', '3.1.0', '/api/tags', '[]'],
    ['memories', '3.1.0', '/api/memories', '[]'],
  ] as const)(
    '%s of Immich %s, where %s is suddenly empty, keeps what it had until that is said twice',
    async (name, version, match, body) => {
      // Another view that the answer has no part in: beside it the source as a whole is not empty.
      const other = version === '3.1.0' && body === NOTHING_FOUND ? 'memories' : 'albums';
      const ingest = await under.start(version, { views: [other, name] });
      const before = await under.tree();
      const answer = { match, kind: 'status', status: 200, body } as const;
      // Everything has moved, or nothing would be read.
      const move = () => {
        for (const asset of under.fake.library.assets.values()) under.fake.library.updateAsset(asset, {});
      };
      // An outage between two readings does not make the first empty answer believed.
      move();
      under.fake.faults.add({ match, kind: 'status', status: 500 });
      await ingest.scan();
      expect(await under.tree()).toEqual(before);
      under.fake.faults.clear();

      under.fake.faults.add(answer);
      await ingest.scan();
      expect((await ingest.status()).warnings).toContainEqual(
        expect.objectContaining({ reason: 'an answer that is suddenly empty' }),
      );
      expect(await under.tree()).toEqual(before);

      await ingest.scan();
      expect((await ingest.status()).warnings).toEqual([]);
      const files = (await under.tree(`${name}/`)).filter((path) => !path.endsWith('/'));
      expect(files).toEqual([]);
      expect(await under.tree(`${other}/`)).toEqual(before.filter((path) => path.startsWith(`${other}/`)));

      under.fake.faults.clear();
      move();
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await under.tree()).toEqual(before);
    },
  );

  it.each([
    ['people', '/api/people'],
    ['tags', '/api/tags'],
  ] as const)(
    '%s whose list could not be read does not believe the first empty answer after that',
    async (name, list) => {
      const ingest = await under.start('3.1.0', { views: ['memories', name] });
      const before = await under.tree();
      const move = () => {
        for (const asset of under.fake.library.assets.values()) under.fake.library.updateAsset(asset, {});
      };
      move();
      under.fake.faults.add({ match: list, kind: 'status', status: 500 });
      await ingest.scan();
      expect(await under.tree()).toEqual(before);
      under.fake.faults.clear();
      const match = '/api/search/metadata';
      under.fake.faults.add({ match, kind: 'status', status: 200, body: NOTHING_FOUND });
      await ingest.scan();
      expect((await ingest.status()).warnings).toContainEqual(
        expect.objectContaining({ reason: 'an answer that is suddenly empty' }),
      );
      expect(await under.tree()).toEqual(before);
      await ingest.scan();
      const files = (await under.tree(`${name}/`)).filter((path) => !path.endsWith('/'));
      expect(files).toEqual([]);
    },
  );

  it('that is suddenly empty is doubted by another version of mediadav, too', async () => {
    await under.start('3.1.0', { views: ['memories', 'favorites'] });
    const before = await under.tree();
    const match = '/api/search/metadata';
    under.fake.faults.add({ match, kind: 'status', status: 200, body: NOTHING_FOUND });
    const updated = under.startMediadav({ views: ['memories', 'favorites'], settingsVersion: 'b' });
    await updated.scan();
    expect((await updated.status()).warnings).toContainEqual(
      expect.objectContaining({ reason: 'an answer that is suddenly empty' }),
    );
    expect(await under.tree()).toEqual(before);
    await updated.scan();
    expect(await under.tree('favorites/')).toEqual(['favorites/']);
  });

  it.each([
    [['folders', 'flat'], 'favorites'],
    [['folders', 'date'], 'people'],
    [['flat'], 'favorites'],
    [['date'], 'people'],
  ] as const)(
    'in the layouts %s, %s, is doubted when it is suddenly empty, like anywhere',
    async (layouts, name) => {
      const ingest = await under.start('3.1.0', { views: ['memories', name], layouts });
      const before = await under.tree();
      const empty = {
        match: '/api/search/metadata',
        kind: 'status',
        status: 200,
        body: NOTHING_FOUND,
      } as const;
      const move = () => under.fake.library.updateAsset(BEACH, {});
      // An outage between two readings does not make the first empty answer believed.
      move();
      under.fake.faults.add({ ...empty, status: 500 });
      await ingest.scan();
      expect(await under.tree()).toEqual(before);
      under.fake.faults.clear();

      move();
      under.fake.faults.add(empty);
      await ingest.scan();
      expect((await ingest.status()).warnings).toContainEqual(
        expect.objectContaining({ reason: 'an answer that is suddenly empty' }),
      );
      expect(await under.tree()).toEqual(before);

      await ingest.scan();
      expect((await ingest.status()).warnings).toEqual([]);
      expect((await under.tree()).length).toBeLessThan(before.length);

      under.fake.faults.clear();
      move();
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await under.tree()).toEqual(before);
    },
  );

  it.each([
    ['people', '/api/people', '{"data":[{"uuid":"1"}],"cursor":null}'],
    ['tags', '/api/tags', '{"tags":[]}'],
    ['memories', '/api/memories', '{"memories":[]}'],
    ['favorites', '/api/search/metadata', '{"results":[],"nextCursor":null}'],
    ['timeline', '/api/timeline/buckets', '{"buckets":[]}'],
  ] as const)(
    '%s of a version that answers %s in another form keeps what it had, and follows when that is known',
    async (name, match, body) => {
      const ingest = await under.start('3.1.0', { views: ['albums', name] });
      const before = await under.tree();
      const version = { match: '/server/version', kind: 'status', status: 200 } as const;
      under.fake.faults.add({ ...version, body: '{"major":4,"minor":2,"patch":0}' });
      under.fake.faults.add({ match, kind: 'status', status: 200, body });
      under.fake.library.trash(BEACH);
      // However often it is asked: only the albums, which are asked for as before, may follow.
      for (let times = 0; times < 3; times += 1) {
        await ingest.scan();
        const { lastError, warnings, notes } = await ingest.status();
        expect(lastError).toBeNull();
        expect(warnings.map(({ example }) => example)).toContain(name);
        for (const { reason } of warnings) expect(reason).toContain('in a form that mediadav does not know');
        expect(notes).toEqual([expect.stringContaining('4.2.0 is newer')]);
        expect(await under.tree(`${name}/`)).toEqual(before.filter((path) => path.startsWith(`${name}/`)));
      }
      under.fake.faults.clear();
      under.fake.library.restore(BEACH);
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await under.tree()).toEqual(before);
    },
  );

  it('of favorites is empty at the second reading after the last one is none any more', async () => {
    const ingest = await under.start('3.1.0', { views: ['albums', 'favorites'] });
    under.fake.library.updateAsset(seedId('summer/IMG_0003.jpg'), { isFavorite: false });
    await ingest.scan();
    expect(await under.tree('favorites/')).toEqual(['favorites/IMG_0003.jpg']);
    await ingest.scan();
    expect(await under.tree('favorites/')).toEqual(['favorites/']);
    under.fake.library.updateAsset(BEACH, {});
    await ingest.scan();
    expect((await ingest.status()).warnings).toEqual([]);
  });

  it('of a server that is upgraded keeps its nodes', async () => {
    const ingest = await under.start('2.7.5', { views: VIEW_NAMES });
    const before = await under.tree();
    const seq = await under.catalog.reader.headSeq();
    under.fake.setVersion('3.1.0');
    under.fake.library.updateAsset(BEACH, {});
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect(await under.tree()).toEqual(before);
    const page = await under.catalog.reader.changes(seq, 1000);
    expect(page.changes.filter((change) => change.kind === 'removed')).toEqual([]);
  });

  it.each(['favorites', 'people', 'tags', 'memories', 'places'] as const)(
    'alone, %s, keeps what it had when it cannot be read, and follows the server later',
    async (name) => {
      const ingest = await under.start('3.1.0', { views: [name] });
      const before = await under.tree();
      expect(before.length).toBeGreaterThan(0);
      under.fake.faults.add({
        match: /api.(search|people|tags|memories|assets)/,
        kind: 'status',
        status: 500,
      });
      under.fake.library.updateAsset(BEACH, { isFavorite: true });
      await ingest.scan();
      expect(await under.tree()).toEqual(before);
      under.fake.faults.clear();
      under.fake.library.trash(BEACH);
      await ingest.scan();
      // Of what it was the only photo, that is empty now: once more.
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect((await under.tree()).join()).not.toContain('beach');
    },
  );
});
