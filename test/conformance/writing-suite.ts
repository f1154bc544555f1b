import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Provider, ScanEvent, Staged, WriteCall, WriteEvent } from '../../src/provider/provider.ts';
import { type ProviderUnderTest, scanAll, scanCall } from './provider-suite.ts';
import { assetsByPath, ToldHeld } from './told-held.ts';

/** A provider that writes, over a source with a folder `a` that holds the asset `a/small.jpg`. */
export interface WritingUnderTest extends ProviderUnderTest {
  readonly provider: Provider & Required<Pick<Provider, (typeof POWERS)[number]>>;
  /** All that the source holds, hidden things too, by path: contents of assets, null for collections. */
  everything(): Promise<Record<string, string | null>>;
}

export const POWERS = [
  ...(['receive', 'copy', 'move', 'makeCollection', 'remove', 'setModifiedTime', 'freeBytes'] as const),
] as const;

const NOW = { modifiedMs: null };

/**
 * What every provider with powers to write must do.
 * @param kind `tree`: collections hold collections, and what is there is found by its path. `albums`: assets are members of
 *   collections and of nothing else, and a write tells what it has changed.
 */
export function writingSuite(
  name: string,
  create: () => Promise<WritingUnderTest>,
  kind: 'tree' | 'albums' = 'tree',
): void {
  describe(`writing provider: ${name}`, () => {
    let under: WritingUnderTest;
    let provider: WritingUnderTest['provider'];
    let before: Record<string, string | null>;
    let told: ToldHeld;
    const writeCall = (options: Partial<WriteCall> = {}): WriteCall => {
      const tell = (event: WriteEvent) => told.take(event);
      const held = kind === 'albums' ? { held: told.held } : {};
      return { ...scanCall(), ...held, tell, goesOn: () => undefined, ...options };
    };

    beforeEach(async () => {
      under = await create();
      provider = under.provider;
      told = new ToldHeld(await scanAll(provider));
      before = await under.everything();
    });
    afterEach(async () => {
      await provider.close();
      await under.dispose();
    });

    const receive = (path: string, text: string, options: Partial<WriteCall> = {}): Promise<Staged> =>
      provider.receive(path, Readable.from([Buffer.from(text)]), NOW, writeCall(options));

    it('shows a content when it is placed, not before, and nothing of one that is discarded', async () => {
      const staged = await receive('a/new.jpg', 'new');
      expect(staged.sizeBytes).toBe(3);
      expect(pathsOf(await scanAll(provider))).not.toContain('a/new.jpg');
      await staged.place('nothing');
      await staged.persist();
      await staged.discard();
      expect(await under.everything()).toEqual({ ...before, 'a/new.jpg': 'new' });
      expect(pathsOf(await scanAll(provider))).toContain('a/new.jpg');
      await (await receive('a/other.jpg', 'other')).discard();
      expect(await under.everything()).toEqual({ ...before, 'a/new.jpg': 'new' });
    });

    it('replaces what it is told to, and nothing else', async () => {
      const version = versionAt(await scanAll(provider), 'a/small.jpg');
      const refusals = [
        ['a/small.jpg', 'nothing', 'exists'],
        ['a/small.jpg', { version: 'other' }, 'changed'],
        ['a/none.jpg', { version }, 'changed'],
        // An album is never taken away to make room.
        ['a', 'anything', kind === 'tree' ? 'exists' : 'denied'],
      ] as const;
      for (const [path, over, code] of refusals) {
        const writing = async () => {
          const staged = await receive(path, 'new');
          await staged.place(over).finally(() => staged.discard());
        };
        await expect(writing(), path).rejects.toMatchObject({ code });
      }
      expect(await under.everything()).toEqual(before);
      const newer = await receive('a/small.jpg', 'newer');
      await newer.place({ version });
      await newer.discard();
      expect(await under.everything()).toEqual({ ...before, 'a/small.jpg': 'newer' });
    });

    it('leaves nothing of a content that breaks off, or that nobody waits for any more', async () => {
      const broken = Readable.from(
        (async function* () {
          yield Buffer.from('half');
          throw new Error('cut');
        })(),
      );
      await expect(provider.receive('a/small.jpg', broken, NOW, writeCall())).rejects.toThrow();
      const controller = new AbortController();
      const endless = new Readable({ read: () => undefined });
      endless.push('half');
      const { signal } = controller;
      const receiving = provider.receive('a/small.jpg', endless, NOW, writeCall({ signal }));
      setTimeout(() => controller.abort(new Error('left')), 20);
      await expect(receiving).rejects.toThrow('left');
      expect(await under.everything()).toEqual(before);
      expect(await under.openStreams()).toBe(0);
    });

    it('refuses what is hidden, left out, or nowhere', async () => {
      const rejects = async (path: string, code: string, options: Partial<WriteCall> = {}) => {
        await expect(receive(path, 'x', options), path).rejects.toMatchObject({ code });
      };
      await rejects('a/.hidden.jpg', 'denied');
      await rejects('.a/x.jpg', 'denied');
      await rejects('a/out.jpg', 'denied', { accepts: () => false });
      await rejects('a/out.jpg', 'denied', { enters: () => false });
      await rejects('no/where.jpg', 'parent-missing');
      await rejects('a/small.jpg/x.jpg', 'parent-missing');
      expect(await under.everything()).toEqual(before);
    });

    it('makes collections, renames them and removes them', async () => {
      await provider.makeCollection('made', writeCall());
      await expect(provider.makeCollection('made', writeCall())).rejects.toMatchObject({ code: 'exists' });
      const ref = refAt(await scanAll(provider), 'a/small.jpg');
      expect(await provider.move('a', 'renamed', 'nothing', writeCall())).toBe(true);
      expect(refAt(await scanAll(provider), 'renamed/small.jpg')).toBe(ref);
      const inTheWay = { code: 'exists' };
      await expect(provider.move('renamed', 'made', 'nothing', writeCall())).rejects.toMatchObject(inTheWay);
      expect(await provider.remove('made', writeCall())).toEqual([]);
      const missing = { code: 'not-found' };
      await expect(provider.remove('made', writeCall())).rejects.toMatchObject(missing);
      await expect(provider.move('made', 'x', 'nothing', writeCall())).rejects.toMatchObject(missing);
      const copying = provider.copy('made', 'x', { isDeep: true }, writeCall());
      await expect(copying).rejects.toMatchObject(missing);
      const left = Object.keys(await under.everything());
      expect(left.filter((path) => /^(made|a)(\/|$)/.test(path))).toEqual([]);
    });

    it('copies and moves assets between collections, and removes them', async () => {
      await provider.makeCollection('made', writeCall());
      const copy = await provider.copy('a/small.jpg', 'made/small.jpg', { isDeep: true }, writeCall());
      await copy.place('nothing');
      await copy.discard();
      expect(await under.everything()).toEqual({
        ...before,
        made: null,
        'made/small.jpg': before['a/small.jpg'],
      });
      expect(await provider.remove('a/small.jpg', writeCall())).toEqual([]);
      expect(await provider.move('made/small.jpg', 'a/small.jpg', 'nothing', writeCall())).toBe(true);
      expect(await under.everything()).toEqual({ ...before, made: null });
    });

    it('sets times, and tells how much room there is', async () => {
      const modifiedMs = Date.UTC(2001, 1, 3);
      const t = await provider.receive('a/t.jpg', Readable.from(['x']), { modifiedMs }, writeCall());
      await t.place('nothing');
      await t.discard();
      const events = await scanAll(provider);
      expect(assetAt(events, 'a/t.jpg')?.modifiedMs).toBe(modifiedMs);
      expect(await provider.freeBytes('a', writeCall())).toBeGreaterThan(0);
    });

    if (kind === 'tree') {
      it('makes collections, moves them, copies them and removes them', async () => {
        await provider.makeCollection('made', writeCall());
        await expect(provider.makeCollection('made', writeCall())).rejects.toMatchObject({ code: 'exists' });
        const ref = refAt(await scanAll(provider), 'a/small.jpg');
        expect(await provider.move('a', 'made/a', 'nothing', writeCall())).toBe(true);
        expect(refAt(await scanAll(provider), 'made/a/small.jpg')).toBe(ref);
        const copy = await provider.copy('made', 'copied', { isDeep: true }, writeCall());
        await copy.place('nothing');
        await copy.discard();
        const shallow = await provider.copy('made', 'bare', { isDeep: false }, writeCall());
        await shallow.place('nothing');
        await shallow.discard();
        const all = await under.everything();
        expect(all['copied/a/small.jpg']).toBe(before['a/small.jpg']);
        expect(Object.keys(all).filter((path) => path.startsWith('bare'))).toEqual(['bare']);
        expect(await provider.remove('made', writeCall())).toEqual([]);
        const missing = { code: 'not-found' };
        await expect(provider.remove('made', writeCall())).rejects.toMatchObject(missing);
        await expect(provider.move('made', 'x', 'nothing', writeCall())).rejects.toMatchObject(missing);
        await expect(provider.copy('made', 'x', { isDeep: true }, writeCall())).rejects.toMatchObject(
          missing,
        );
        const left = Object.keys(await under.everything()).filter((path) => path.startsWith('made'));
        expect(left).toEqual([]);
      });

      it('removes what is shown and names what is not', async () => {
        const accepts = (path: string) => path !== 'a/small.jpg';
        const [failure, ...more] = await provider.remove('a', writeCall({ accepts }));
        expect([failure?.path, failure?.code, more]).toEqual(['a/small.jpg', 'denied', []]);
        const left = Object.keys(await under.everything()).filter((path) => path.startsWith('a'));
        expect(left).toEqual(['a', 'a/small.jpg']);
      });

      it('sets the time of what is there', async () => {
        const modifiedMs = Date.UTC(2001, 1, 3);
        await provider.setModifiedTime('a/small.jpg', modifiedMs, writeCall());
        expect(assetAt(await scanAll(provider), 'a/small.jpg')?.modifiedMs).toBe(modifiedMs);
      });
    }

    it('calls an outage an outage, and writes nothing into the place of what is away', async () => {
      await under.outage(true);
      try {
        const unavailable = { code: 'unavailable' };
        await expect(receive('a/new.jpg', 'x')).rejects.toMatchObject(unavailable);
        await expect(provider.remove('a', writeCall())).rejects.toMatchObject(unavailable);
        await expect(provider.makeCollection('b', writeCall())).rejects.toMatchObject(unavailable);
      } finally {
        await under.outage(false);
      }
      expect(await under.everything()).toEqual(before);
    });
  });
}

function assetAt(events: readonly ScanEvent[], path: string) {
  return assetsByPath(events).get(path);
}

function pathsOf(events: readonly ScanEvent[]): string[] {
  return [...assetsByPath(events).keys()];
}

function versionAt(events: readonly ScanEvent[], path: string): string {
  return assetAt(events, path)?.version ?? '';
}

function refAt(events: readonly ScanEvent[], path: string): string | undefined {
  return assetAt(events, path)?.ref.id;
}
