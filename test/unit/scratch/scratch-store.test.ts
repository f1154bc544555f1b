import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ResourcePath } from '../../../src/model/resource-path.ts';
import { ScratchStore } from '../../../src/scratch/scratch-store.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { patterned } from '../../protocol/dav-app.ts';

const LIMITS = { entries: 5, totalBytes: 1_000_000, entryBytes: 600_000 };
const at = (path: string) => ResourcePath.parse(encodeURI(path)).key;

describe('the scratch store', () => {
  let folder: string;
  let store: ScratchStore;
  const open = () =>
    new ScratchStore({ file: join(folder, 'scratch.db'), logger: QUIET_LOGGER, limits: LIMITS });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mediadav-scratch-'));
    store = open();
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const put = (path: string, content: Buffer | string) =>
    store.put(at(path), Readable.from([Buffer.from(content)]), null);
  const read = async (path: string, range?: { start: number; end: number }) => {
    const entry = store.at(at(path));
    return entry === null ? null : await buffer(store.open(entry, range));
  };

  it('gives back what was put, and after a restart', async () => {
    const content = patterned(300_000);
    await put('/photos/._a.jpg', content);
    await put('/photos/.DS_Store', '');
    await store.close();
    store = open();
    expect(await read('/photos/._a.jpg')).toEqual(content);
    expect(await read('/photos/.DS_Store')).toEqual(Buffer.alloc(0));
    expect(store.at(at('/photos/._b.jpg'))).toBeNull();
  });

  it.each([
    [0, 0],
    [131_071, 131_072],
    [131_072, 131_072],
    [100_000, 299_999],
    [299_999, 299_999],
  ])('gives the range %i to %i', async (start, end) => {
    const content = patterned(300_000);
    // Chunks of all sizes: pieces are cut anew.
    const chunks = [content.subarray(0, 1), content.subarray(1, 280_000), content.subarray(280_000)];
    await store.put(at('/._a'), Readable.from(chunks), null);
    expect(await read('/._a', { start, end })).toEqual(content.subarray(start, end + 1));
  });

  it('keeps the old content when the new one breaks off or is too large', async () => {
    const first = await put('/._a', 'old');
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(200_000);
        throw new Error('cut');
      })(),
    );
    await expect(store.put(at('/._a'), broken, null)).rejects.toThrow('cut');
    await expect(put('/._a', Buffer.alloc(600_001))).rejects.toMatchObject({ code: 'too-large' });
    expect(store.at(at('/._a'))).toEqual(first);
    expect((await read('/._a'))?.toString()).toBe('old');
    const second = await put('/._a', 'new');
    expect(second.id).not.toBe(first.id);
    expect((await read('/._a'))?.toString()).toBe('new');
  });

  it('lets go of what was written longest ago: by count', async () => {
    for (let number = 0; number < 8; number += 1) await put(`/._${number}`, 'x');
    await put('/._3', 'again');
    await put('/._8', 'x');
    const left = Array.from({ length: 9 }, (_, number) => store.at(at(`/._${number}`)) !== null);
    expect(left).toEqual([false, false, false, true, false, true, true, true, true]);
  });

  it('lets go of what was written longest ago: by bytes', async () => {
    await put('/._1', Buffer.alloc(400_000));
    await put('/._2', Buffer.alloc(10));
    await put('/._3', Buffer.alloc(500_000));
    expect(store.at(at('/._1'))).not.toBeNull();
    await put('/._4', Buffer.alloc(200_000));
    expect([1, 2, 3, 4].map((number) => store.at(at(`/._${number}`)) !== null)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('knows collections, their members, and moves and removes them whole', async () => {
    store.makeCollection(at('/p/.TemporaryItems'));
    expect(() => store.makeCollection(at('/p/.TemporaryItems'))).toThrow('already');
    await expect(put('/p/.TemporaryItems', 'x')).rejects.toMatchObject({ code: 'exists' });
    store.makeCollection(at('/p/.TemporaryItems/é😀'));
    await put('/p/.TemporaryItems/é😀/a', 'deep');
    await put('/p/.TemporaryItems/b', 'near');
    expect(store.members(at('/p/.TemporaryItems')).map(({ path }) => path)).toEqual([
      '/p/.TemporaryItems/b',
      '/p/.TemporaryItems/é😀',
    ]);
    store.moveTree(at('/p/.TemporaryItems/é😀'), at('/q/._x'));
    expect((await read('/q/._x/a'))?.toString()).toBe('deep');
    expect(store.at(at('/p/.TemporaryItems/é😀'))).toBeNull();
    expect(store.removeTree(at('/p'))).toBe(true);
    expect(store.removeTree(at('/p'))).toBe(false);
    expect(store.at(at('/p/.TemporaryItems/b'))).toBeNull();
    expect((await read('/q/._x/a'))?.toString()).toBe('deep');
  });

  it('is made anew when its file is damaged', async () => {
    await put('/._a', 'x');
    await store.close();
    await writeFile(join(folder, 'scratch.db'), 'this is no database at all, but some text '.repeat(100));
    store = open();
    expect(store.at(at('/._a'))).toBeNull();
    await put('/._a', 'y');
    expect((await read('/._a'))?.toString()).toBe('y');
  });

  it('finds a name in either Unicode form', async () => {
    await put('/._\u00e9', 'x');
    expect(store.at(at('/._e\u0301'))).not.toBeNull();
  });

  it('fails a reading that is overtaken by another content, instead of mixing them', async () => {
    const entry = await put('/._a', Buffer.alloc(300_000, 'a'));
    const reading = store.open(entry)[Symbol.asyncIterator]();
    await reading.next();
    await put('/._a', Buffer.alloc(300_000, 'b'));
    const rest = async () => {
      for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
        expect((next.value as Buffer).includes('b')).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await expect(rest()).rejects.toMatchObject({ code: 'changed' });
  });
});
