import { EventEmitter } from 'node:events';
import { type FSWatcher, mkdirSync, writeFileSync } from 'node:fs';
import { appendFile, link, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HintQueue } from '../../../../providers/local/hint-queue.ts';
import { createLocalProvider } from '../../../../providers/local/provider.ts';
import { FolderWatches } from '../../../../providers/local/watch-folders.ts';
import { MountWatch } from '../../../../providers/local/watch-mounts.ts';
import { QUEUE_GAUGE, QueueGauge } from '../../../../providers/local/watch-queue.ts';
import type { Held, LookEvent, Provider, WatchHint } from '../../../../src/provider/provider.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';

let work: string;
let root: string;
let provider: Provider;
const stops: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-local-watch-'));
  root = join(work, 'photos');
  await mkdir(root);
  await writeFile(join(root, 'a.jpg'), 'a');
  provider = createLocalProvider({ path: root });
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await provider.close();
  await rm(work, { recursive: true, force: true });
});

const NOTHING: Held = NOTHING_HELD;

function scanCall(held = NOTHING) {
  const { signal } = new AbortController();
  const attempt = <T>(run: (signal: AbortSignal) => Promise<T>) => run(signal);
  const yes = () => true;
  return { signal, attempt, accepts: yes, enters: yes, warn: () => undefined, held };
}

async function scan(): Promise<void> {
  for await (const event of provider.scan(scanCall())) expect(event.kind).not.toBe('gone');
}

async function look(path: string, held = NOTHING): Promise<LookEvent[]> {
  const events: LookEvent[] = [];
  for await (const event of provider.look?.(path, scanCall(held)) ?? []) events.push(event);
  return events;
}

/** Paths, and `lost`, as they are hinted at from now on. */
async function watch(): Promise<Set<string>> {
  const hints = new Set<string>();
  const controller = new AbortController();
  const call = { signal: controller.signal, attempt: scanCall().attempt };
  const running = (async () => {
    for await (const hint of provider.watch?.(call) ?? []) {
      hints.add(hint.kind === 'path' ? hint.path : 'lost');
    }
  })();
  stops.push(() => {
    controller.abort();
    return running;
  });
  await scan();
  return hints;
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadlineMs = Date.now() + 5_000; !condition(); await sleep(2)) {
    if (Date.now() > deadlineMs) throw new Error(`still not so: ${condition}`);
  }
}

const on = (path: string) => join(root, path);

/** Kind and name of each. */
function brief(events: readonly LookEvent[]): string[] {
  return events.map((event) => {
    if (event.kind === 'gone') return `gone ${event.path}`;
    return event.kind === 'kept' ? 'kept' : `${event.kind} ${event.name}`;
  });
}

describe('watching a folder', () => {
  it('hints at what is made, written, renamed and removed', async () => {
    const hints = await watch();
    await writeFile(on('new.jpg'), 'new');
    await until(() => hints.has('new.jpg'));
    hints.clear();
    await appendFile(on('a.jpg'), 'more');
    await until(() => hints.has('a.jpg'));
    hints.clear();
    await rename(on('a.jpg'), on('b.jpg'));
    await until(() => hints.has('a.jpg') && hints.has('b.jpg'));
    hints.clear();
    await unlink(on('b.jpg'));
    await until(() => hints.has('b.jpg'));
  });

  it('misses nothing in folders that are made together with what is in them', async () => {
    const hints = await watch();
    mkdirSync(on('x/y/z'), { recursive: true });
    writeFileSync(on('x/y/z/at once.jpg'), 'at once');
    await until(() => hints.has('x'));
    expect(brief(await look('x'))).toEqual([
      ...['collection x', 'collection y', 'collection z', 'asset at once.jpg'],
    ]);
    hints.clear();
    await writeFile(on('x/y/z/later.jpg'), 'later');
    await until(() => hints.has('x/y/z/later.jpg'));
  });

  it('follows a tree to where it is moved', async () => {
    await mkdir(on('x/y'), { recursive: true });
    await mkdir(on('other'));
    const hints = await watch();
    await rename(on('x'), on('other/x'));
    await until(() => hints.has('x') && hints.has('other/x'));
    await look('other/x');
    hints.clear();
    await writeFile(on('other/x/y/new.jpg'), 'new');
    await until(() => hints.has('other/x/y/new.jpg'));
    expect([...hints].filter((path) => path.startsWith('x/'))).toEqual([]);
    await rename(on('other/x'), join(work, 'away'));
    await until(() => hints.has('other/x'));
    hints.clear();
    await writeFile(join(work, 'away/y/unseen.jpg'), 'unseen');
    await sleep(100);
    expect(hints).toEqual(new Set());
    await rename(join(work, 'away'), on('back'));
    await until(() => hints.has('back'));
    await look('back');
    hints.clear();
    await appendFile(on('back/y/unseen.jpg'), 'more');
    await until(() => hints.has('back/y/unseen.jpg'));
  });

  it('watches the new folder where another one was', async () => {
    await mkdir(on('x'));
    const hints = await watch();
    await rename(on('x'), on('old'));
    await mkdir(on('x'));
    await until(() => hints.has('x') && hints.has('old'));
    await look('old');
    await look('x');
    hints.clear();
    await writeFile(on('x/new.jpg'), 'new');
    await writeFile(on('old/new.jpg'), 'new');
    await until(() => hints.has('x/new.jpg') && hints.has('old/new.jpg'));
  });

  it('leaves hidden names alone', async () => {
    const hints = await watch();
    await writeFile(on('.hidden'), 'x');
    await writeFile(on('shown.jpg'), 'x');
    await until(() => hints.has('shown.jpg'));
    expect(hints).toEqual(new Set(['shown.jpg']));
  });

  it('hints at every name of a file that is written under one of them', async () => {
    await mkdir(on('x'));
    await link(on('a.jpg'), on('x/b.jpg'));
    await link(on('a.jpg'), join(work, 'outside.jpg'));
    await symlink('../a.jpg', on('x/link.jpg'));
    const hints = await watch();
    await appendFile(join(work, 'outside.jpg'), 'more');
    await until(() => hints.has('a.jpg') && hints.has('x/b.jpg') && hints.has('x/link.jpg'));
  });

  it('hints at the top when the folder itself goes', async () => {
    const hints = await watch();
    await rename(root, join(work, 'elsewhere'));
    await until(() => hints.has(''));
    await expect(look('a.jpg')).rejects.toMatchObject({ code: 'unavailable' });
    await rename(join(work, 'elsewhere'), root);
    await scan();
    hints.clear();
    await writeFile(on('new.jpg'), 'new');
    await until(() => hints.has('new.jpg'));
  });

  it('tells that changes were lost when there were more than the system holds', async () => {
    const hints = await watch();
    await mkdir(on('many'));
    await until(() => hints.has('many'));
    await look('many');
    // All in one turn of the event loop, so that nobody takes them from the system meanwhile.
    for (let count = 0; count < QUEUE_GAUGE.limit + 100; count += 1) writeFileSync(on(`many/${count}`), '');
    await until(() => hints.has('lost'));
  }, 60_000);

  it('ends with the signal', async () => {
    const controller = new AbortController();
    const hints = provider.watch?.({ signal: controller.signal, attempt: scanCall().attempt });
    const next = hints?.[Symbol.asyncIterator]().next();
    controller.abort();
    expect(await next).toMatchObject({ done: true });
  });
});

describe('looking at a path', () => {
  it('tells the folders above, then what is there', async () => {
    await mkdir(on('x/y'), { recursive: true });
    await writeFile(on('x/y/b.jpg'), 'b');
    expect(brief(await look('x/y/b.jpg'))).toEqual(['collection x', 'collection y', 'asset b.jpg']);
    expect(brief(await look('x'))).toEqual(['collection x', 'collection y', 'asset b.jpg']);
    expect(brief(await look('a.jpg'))).toEqual(['asset a.jpg']);
  });

  it('tells what is gone, and from where on', async () => {
    await mkdir(on('x'));
    await writeFile(on('x/b.jpg'), 'b');
    expect(brief(await look('x/c.jpg'))).toEqual(['collection x', 'gone x/c.jpg']);
    expect(brief(await look('y/z/c.jpg'))).toEqual(['gone y']);
  });

  it('tells a file that took the place of a folder', async () => {
    expect(brief(await look('a.jpg/below.jpg'))).toEqual(['asset a.jpg']);
  });

  it('tells nothing of names that are never shown', async () => {
    await mkdir(on('.trash'));
    await writeFile(on('.trash/b.jpg'), 'b');
    expect(await look('.trash/b.jpg')).toEqual([]);
    expect(await look('.trash')).toEqual([]);
  });

  it('tells of an empty root that it is unavailable', async () => {
    await scan();
    await unlink(on('a.jpg'));
    const held: Held = { ...NOTHING, refAt: async () => '0-1-a' };
    await expect(look('a.jpg', held)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('tells of an empty root that nothing is there where nothing was held', async () => {
    await scan();
    await unlink(on('a.jpg'));
    expect(await look('a.jpg')).toEqual([{ kind: 'gone', path: 'a.jpg' }]);
  });

  it('tells of another folder in the place of the root that it is unavailable', async () => {
    await scan();
    await rename(root, join(work, 'elsewhere'));
    await mkdir(root);
    await writeFile(on('other.jpg'), 'other');
    await expect(look('a.jpg')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('tells the other names of a file', async () => {
    await mkdir(on('x'));
    await link(on('a.jpg'), on('x/b.jpg'));
    const held: Held = { ...NOTHING, pathsOf: async () => ['a.jpg', 'x/b.jpg'] };
    expect(brief(await look('x/b.jpg', held))).toEqual(['collection x', 'asset b.jpg', 'asset a.jpg']);
  });
});

describe('what moves while a scan goes on', () => {
  /** What a scan tells, when `act` is done right after the folder of that name was told first. */
  const scanWhile = async (name: string, act: () => Promise<void>, held = NOTHING): Promise<string[]> => {
    const told: LookEvent[] = [];
    for await (const event of provider.scan(scanCall(held))) {
      const isFirst = !brief(told).includes(`collection ${name}`);
      // It tells of places, and of nothing else.
      told.push(event as LookEvent);
      if (isFirst && event.kind === 'collection' && event.name === name) await act();
    }
    return brief(told).filter((line) => !line.startsWith('collection between'));
  };

  beforeEach(async () => {
    for (const name of ['b', 'x', 'z']) {
      await mkdir(on(`${name}/in ${name}`), { recursive: true });
      await writeFile(on(`${name}/${name}.jpg`), name);
    }
    // More than a scan reads ahead, and watches from then on.
    for (let count = 10; count < 30; count += 1) await mkdir(on(`between ${count}`));
  });

  it('is told again where the scan was still to come, which nobody has watched yet', async () => {
    expect(await scanWhile('in b', () => rename(on('b'), on('z/b')))).toEqual([
      ...['asset a.jpg', 'collection b', 'asset b.jpg', 'collection in b'],
      ...['collection x', 'asset x.jpg', 'collection in x'],
      ...['collection z', 'asset z.jpg', 'collection b', 'asset b.jpg', 'collection in b', 'collection in z'],
    ]);
  });

  it('is told once where it is by then, if the scan had not come to it', async () => {
    expect(await scanWhile('in b', () => rename(on('z'), on('x/z')))).toEqual([
      ...['asset a.jpg', 'collection b', 'asset b.jpg', 'collection in b'],
      ...['collection x', 'asset x.jpg', 'collection in x', 'collection z', 'asset z.jpg', 'collection in z'],
    ]);
  });

  it('is not told at a place that it has left, but not taken for removed either', async () => {
    const events = ['asset a.jpg', 'collection b', 'asset b.jpg', 'collection in b', 'collection x'];
    const rest = ['asset x.jpg', 'collection in x'];
    const move = async () => {
      await rename(on('z'), on('b/z'));
    };
    expect(await scanWhile('in b', move)).toEqual([...events, ...rest]);
    await rename(on('b/z'), on('z'));
    let ref = '';
    for await (const event of provider.scan(scanCall())) {
      if (event.kind === 'collection' && event.name === 'z') ({ ref } = event);
    }
    const held: Held = { ...NOTHING, refAt: async (path) => (path === 'z' ? ref : null) };
    expect(await scanWhile('in b', move, held)).toEqual([...events, ...rest, 'kept']);
  });
});

describe('an empty folder in which another disk was mounted when it was last told', () => {
  it('keeps what it held, under the ref it had', async () => {
    await mkdir(on('usb'));
    const held: Held = { ...NOTHING, refAt: async (path) => (path === 'usb' ? 'zz-2-abc' : null) };
    const expected = [
      { kind: 'collection', ref: 'zz-2-abc', name: 'usb' },
      { kind: 'kept', collection: 'zz-2-abc' },
    ];
    expect(await look('usb', held)).toMatchObject(expected);
    expect(await look('usb/trip/b.jpg', held)).toMatchObject(expected);
    const events: unknown[] = [];
    for await (const event of provider.scan(scanCall(held))) events.push(event);
    expect(events).toMatchObject([{ kind: 'asset' }, ...expected]);
  });

  it('is just a folder again when something is in it, or when the disk it is on has another number', async () => {
    await mkdir(on('usb/below'), { recursive: true });
    const held: Held = { ...NOTHING, refAt: async (path) => (path === 'usb' ? 'zz-2-abc' : 'zz-3-abd') };
    expect(brief(await look('usb', held))).toEqual(['collection usb', 'collection below']);
    expect(brief(await look('usb/below', held))).toEqual(['collection usb', 'collection below']);
  });
});

describe('the limit of watches', () => {
  it('is told with what helps, and tried again by the next scan', async () => {
    const hints = new HintQueue();
    const opened: string[] = [];
    let limit = 2;
    const open = (path: string): FSWatcher => {
      if (opened.length >= limit) throw Object.assign(new Error('no more'), { code: 'ENOSPC' });
      opened.push(path);
      return Object.assign(new EventEmitter(), { close: () => undefined }) as unknown as FSWatcher;
    };
    const watches = new FolderWatches({ hints, gauge: new QueueGauge(100), open });
    watches.beginWalk('/top');
    for (const path of ['', 'a', 'a/b', 'a/c']) watches.entering(path, path);
    expect(opened).toEqual(['/top', '/top/a']);
    const told: WatchHint[] = [];
    const taking = (async () => {
      for await (const hint of hints.hints()) told.push(hint);
    })();
    await sleep(5);
    expect(told).toEqual([
      { kind: 'lost', reason: expect.stringContaining('raise fs.inotify.max_user_watches') },
    ]);
    limit = 9;
    watches.beginWalk('/top');
    for (const path of ['', 'a', 'a/b', 'a/c']) watches.entering(path, path);
    expect(opened).toEqual(['/top', '/top/a', '/top/a/b', '/top/a/c']);
    await sleep(5);
    expect(told).toHaveLength(1);
    watches.close();
    hints.end();
    await taking;
  });
});

describe('disks that are mounted and unmounted', () => {
  it('are hinted at where they are', async () => {
    const file = join(work, 'mountinfo');
    const line = (id: number, device: string, point: string) =>
      `${id} 1 ${device} / ${point} rw - ext4 /dev/x rw`;
    const base = [line(1, '8:1', '/'), line(2, '8:2', '/srv'), line(3, '8:3', '/elsewhere')];
    /** The kernel never shows half of the list either. */
    const write = async (lines: readonly (string | undefined)[]): Promise<void> => {
      await writeFile(`${file}.new`, lines.join('\n'));
      await rename(`${file}.new`, file);
    };
    await write(base);
    const changed: string[] = [];
    const mounts = new MountWatch({
      ...{ rootPath: () => '/srv/photos', mountsFile: file, everyMs: 5 },
      onChange: (path) => changed.push(path),
    });
    stops.push(() => mounts.close());
    await sleep(50);
    expect(changed).toEqual([]);
    await write([...base, line(4, '8:4', '/srv/photos/usb\\040stick')]);
    await until(() => changed.length > 0);
    expect(changed.splice(0)).toEqual(['usb stick']);
    await write([...base, line(5, '8:5', '/srv/other')]);
    await until(() => changed.length > 0);
    expect(changed.splice(0)).toEqual(['usb stick']);
    await write([base[0], line(6, '8:6', '/srv'), line(7, '8:7', '/elsewhere')]);
    await until(() => changed.length > 0);
    expect(changed).toEqual(['']);
  });
});

describe('asked whether files are still what was written', () => {
  async function versionOf(path: string): Promise<string> {
    const events = await look(path);
    const asset = events.find((event) => event.kind === 'asset');
    return asset?.kind === 'asset' ? asset.facts.version : '';
  }

  it('tells those that are, and leaves out what changed, went, has another name too, or is no file', async () => {
    const names = ['same.jpg', 'longer.jpg', 'replaced.jpg', 'gone.jpg', 'linked.jpg', 'folder.jpg'];
    for (const name of names) await writeFile(join(root, name), 'x');
    await scan();
    const versions = new Map<string, string>();
    for (const name of names) versions.set(name, await versionOf(name));
    versions.set('same.jpg/below', 'x').set('never.jpg', 'x');
    await appendFile(join(root, 'longer.jpg'), 'x');
    await writeFile(join(root, 'new'), 'x');
    await rename(join(root, 'new'), join(root, 'replaced.jpg'));
    await unlink(join(root, 'gone.jpg'));
    await link(join(root, 'linked.jpg'), join(root, 'other-name.jpg'));
    await unlink(join(root, 'folder.jpg'));
    await mkdir(join(root, 'folder.jpg'));
    expect(await provider.unchangedAt?.(versions, scanCall())).toEqual(['same.jpg']);
  });
});
