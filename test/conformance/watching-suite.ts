import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  AssetEvent,
  CollectionEvent,
  LookEvent,
  Provider,
  ScanCall,
  ScanEvent,
} from '../../src/provider/provider.ts';
import { call, type ProviderUnderTest, scanAll, scanCall } from './provider-suite.ts';

/** Changes a source behind its provider's back. Paths are as in `SourceRef.path`. */
export interface SourceEditor {
  /** Makes or replaces an asset, and the collections above it where they are missing. */
  put(path: string, bytes: string): Promise<void>;
  /** An asset, or a collection with all that is in it. */
  move(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

interface Powers extends Provider {
  readonly watch: NonNullable<Provider['watch']>;
  readonly look: NonNullable<Provider['look']>;
}

/** What every provider with the powers `watch` and `look` must do, beside `providerSuite`. */
export function watchingSuite(
  name: string,
  create: () => Promise<ProviderUnderTest & { readonly editor: SourceEditor }>,
): void {
  describe(`provider that watches: ${name}`, () => {
    let under: Awaited<ReturnType<typeof create>>;
    let provider: Powers;
    let events: readonly ScanEvent[];
    let stop: () => Promise<void>;
    const hints = new Set<string>();

    beforeEach(async () => {
      under = await create();
      const { watch, look } = under.provider;
      if (watch === undefined || look === undefined) throw new Error('it has not both powers');
      provider = under.provider as Powers;
      stop = watching();
      events = await scanAll(provider);
      hints.clear();
    });
    afterEach(async () => {
      await stop();
      await provider.close();
      await under.dispose();
    });

    /** Collects hints until it is stopped. */
    const watching = (): (() => Promise<void>) => {
      const controller = new AbortController();
      const running = (async () => {
        for await (const hint of provider.watch(call(controller.signal))) {
          hints.add(hint.kind === 'path' ? hint.path : '');
        }
      })();
      return async () => {
        controller.abort();
        await running;
      };
    };
    /** Waits for a hint that leads to the path. */
    const hinted = async (path: string): Promise<void> => {
      const leadsThere = (hint: string) => hint === '' || path === hint || path.startsWith(`${hint}/`);
      for (let waitedMs = 0; ![...hints].some(leadsThere); waitedMs += 5) {
        if (waitedMs > 5_000) throw new Error(`no hint at ${path}, but ${[...hints].join(', ')}`);
        await sleep(5);
      }
      hints.clear();
    };
    const look = async (path: string, options: Partial<ScanCall> = {}): Promise<LookEvent[]> => {
      const told: LookEvent[] = [];
      for await (const event of provider.look(path, scanCall(options))) told.push(event);
      return told;
    };
    const collectionWithAssets = (): { path: string; ref: string } => {
      const [path] = [...pathsOf(events)]
        .filter(([, event]) => event.kind === 'collection')
        .map(([each]) => each)
        .filter((each) => [...pathsOf(events).keys()].some((other) => other.startsWith(`${each}/`)));
      const event = pathsOf(events).get(path ?? '');
      if (path === undefined || event?.kind !== 'collection') throw new Error('no collection with assets');
      return { path, ref: event.ref };
    };

    it('sees at each path what a scan tells, and the collections above before it', async () => {
      const scanned = pathsOf(events);
      for (const [path, event] of scanned) {
        const told = await look(path);
        const names = path.split('/');
        const above = names.slice(1).map((_, at) => scanned.get(names.slice(0, at + 1).join('/')));
        expect(told.slice(0, names.length), path).toEqual([...above, event]);
      }
    });

    it('sees all that is below a collection', async () => {
      const { path } = collectionWithAssets();
      const scanned = [...pathsOf(events)].filter(([each]) => each === path || each.startsWith(`${path}/`));
      const told = (await look(path)).slice(path.split('/').length - 1);
      const byRef = (list: readonly LookEvent[]) => list.map((event) => JSON.stringify(event)).sort();
      expect(byRef(told)).toEqual(byRef(scanned.map(([, event]) => event)));
    });

    it('sees that something is gone, and from where on', async () => {
      const { path } = collectionWithAssets();
      expect((await look(`${path}/not there.jpg`)).at(-1)).toEqual({
        kind: 'gone',
        path: `${path}/not there.jpg`,
      });
      expect((await look('not there/nor this/x.jpg')).at(-1)).toEqual({ kind: 'gone', path: 'not there' });
    });

    it('leaves out what is not accepted or entered', async () => {
      const { path } = collectionWithAssets();
      const told = await look(path, { accepts: () => false });
      expect(told.some(({ kind }) => kind === 'asset')).toBe(false);
      const [asset] = [...pathsOf(events)].filter(([, event]) => event.kind === 'asset');
      const hidden = await look(asset?.[0] ?? '', { accepts: () => false });
      expect(hidden.at(-1)?.kind).toBe('gone');
      expect((await look(path, { enters: () => false })).at(-1)?.kind).toBe('gone');
    });

    it('stops looking when nobody waits any more', async () => {
      const { path } = collectionWithAssets();
      const controller = new AbortController();
      const looking = provider.look(path, scanCall({ signal: controller.signal }))[Symbol.asyncIterator]();
      expect((await looking.next()).done).not.toBe(true);
      controller.abort();
      const whole = (await look(path)).length;
      let told = 1;
      const rest = async () => {
        while ((await looking.next()).done !== true) told += 1;
      };
      await rest().catch((error: unknown) => expect(error).toBe(controller.signal.reason));
      expect(told).toBeLessThan(whole);
    });

    it('calls an outage an outage, whatever it is asked for', async () => {
      const paths = [...pathsOf(events).keys()];
      await under.outage(true);
      try {
        for (const path of paths) await expect(look(path)).rejects.toMatchObject({ code: 'unavailable' });
      } finally {
        await under.outage(false);
      }
    });

    it('hints at what is made, changed, moved and removed', async () => {
      const { path } = collectionWithAssets();
      await under.editor.put(`${path}/new.jpg`, 'new');
      await hinted(`${path}/new.jpg`);
      expect((await look(`${path}/new.jpg`)).at(-1)).toMatchObject({ kind: 'asset', name: 'new.jpg' });
      await under.editor.put(`${path}/new.jpg`, 'changed');
      await hinted(`${path}/new.jpg`);
      await under.editor.move(`${path}/new.jpg`, 'moved.jpg');
      await hinted('moved.jpg');
      await under.editor.remove('moved.jpg');
      await hinted('moved.jpg');
    });

    it('hints at both ends of a move, and keeps the ref if its trait says so', async () => {
      const { path, ref } = collectionWithAssets();
      await under.editor.move(path, 'moved');
      await sleep(200);
      expect([...hints].sort()).toEqual(expect.arrayContaining(['moved', path]));
      expect((await look(path)).at(-1)).toEqual({ kind: 'gone', path });
      const [told] = await look('moved');
      expect(told).toMatchObject({ kind: 'collection', name: 'moved' });
      if (provider.traits.identity === 'stable') expect(told).toMatchObject({ ref });
    });

    it('hints at what comes into a collection that was made since, once that was looked at', async () => {
      await under.editor.put('one/two/three/at once.jpg', 'at once');
      await hinted('one/two/three/at once.jpg');
      const told = await look('one');
      expect(told.map((event) => ('name' in event ? event.name : ''))).toEqual([
        ...['one', 'two', 'three', 'at once.jpg'],
      ]);
      await sleep(100);
      hints.clear();
      await under.editor.put('one/two/three/later.jpg', 'later');
      await hinted('one/two/three/later.jpg');
    });

    it('goes on after an outage that a scan has seen the end of', async () => {
      await under.outage(true);
      await expect(scanAll(provider)).rejects.toMatchObject({ code: 'unavailable' });
      await under.outage(false);
      await scanAll(provider);
      await sleep(100);
      hints.clear();
      const { path } = collectionWithAssets();
      await under.editor.put(`${path}/new.jpg`, 'new');
      await hinted(`${path}/new.jpg`);
    });

    it('may be watched again after that has ended', async () => {
      await stop();
      stop = watching();
      await scanAll(provider);
      await under.editor.put('again.jpg', 'again');
      await hinted('again.jpg');
    });
  });
}

/** Where what was told is, in the order it was told. */
function pathsOf(events: readonly ScanEvent[]): Map<string, CollectionEvent | AssetEvent> {
  const pathByRef = new Map<string | null, string>([[null, '']]);
  const paths = new Map<string, CollectionEvent | AssetEvent>();
  for (const event of events) {
    if (event.kind !== 'collection' && event.kind !== 'asset') continue;
    const above = pathByRef.get(event.kind === 'collection' ? event.parent : event.collection) ?? '';
    const path = above === '' ? event.name : `${above}/${event.name}`;
    if (event.kind === 'collection') pathByRef.set(event.ref, path);
    paths.set(path, event);
  }
  return paths;
}
