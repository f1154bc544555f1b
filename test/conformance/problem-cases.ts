import { beforeEach, expect, it } from 'vitest';
import type { Entry } from '../../src/catalog/catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset } from './catalog-entries.ts';

const FINE = { digests: {}, media: UNKNOWN_MEDIA, contentType: null };
const UNREADABLE = 'a file that could not be read';

/** What whoever asks what is wrong with files may rely on: it is so now. */
export function problemCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create);
  beforeEach(async () => {
    await on.catalog.writer.apply(
      on.sourceId,
      ['a', 'b', 'c'].map((id) => asset(id, `${id}.jpg`)),
    );
  });

  const problems = () => on.catalog.reader.problems(on.sourceId);
  const damaged = (id: string) =>
    on.catalog.writer.enrich(on.sourceId, id, `v-${id}`, { ...FINE, problem: 'a damaged image' });
  const unreadable = (id: string, version = `v-${id}`) =>
    on.catalog.writer.noteProblem(on.sourceId, id, version, UNREADABLE);
  const inVersion = (id: string, version: string): Entry => {
    const entry = asset(id, `${id}.jpg`);
    return { ...entry, facts: { ...entry.facts, version } };
  };

  it('counts by reason, of one source, and still does after a restart', async () => {
    expect(await problems()).toEqual([]);
    expect([await damaged('a'), await damaged('c'), await unreadable('b')]).toEqual([true, true, true]);
    // Told again, it is the same one.
    await unreadable('b');
    const told = [
      { reason: 'a damaged image', count: 2, example: 'a.jpg' },
      { reason: UNREADABLE, count: 1, example: 'b.jpg' },
    ];
    expect(await problems()).toEqual(told);
    await on.catalog.close();
    await on.reopen();
    expect(await problems()).toEqual(told);
    const other = (await on.catalog.writer.ensureSource('other')).id;
    expect(await on.catalog.reader.problems(other)).toEqual([]);
  });

  it('does not count what could be read since', async () => {
    await damaged('a');
    await unreadable('b');
    await on.catalog.writer.enrich(on.sourceId, 'a', 'v-a', FINE);
    await on.catalog.writer.enrich(on.sourceId, 'b', 'v-b', { ...FINE, problem: 'a damaged image' });
    expect(await problems()).toEqual([{ reason: 'a damaged image', count: 1, example: 'b.jpg' }]);
  });

  it('does not count what has changed since, nor a version that is not there', async () => {
    await damaged('a');
    expect(await unreadable('b', 'old')).toBe(false);
    await on.catalog.writer.apply(on.sourceId, [inVersion('a', 'v2')]);
    expect(await problems()).toEqual([]);
    expect(await unreadable('a', 'v2')).toBe(true);
    expect(await problems()).toMatchObject([{ reason: UNREADABLE, count: 1 }]);
  });

  it('does not count what is gone', async () => {
    await damaged('a');
    await damaged('b');
    expect(await on.catalog.writer.removeAt(on.sourceId, ['a.jpg'])).toBe(1);
    expect(await problems()).toMatchObject([{ count: 1, example: 'b.jpg' }]);
    const scan = on.catalog.writer.beginScan(on.sourceId);
    await on.catalog.writer.apply(on.sourceId, [asset('c', 'c.jpg')], scan);
    await on.catalog.writer.sweep(scan);
    expect(await problems()).toEqual([]);
  });

  it('is no change of the tree', async () => {
    const head = await on.catalog.reader.headSeq();
    await unreadable('a');
    expect(await on.catalog.reader.headSeq()).toBe(head);
  });
}
