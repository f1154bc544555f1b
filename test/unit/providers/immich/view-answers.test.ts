import { describe, expect, it } from 'vitest';
import type { Ask } from '../../../../providers/immich/eras/era.ts';
import { chooseLibraryEra } from '../../../../providers/immich/eras/library-era.ts';
import { parseServerVersion } from '../../../../providers/immich/server-version.ts';
import { LibrarySearch } from '../../../../providers/immich/views/library-search.ts';
import { lookAtLibrary, readOwnId } from '../../../../providers/immich/views/library-state.ts';
import { readMemories, readPeople, readTags } from '../../../../providers/immich/views/list-answers.ts';
import { memoryName } from '../../../../providers/immich/views/list-views.ts';
import { Recordings } from '../../../fakes/immich/recording.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';

/** Answers each path with one body; searches find nothing. */
function answering(bodies: Readonly<Record<string, unknown>>): Ask {
  return {
    json: async ({ path }) => bodies[path.split('?')[0] ?? ''],
    items: async () => new Map([['$.assets.nextPage', null]]),
  };
}

describe('lists behind views', () => {
  it('leave out people without a name, and those who are hidden', async () => {
    const people = [
      { id: '1', name: 'Ann', updatedAt: 'then' },
      { id: '2', name: ' ' },
      { id: '3', name: 'Eve', isHidden: true },
    ];
    const ask = answering({ '/people': { people, hasNextPage: false } });
    expect(await readPeople(ask)).toEqual([{ id: '1', name: 'Ann', updatedAt: 'then' }]);
  });

  it('do not go on for ever', async () => {
    const ask = answering({ '/people': { people: [], hasNextPage: true } });
    await expect(readPeople(ask)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each([
    [
      { total: 2, hidden: 0 },
      { total: 1, hidden: 0 },
    ],
    [
      { total: 2, hidden: 0 },
      { total: 2, hidden: 1 },
    ],
  ])('of people whose counts change from page to page are not taken for whole', async (first, second) => {
    const pages = [
      { people: [{ id: '1', name: 'Ann' }], hasNextPage: true, ...first },
      { people: [], hasNextPage: false, ...second },
    ];
    const ask: Ask = { ...answering({}), json: async () => pages.shift() };
    await expect(readPeople(ask)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('leave out memories that are to be shown later', async () => {
    const memory = { id: '1', memoryAt: '2026-07-14T00:00:00.000Z', data: { year: 2022 }, assets: [] };
    const later = { ...memory, id: '2', showAt: '2026-07-20T00:00:00.000Z' };
    const found = await readMemories(answering({ '/memories': [memory, later] }), Date.parse('2026-07-15'));
    expect(found.map(memoryName)).toEqual(['2026-07-14 4 years ago']);
  });

  it.each([
    [1, '2026-07-14 1 year ago'],
    [0, '2026-07-14'],
    [null, '2026-07-14'],
  ])('call a memory of %s years by its day', (yearsAgo, name) => {
    expect(memoryName({ day: '2026-07-14', yearsAgo })).toBe(name);
  });

  it.each([
    ['people', () => readPeople(answering({ '/people': {} }))],
    ['tags', () => readTags(answering({ '/tags': { tags: [] } }))],
    ['memories', () => readMemories(answering({ '/memories': [{ id: '1' }] }), 0)],
  ])('of %s in another form are not taken for empty', async (_name, read) => {
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

const folder = process.env.MEDIADAV_RECORDINGS;

describe.skipIf(folder === undefined)('lists that real servers answered', () => {
  it.each(VERSIONS)('%s', async (version: Version) => {
    const recordings = new Recordings(folder ?? '');
    const body = (name: string) => {
      const file = recordings.files(version).find((each) => each.includes(name));
      return recordings.read(version, file ?? name).response.body;
    };
    const ask = answering({
      '/people': body('-people.json'),
      '/tags': body('-tags.json'),
      '/memories': body('-memories.json'),
      '/timeline/buckets': body('timeline-buckets-all'),
      '/timeline/bucket': body('timeline-bucket-album'),
    });
    const [major, minor, patch] = version.split('.').map(Number);
    const era = chooseLibraryEra(
      parseServerVersion({ major, minor, patch }) ?? { major: 0, minor: 0, patch: 0 },
    );
    const look = await lookAtLibrary(ask, era, new LibrarySearch(ask, era), null);
    expect(look.months).toHaveLength(16);
    const users = Object.values(recordings.media().users).map(({ ids }) => ids[version]);
    expect(users).toContain(await readOwnId(ask, era, look.months));
    const tags = await readTags(ask);
    expect(tags.map(({ name }) => name)).toEqual(['keeper', 'trip', 'japan']);
    expect(tags[2]?.parentId).toBe(tags[1]?.id);
    if (!era.tellsMemories) return;
    expect((await readPeople(ask)).map(({ name }) => name)).toEqual(['Alice Recorder']);
    expect((await readMemories(ask, Date.now())).map(memoryName)).toEqual(['2022-07-14']);
  });
});
