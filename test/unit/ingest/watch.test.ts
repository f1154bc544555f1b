import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import type { LayoutOptions } from '../../../src/ingest/layout.ts';
import { dueAt } from '../../../src/ingest/schedule.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import type { Logger } from '../../../src/model/logger.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { coded, MemoryProvider } from '../../fakes/memory-provider.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { WatchedProvider } from '../../fakes/watched-provider.ts';

const FOLDERS: Omit<LayoutOptions, 'traits'> = { layouts: ['folders'], splitsByType: false };

let folder: string;
let catalog: Catalog;
let provider: WatchedProvider;
let ingest: SourceIngest;
let changedCount: number;
let warnings: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-watch-'));
  catalog = openSqliteCatalog(join(folder, 'catalog.db'), 'windows');
  provider = new WatchedProvider();
  changedCount = 0;
  warnings = [];
  ingest = ingestOf(provider);
});
afterEach(async () => {
  await ingest.close();
  await catalog.close();
  await rm(folder, { recursive: true, force: true });
});

function ingestOf(of: MemoryProvider, layout = FOLDERS): SourceIngest {
  const filter = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
  const logger: Logger = { ...QUIET_LOGGER, warn: (message) => void warnings.push(message) };
  const source = new Source({ name: 'test', provider: of, filter, logger });
  const changed = () => {
    changedCount += 1;
  };
  return new SourceIngest({ source, catalog, layout, logger, changed });
}

/** Ids by path. */
async function tree(): Promise<Record<string, number>> {
  const ids: Record<string, number> = {};
  const walk = async (id: number, prefix: string): Promise<void> => {
    for (const node of (await catalog.reader.children(id, { limit: 1000 })).entries) {
      ids[prefix + node.name] = node.id;
      if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
    }
  };
  await walk((await ingest.prepare()).rootId, '');
  return ids;
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadlineMs = Date.now() + 5_000; !(await condition()); await sleep(5)) {
    if (Date.now() > deadlineMs) throw new Error(`still not so: ${condition}`);
  }
}

/** Until these are the paths. */
async function untilPaths(...paths: string[]): Promise<void> {
  const wanted = JSON.stringify(paths.sort());
  await until(async () => JSON.stringify(Object.keys(await tree()).sort()) === wanted);
}

/** Long enough for hints to have been followed, and for what is gone to have been waited for. */
const settle = () => sleep(400);

/** `a` with `a/x.jpg` and `a/y.jpg`, `b`, and `z.jpg`. */
async function begin(): Promise<Record<string, number>> {
  provider.folder('a', 'A');
  provider.put('a/x.jpg', 'x');
  provider.put('a/y.jpg', 'y');
  provider.folder('b', 'B');
  provider.put('z.jpg', 'z');
  ingest.watch();
  await ingest.scan();
  return await tree();
}

describe('a hint', () => {
  it('shows what is new, without a scan', async () => {
    await begin();
    provider.put('b/new.jpg', 'n');
    provider.hint('b/new.jpg');
    await untilPaths('a', 'a/x.jpg', 'a/y.jpg', 'b', 'b/new.jpg', 'z.jpg');
    expect(provider.scans).toBe(1);
    expect(await ingest.status()).toMatchObject({ watching: true, assetCount: 4 });
  });

  it('shows a whole new folder', async () => {
    await begin();
    provider.folder('b/c', 'C');
    provider.folder('b/c/d', 'D');
    provider.put('b/c/d/new.jpg', 'n');
    provider.hint('b/c', 'b/c/d/new.jpg');
    await untilPaths(...['a', 'a/x.jpg', 'a/y.jpg', 'b', 'b/c', 'b/c/d', 'b/c/d/new.jpg', 'z.jpg']);
    // Looking at the folder looks at all of it.
    expect(provider.looks).toEqual(['b/c']);
  });

  it('shows what has changed, under the same id', async () => {
    const before = await begin();
    provider.put('z.jpg', 'z', 'longer version');
    provider.hint('z.jpg');
    await until(async () => {
      const node = await catalog.reader.node(before['z.jpg'] ?? 0);
      return node?.kind === 'asset' && node.asset.version === 'longer version-z';
    });
  });

  it('is looked at once, however often it comes in a burst', async () => {
    await begin();
    for (let times = 0; times < 20; times += 1) provider.hint('z.jpg');
    await settle();
    expect(provider.looks).toEqual(['z.jpg']);
  });

  it('takes away what is gone, with its counts', async () => {
    await begin();
    provider.take('z.jpg');
    provider.hint('z.jpg');
    await untilPaths('a', 'a/x.jpg', 'a/y.jpg', 'b');
    expect(await ingest.status()).toMatchObject({ assetCount: 2, collectionCount: 2, sizeBytes: 8 });
  });

  it('takes away a whole folder', async () => {
    await begin();
    provider.take('a');
    provider.hint('a/x.jpg', 'a/y.jpg', 'a');
    await untilPaths('b', 'z.jpg');
    expect(await ingest.status()).toMatchObject({ assetCount: 1, collectionCount: 1 });
  });

  it('leaves the id to what is removed and made anew at once, as some programs save', async () => {
    const before = await begin();
    provider.beforeLooking = async () => {
      provider.beforeLooking = async () => undefined;
      // Seen in the very moment in which it is not there.
      provider.take('z.jpg');
      setTimeout(() => {
        provider.put('z.jpg', 'z2');
        provider.hint('z.jpg');
      }, 20);
    };
    provider.hint('z.jpg');
    await until(async () => (await catalog.reader.refAt(1, ['z.jpg'])) === 'z2');
    expect(await tree()).toEqual(before);
  });

  it('takes away what went, came back and went again while it was waited for', async () => {
    await begin();
    provider.beforeLooking = async (path) => {
      if (path !== 'z.jpg') return;
      const times = provider.looks.filter((each) => each === path).length;
      if (times === 1) {
        provider.take('z.jpg');
        // Back with the next look, together with something that takes a name, after which there is another wait.
        provider.hint('z.jpg', 'a', 'b');
      }
      if (times === 2) {
        provider.put('z.jpg', 'z2');
        provider.take('a');
        provider.relocate('b', 'a');
        setTimeout(() => {
          provider.take('z.jpg');
          provider.hint('z.jpg');
        }, 20);
      }
    };
    provider.hint('z.jpg');
    await untilPaths('a');
  });

  it('at a folder finds what is missing in it and below', async () => {
    await begin();
    provider.take('a/x.jpg');
    provider.hint('a');
    await untilPaths('a', 'a/y.jpg', 'b', 'z.jpg');
  });

  it('replaces a folder by a file and back', async () => {
    await begin();
    provider.take('a');
    provider.put('a', 'file');
    provider.hint('a', 'a/x.jpg');
    await untilPaths('a', 'b', 'z.jpg');
    provider.take('a');
    provider.folder('a', 'A2');
    provider.put('a/in.jpg', 'in');
    provider.hint('a');
    await untilPaths('a', 'a/in.jpg', 'b', 'z.jpg');
  });
});

describe('ids survive', () => {
  it('a move that is told by two hints', async () => {
    const before = await begin();
    provider.relocate('a/x.jpg', 'b/moved.jpg');
    provider.hint('a/x.jpg', 'b/moved.jpg');
    await untilPaths('a', 'a/y.jpg', 'b', 'b/moved.jpg', 'z.jpg');
    expect((await tree())['b/moved.jpg']).toBe(before['a/x.jpg']);
  });

  it('a move whose second hint comes late', async () => {
    const before = await begin();
    provider.relocate('a', 'b/moved');
    provider.hint('a');
    await until(() => provider.looks.includes('a'));
    provider.hint('b/moved');
    await untilPaths('b', 'b/moved', 'b/moved/x.jpg', 'b/moved/y.jpg', 'z.jpg');
    const after = await tree();
    expect(after['b/moved']).toBe(before.a);
    expect(after['b/moved/x.jpg']).toBe(before['a/x.jpg']);
  });

  it('two files and two folders that swap names', async () => {
    const before = await begin();
    provider.relocate('a/x.jpg', 'a/t');
    provider.relocate('a/y.jpg', 'a/x.jpg');
    provider.relocate('a/t', 'a/y.jpg');
    provider.relocate('a', 't');
    provider.relocate('b', 'a');
    provider.relocate('t', 'b');
    provider.hint('a/x.jpg', 'a/t', 'a/y.jpg', 'a', 't', 'b');
    // The folders come first, so the paths alone are the same for a moment.
    await until(() => provider.looks.includes('t'));
    await settle();
    expect(await tree()).toEqual({
      ...{ a: before.b, b: before.a, 'z.jpg': before['z.jpg'] },
      ...{ 'b/x.jpg': before['a/y.jpg'], 'b/y.jpg': before['a/x.jpg'] },
    });
  });

  it('a move away from a name that something new takes', async () => {
    const before = await begin();
    provider.relocate('a', 'c');
    provider.folder('a', 'A2');
    provider.put('a/x.jpg', 'x2');
    provider.hint('a', 'c');
    await untilPaths('a', 'a/x.jpg', 'b', 'c', 'c/x.jpg', 'c/y.jpg', 'z.jpg');
    const after = await tree();
    expect(after.c).toBe(before.a);
    expect(after['c/x.jpg']).toBe(before['a/x.jpg']);
    expect(Object.values(before)).not.toContain(after.a);
  });

  it('a move that a scan sees at neither end', async () => {
    const before = await begin();
    provider.beforeTelling = async (path) => {
      // From where the scan is still to come to where it has been.
      if (path === 'b') {
        provider.relocate('z.jpg', 'a/z.jpg');
        provider.hint('z.jpg', 'a/z.jpg');
      }
    };
    await ingest.scan();
    await settle();
    expect((await tree())['a/z.jpg']).toBe(before['z.jpg']);
    expect(Object.keys(await tree())).not.toContain('z.jpg');
  });
});

describe('a scan that runs meanwhile', () => {
  it('does not bring back what went after it was told', async () => {
    await begin();
    provider.beforeTelling = async (path) => {
      if (path !== 'z.jpg') return;
      provider.take('a/x.jpg');
      provider.hint('a/x.jpg');
      await sleep(300);
    };
    await ingest.scan();
    await untilPaths('a', 'a/y.jpg', 'b', 'z.jpg');
  });

  it('has hints wait for it', async () => {
    await begin();
    provider.put('new.jpg', 'n');
    let isOver = false;
    provider.beforeTelling = async (path) => {
      if (path === 'z.jpg') {
        provider.hint('new.jpg');
        await sleep(300);
        expect(provider.looks).toEqual([]);
        isOver = true;
      }
    };
    await ingest.scan();
    expect(isOver).toBe(true);
    await untilPaths('a', 'a/x.jpg', 'a/y.jpg', 'b', 'new.jpg', 'z.jpg');
  });
});

describe('hints that are missing', () => {
  it('make a scan at once, and another one a minute later if that is no better', async () => {
    await begin();
    provider.put('new.jpg', 'n');
    provider.lose('Too much changed at once.');
    await untilPaths('a', 'a/x.jpg', 'a/y.jpg', 'b', 'new.jpg', 'z.jpg');
    await until(async () => (await ingest.status()).watching);
    expect(provider.scans).toBe(2);

    provider.beforeTelling = async (path) => {
      if (path === 'a') provider.lose('Too many folders.');
    };
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ watching: false, state: 'ready' });
    const { endedMs } = ingest.history;
    expect(dueAt(ingest.history, 0)).toBe((endedMs ?? 0) + 60_000);
    expect(warnings.filter((text) => text.includes('Too many folders.'))).toHaveLength(1);

    provider.beforeTelling = async () => undefined;
    await ingest.scan();
    expect((await ingest.status()).watching).toBe(true);
    expect(dueAt(ingest.history, 0)).toBeNull();
  });

  it('are those of too many paths at once', async () => {
    await begin();
    provider.put('new.jpg', 'n');
    for (let count = 0; count < 20_001; count += 1) provider.hint(`${count}.jpg`);
    await untilPaths('a', 'a/x.jpg', 'a/y.jpg', 'b', 'new.jpg', 'z.jpg');
    expect(provider.scans).toBe(2);
    expect(provider.looks).toEqual([]);
  });

  it('are all, when something at the top has changed', async () => {
    await begin();
    provider.put('new.jpg', 'n');
    provider.hint('');
    await untilPaths('a', 'a/x.jpg', 'a/y.jpg', 'b', 'new.jpg', 'z.jpg');
    expect(provider.scans).toBe(2);
  });

  it('are those after the source stopped telling; it is asked again', async () => {
    await begin();
    provider.endWatch(coded('unavailable'));
    await until(async () => !(await ingest.status()).watching);
    expect(dueAt(ingest.history, 0)).not.toBeNull();
    await until(() => provider.watches === 2);
    await ingest.scan();
    expect((await ingest.status()).watching).toBe(true);
    provider.put('new.jpg', 'n');
    provider.hint('new.jpg');
    await untilPaths('a', 'a/x.jpg', 'a/y.jpg', 'b', 'new.jpg', 'z.jpg');
  });

  it('do not matter where the source cannot be watched', async () => {
    const still = ingestOf(new MemoryProvider());
    still.watch();
    await still.scan();
    expect(await still.status()).toMatchObject({ watching: false, state: 'ready' });
    expect(dueAt(still.history, 0)).toBeNull();
    expect(warnings).toEqual([]);
    await still.close();
  });
});

describe('an outage', () => {
  it('looks like no removal, and is told by the scan that follows', async () => {
    const before = await begin();
    provider.lookErrors.push(coded('unavailable'));
    provider.beforeTelling = async () => {
      throw coded('unavailable');
    };
    provider.hint('z.jpg');
    await until(async () => (await ingest.status()).state === 'failing');
    expect(await tree()).toEqual(before);
  });

  it('is over sooner when the source shows signs of life', async () => {
    await begin();
    provider.beforeTelling = async () => {
      throw coded('unavailable');
    };
    for (let failures = 0; failures < 5; failures += 1) await ingest.scan();
    expect(ingest.history.failuresInARow).toBe(5);
    provider.hint('z.jpg');
    await until(() => ingest.history.failuresInARow === 1);
    // Nothing is believed before a scan went well.
    expect(provider.looks).toEqual([]);
  });

  it('of the catalog makes the source fail until a scan has caught up', async () => {
    await begin();
    provider.lookErrors.push(coded('no-space'));
    provider.put('new.jpg', 'n');
    provider.hint('new.jpg');
    await until(async () => (await ingest.status()).state === 'failing');
    expect((await ingest.status()).lastError?.code).toBe('no-space');
    await ingest.scan();
    expect(Object.keys(await tree())).toContain('new.jpg');
  });
});

describe('in layouts without paths', () => {
  it('shows what is new at once; what goes, goes with one scan for a burst', async () => {
    await ingest.close();
    await catalog.close();
    catalog = openSqliteCatalog(join(folder, 'flat.db'), 'windows');
    ingest = ingestOf(provider, { layouts: ['flat'], splitsByType: false });
    await begin();
    provider.put('b/new.jpg', 'n');
    provider.hint('b/new.jpg');
    await untilPaths('new.jpg', 'x.jpg', 'y.jpg', 'z.jpg');
    provider.take('a');
    provider.hint('a/x.jpg', 'a/y.jpg');
    await settle();
    provider.hint('a');
    await untilPaths('new.jpg', 'z.jpg');
    expect(provider.scans).toBe(2);
  });
});

describe('whoever reads what is new', () => {
  it('is called when it has held still, and may ask whether it does', async () => {
    await begin();
    const before = changedCount;
    provider.put('new.jpg', 'n', 'v1', Date.now());
    provider.hint('new.jpg');
    await until(async () => Object.keys(await tree()).includes('new.jpg'));
    const facts = async () => {
      const node = await catalog.reader.node((await tree())['new.jpg'] ?? 0);
      if (node?.kind !== 'asset') throw new Error('it is not there');
      return node.asset;
    };
    expect(ingest.isStill(await facts())).toBe(false);
    await sleep(700);
    // It is still being written.
    provider.put('new.jpg', 'n', 'v2', Date.now());
    provider.hint('new.jpg');
    await sleep(700);
    expect(ingest.isStill(await facts())).toBe(false);
    expect(changedCount).toBe(before);
    await until(() => changedCount > before);
    expect(ingest.isStill(await facts())).toBe(true);
  });

  it('is called at once for what came as it is', async () => {
    await begin();
    const before = changedCount;
    provider.put('moved-in.jpg', 'n');
    provider.hint('moved-in.jpg');
    await until(async () => Object.keys(await tree()).includes('moved-in.jpg'));
    await until(() => changedCount > before);
  });
});
