import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { type LockRecord, MAX_LOCKS } from '../../src/catalog/lock-store.ts';
import { CodedError } from '../../src/model/coded-error.ts';
import type { CatalogUnderTest } from './catalog-case.ts';

const NOW = 1_700_000_000_000;
let made = 0;

function lockOn(path: string, more: Partial<LockRecord> = {}): LockRecord {
  made += 1;
  return {
    token: `urn:uuid:${made}`,
    path,
    depth: '0',
    scope: 'exclusive',
    owner: '<o:owner xmlns:o="DAV:">Ann &amp; Bob</o:owner>',
    user: 'ann',
    expiresMs: NOW + 60_000,
    ...more,
  };
}

/** What every lock store must do; an engine's test calls this with its own factory. */
export function lockSuite(name: string, create: () => Promise<CatalogUnderTest>): void {
  describe(`lock store: ${name}`, () => {
    let under: CatalogUnderTest;
    let catalog: Catalog;

    beforeEach(async () => {
      under = await create();
      catalog = await under.open();
    });
    afterEach(async () => {
      await catalog.close();
      await under.dispose();
    });

    const take = async (path: string, more: Partial<LockRecord> = {}): Promise<LockRecord> => {
      const lock = lockOn(path, more);
      expect(await catalog.locks.take(lock, NOW)).toEqual([]);
      return lock;
    };

    it('gives back what was taken, also after a restart', async () => {
      const exclusive = await take('/photos/a.jpg');
      const shared = await take('/photos/b', { depth: 'infinity', scope: 'shared', user: null, owner: '' });
      await catalog.close();
      catalog = await under.open();
      expect(await catalog.locks.covering('/photos/a.jpg', NOW)).toEqual([exclusive]);
      expect(await catalog.locks.covering('/photos/b', NOW)).toEqual([shared]);
    });

    it('covers a place by its own lock and by deep ones above it, outermost first', async () => {
      const deep = await take('/', { depth: 'infinity', scope: 'shared' });
      const own = await take('/photos/a.jpg', { scope: 'shared' });
      await take('/photos', { scope: 'shared' });
      await take('/photos/a.jp', { depth: 'infinity', scope: 'shared' });
      await take('/photos/a.jpg.bak', { scope: 'shared' });
      expect(await catalog.locks.covering('/photos/a.jpg', NOW)).toEqual([deep, own]);
    });

    it('finds the locks below a place, not its own and not those beside it', async () => {
      await take('/photos');
      await take('/photos.old/x');
      await take('/photo');
      await take('/photos0');
      const near = await take('/photos/a');
      const far = await take('/photos/a/b/é%_*');
      expect(await catalog.locks.below('/photos', NOW)).toEqual([near, far]);
      expect(await catalog.locks.below('/', NOW)).toHaveLength(6);
    });

    it.each([
      ['exclusive', 'exclusive', false],
      ['exclusive', 'shared', false],
      ['shared', 'exclusive', false],
      ['shared', 'shared', true],
    ] as const)('has room beside an %s lock for a %s one: %s', async (first, second, isFine) => {
      const there = await take('/photos/a.jpg', { scope: first });
      const inTheWay = await catalog.locks.take(lockOn('/photos/a.jpg', { scope: second }), NOW);
      expect(inTheWay).toEqual(isFine ? [] : [there]);
      expect(await catalog.locks.covering('/photos/a.jpg', NOW)).toHaveLength(isFine ? 2 : 1);
    });

    it('lets a deep lock contradict those below, and those above contradict it', async () => {
      const member = await take('/photos/sub/a.jpg');
      expect(await catalog.locks.take(lockOn('/photos', { depth: 'infinity' }), NOW)).toEqual([member]);
      await take('/photos');
      await catalog.locks.release(member.token);
      const deep = await take('/photos/sub', { depth: 'infinity' });
      expect(await catalog.locks.take(lockOn('/photos/sub/a/b'), NOW)).toEqual([deep]);
      expect(await catalog.locks.take(lockOn('/photos/subs'), NOW)).toEqual([]);
    });

    it('does not see a lock once it has expired', async () => {
      const lock = await take('/photos/a.jpg', { expiresMs: NOW + 1000 });
      expect(await catalog.locks.covering('/photos/a.jpg', NOW + 999)).toHaveLength(1);
      expect(await catalog.locks.covering('/photos/a.jpg', NOW + 1000)).toEqual([]);
      expect(await catalog.locks.below('/photos', NOW + 1000)).toEqual([]);
      expect(await catalog.locks.refresh(lock.token, NOW + 9000, NOW + 1000)).toBeNull();
      expect(await catalog.locks.take(lockOn('/photos/a.jpg'), NOW + 1000)).toEqual([]);
    });

    it('refreshes by the token', async () => {
      const lock = await take('/photos/a.jpg');
      const later = { ...lock, expiresMs: NOW + 900_000 };
      expect(await catalog.locks.refresh(lock.token, later.expiresMs, NOW)).toEqual(later);
      expect(await catalog.locks.covering('/photos/a.jpg', NOW + 800_000)).toEqual([later]);
      expect(await catalog.locks.refresh('urn:uuid:nobody', NOW, NOW)).toBeNull();
    });

    it('releases one lock, a tree of them, or all below a place', async () => {
      const first = await take('/photos/a', { scope: 'shared' });
      const second = await take('/photos/a', { scope: 'shared' });
      expect(await catalog.locks.release(first.token)).toBe(true);
      expect(await catalog.locks.release(first.token)).toBe(false);
      expect(await catalog.locks.covering('/photos/a', NOW)).toEqual([second]);
      const beside = await take('/photos/ab');
      await take('/photos/a/b/c');
      await catalog.locks.releaseBelow('/photos/a');
      expect(await catalog.locks.below('/photos', NOW)).toEqual([second, beside]);
      await catalog.locks.releaseTree('/photos/a');
      expect(await catalog.locks.below('/photos', NOW)).toEqual([beside]);
    });

    it('holds a bounded number of locks, of which the expired ones do not count', async () => {
      for (let at = 0; at < MAX_LOCKS; at += 1) {
        await catalog.locks.take(lockOn(`/photos/${at}`, { expiresMs: NOW + 1000 }), NOW);
      }
      const refused = await catalog.locks.take(lockOn('/photos/x'), NOW).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(CodedError);
      expect(refused).toMatchObject({ code: 'no-space' });
      expect(await catalog.locks.take(lockOn('/photos/x'), NOW + 1000)).toEqual([]);
    });
  });
}
