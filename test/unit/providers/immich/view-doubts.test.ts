import { describe, expect, it, vi } from 'vitest';
import { DEFAULT_LIMITS } from '../../../../providers/immich/limits.ts';
import { VIEW_NAMES } from '../../../../providers/immich/views/view-names.ts';
import type { SourceIngest } from '../../../../src/ingest/source-ingest.ts';
import { ViewsUnderTest } from './views-under-test.ts';

const under = new ViewsUnderTest();

const SEARCH = '/api/search/metadata';
const NOTHING_FOUND =
  '{"albums":{"total":0,"items":[]},"assets":{"total":0,"count":0,"items":[],"nextPage":null}}';
const NOBODY = '{"people":[],"total":0,"hidden":0,"hasNextPage":false}';
const ALBUMS = /GET \/api\/albums(\?shared=true)?$/;

/** Everything has moved, or nothing would be read. */
function move(): void {
  for (const asset of under.fake.library.assets.values()) under.fake.library.updateAsset(asset, {});
}

function answer(match: string | RegExp, body: string, status = 200): void {
  under.fake.faults.add({ match, kind: 'status', status, body });
}

async function files(): Promise<string[]> {
  return (await under.tree()).filter((path) => !path.endsWith('/'));
}

async function expectDoubt(ingest: SourceIngest, before: readonly string[]): Promise<void> {
  await ingest.scan();
  const { lastError, warnings } = await ingest.status();
  expect(lastError).toBeNull();
  expect(warnings).toContainEqual(expect.objectContaining({ reason: 'an answer that is suddenly empty' }));
  expect(await under.tree()).toEqual(before);
}

/** The source as a whole is never believed to be empty: nothing above it could tell an outage from that. */
async function expectSuddenlyEmpty(ingest: SourceIngest, before: readonly string[]): Promise<void> {
  await ingest.scan();
  expect((await ingest.status()).lastError?.message).toMatch(/suddenly empty.*--accept-empty/);
  expect(await under.tree()).toEqual(before);
}

describe('a view that stands alone', () => {
  /** Of people and tags there are folders while the list of them is told. */
  const isPart = (name: string, match: string | RegExp) =>
    match === SEARCH && (name === 'people' || name === 'tags');
  const CASES = [
    ['people', '2.7.5', '/api/people', SEARCH, NOTHING_FOUND],
    ['people', '3.1.0', '/api/people', SEARCH, NOTHING_FOUND],
    ['people', '1.118.0', '/api/people', '/api/people', NOBODY],
    ['people', '3.1.0', '/api/people', '/api/people', NOBODY],
    ['tags', '2.7.5', '/api/tags', SEARCH, NOTHING_FOUND],
    ['tags', '3.1.0', '/api/tags', SEARCH, NOTHING_FOUND],
    ['tags', '3.1.0', SEARCH, '/api/tags', '[]'],
    ['favorites', '1.144.1', SEARCH, SEARCH, NOTHING_FOUND],
    ['favorites', '3.1.0', '/api/timeline/buckets', SEARCH, NOTHING_FOUND],
    ['timeline', '1.118.0', SEARCH, SEARCH, NOTHING_FOUND],
    ['timeline', '2.7.5', SEARCH, '/api/timeline/buckets', '[]'],
    ['places', '1.118.0', SEARCH, '/api/timeline/buckets', '[]'],
    ['places', '3.1.0', '/api/timeline/buckets', '/api/timeline/buckets', '[]'],
    ['memories', '3.1.0', '/api/memories', '/api/memories', '[]'],
    ['albums', '1.118.0', ALBUMS, ALBUMS, '[]'],
    ['albums', '2.7.5', ALBUMS, ALBUMS, '[]'],
    ['albums', '3.1.0', ALBUMS, ALBUMS, '[]'],
  ] as const;

  it.each(CASES)(
    '(%s of Immich %s) does not believe the first empty answer after an outage, nor ever that nothing is left',
    async (name, version, failing, match, body) => {
      const ingest = await under.start(version, { views: [name] });
      const before = await under.tree();
      expect(await files()).not.toEqual([]);
      move();
      answer(failing, 'away', 500);
      await ingest.scan();
      expect(await under.tree()).toEqual(before);
      under.fake.faults.clear();

      answer(match, body);
      if (isPart(name, match)) {
        await expectDoubt(ingest, before);
        await ingest.scan();
        expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
        expect(await files()).toEqual([]);
      } else {
        for (let times = 0; times < 3; times += 1) await expectSuddenlyEmpty(ingest, before);
      }

      under.fake.faults.clear();
      move();
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await under.tree()).toEqual(before);
    },
  );

  it.each(CASES)(
    '(%s of Immich %s) knows after restart and update what it held before the outage',
    async (name, version, failing, match, body) => {
      const ingest = await under.start(version, { views: [name] });
      const before = await under.tree();
      move();
      answer(failing, 'away', 500);
      await ingest.scan();
      under.fake.faults.clear();
      answer(match, body);
      const expectKept = isPart(name, match) ? expectDoubt : expectSuddenlyEmpty;
      await expectKept(under.startMediadav({ views: [name], settingsVersion: 'b' }), before);
      const later = { views: [name], doubtMs: 60_000, settingsVersion: 'b' } as const;
      await expectKept(under.startMediadav(later), before);
    },
  );

  it.each(['people', 'albums', 'favorites', 'timeline'] as const)(
    '(%s) of which the catalog has photos and nothing else is known is kept, too',
    async (name) => {
      await under.start('3.1.0', { views: [name] });
      const before = await under.tree();
      const record = await under.catalog.reader.source('immich');
      await under.catalog.writer.completeScan(record?.id ?? 0, Date.now(), new Map());
      answer('/api/people', NOBODY);
      answer('/api/timeline/buckets', '[]');
      answer(SEARCH, NOTHING_FOUND);
      answer(ALBUMS, '[]');
      const ingest = under.startMediadav({ views: [name] });
      for (let times = 0; times < 3; times += 1) await expectSuddenlyEmpty(ingest, before);
    },
  );

  it('that was always empty is no matter for a remark', async () => {
    await under.startFake('3.1.0');
    answer('/api/memories', '[]');
    const ingest = under.startMediadav({ views: ['memories'], doubtMs: DEFAULT_LIMITS.doubtMs });
    for (let times = 0; times < 2; times += 1) {
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    }
  });

  it('is emptied at once where somebody has looked and says that it is empty', async () => {
    await under.start('3.1.0', { views: ['albums'] });
    answer(ALBUMS, '[]');
    await under.startMediadav({ views: ['albums'], acceptsEmpty: true }).scan();
    expect(await under.tree()).toEqual([]);
  });
});

describe('what is suddenly empty', () => {
  it('is not believed within minutes, however often it is said, and by no restart', async () => {
    const views = { views: ['albums', 'people'] as const, doubtMs: DEFAULT_LIMITS.doubtMs };
    const ingest = await under.start('3.1.0', views);
    const before = await under.tree();
    move();
    answer('/api/people', NOBODY);
    for (let times = 0; times < 3; times += 1) await expectDoubt(ingest, before);
    await expectDoubt(under.startMediadav(views), before);
    // Long enough after the first time that it was said.
    await under.startMediadav({ ...views, doubtMs: 0 }).scan();
    expect(await under.tree('people/')).toEqual(['people/']);
  });

  it.each(['2.7.5', '3.1.0'] as const)(
    'is never believed of all views of Immich %s together, however long it is said',
    async (version) => {
      const ingest = await under.start(version, { views: VIEW_NAMES });
      const before = await under.tree();
      const headSeq = await under.catalog.reader.headSeq();
      move();
      for (const match of [ALBUMS, '/api/tags', '/api/memories', '/api/timeline/buckets'])
        answer(match, '[]');
      answer('/api/people', NOBODY);
      answer(SEARCH, NOTHING_FOUND);
      await expectDoubt(ingest, before);
      for (let times = 0; times < 3; times += 1) await expectSuddenlyEmpty(ingest, before);
      await expectSuddenlyEmpty(under.startMediadav({ views: VIEW_NAMES }), before);
      expect(await under.catalog.reader.headSeq()).toBe(headSeq);
      under.fake.faults.clear();
      move();
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await under.tree()).toEqual(before);
    },
  );

  it('is believed in the end where the clock was set back meanwhile', async () => {
    const ingest = await under.start('3.1.0', { views: ['albums', 'people'] });
    const before = await under.tree();
    move();
    answer('/api/people', NOBODY);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 365 * 24 * 60 * 60_000);
    await expectDoubt(ingest, before);
    clock.mockRestore();
    await ingest.scan();
    expect(await under.tree('people/')).toEqual(['people/']);
  });

  it('was doubted in vain when there is something in it again, and is doubted anew', async () => {
    const ingest = await under.start('3.1.0', { views: ['memories', 'people'] });
    const before = await under.tree();
    for (let times = 0; times < 2; times += 1) {
      move();
      answer('/api/people', NOBODY);
      await expectDoubt(ingest, before);
      under.fake.faults.clear();
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    }
  });

  it('is not a view that another version of Immich cannot search for', async () => {
    const ingest = await under.start('3.1.0', { views: ['albums', 'tags'] });
    const before = await under.tree('tags/');
    under.fake.setVersion('1.118.0');
    move();
    await ingest.scan();
    expect((await ingest.status()).warnings).toContainEqual(
      expect.objectContaining({ reason: expect.stringContaining('cannot search by tags') }),
    );
    expect(await under.tree('tags/')).toEqual(before);
  });
});
