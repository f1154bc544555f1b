import { beforeEach, describe, expect, it } from 'vitest';
import { type AssetFacts, UNKNOWN_MEDIA } from '../../../src/model/asset.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { CollectionNode, Node } from '../../../src/model/node.ts';
import { isSearchNode, SearchTree } from '../../../src/vfs/search-tree.ts';

let asked: string[];
let now: number;
let failure: CodedError | null;
let tree: SearchTree;

function factsOf(id: string, path: string): AssetFacts {
  return {
    ...UNKNOWN_MEDIA,
    ...{ ref: { id, path }, version: `v-${id}`, sizeBytes: 10, contentType: 'image/jpeg', kind: 'image' },
    ...{ modifiedMs: 1, createdMs: 1, statusChangedMs: null, digests: {} },
  };
}

beforeEach(() => {
  asked = [];
  now = 1_000_000;
  failure = null;
  tree = new SearchTree({
    source: {
      async search(words) {
        asked.push(words);
        if (failure !== null) throw failure;
        return [factsOf('1', 'dog.jpg'), factsOf('2', 'Dog.jpg'), factsOf('3', 'what?.jpg')];
      },
      describe: async (ref) => ({ ...factsOf(ref.id, ref.path), version: 'newer' }),
    },
    ...{ sourceId: 7, names: 'windows', now: () => now },
  });
});

async function list(...names: string[]): Promise<string[]> {
  const node = await tree.nodeAt(names);
  const members = await tree.members(node as CollectionNode);
  return members.map(({ name }) => name);
}

describe('a folder of searches', () => {
  it('asks for nothing until somebody lists a search', async () => {
    expect((await tree.nodeAt(['dog on'])).kind).toBe('collection');
    expect(await list()).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('lists what is found, under names that every client can store, each once', async () => {
    const names = await list('dog');
    expect(names[0]).toBe('dog.jpg');
    expect(names[1]).toMatch(/^Dog~[0-9a-f]{8}\.jpg$/);
    expect(names[2]).toBe('what？.jpg');
    expect(asked).toEqual(['dog']);
  });

  it('finds a member by its name, in any Unicode form of it, and nothing else', async () => {
    expect((await tree.nodeAt(['dog', 'dog.jpg'])).sourceId).toBe(7);
    await expect(tree.nodeAt(['dog', 'cat.jpg'])).rejects.toMatchObject({ code: 'not-found' });
    await expect(tree.nodeAt(['dog', 'dog.jpg', 'x'])).rejects.toMatchObject({ code: 'not-found' });
    expect(asked).toEqual(['dog']);
  });

  it('answers the same again for ten minutes, whoever asks and however it is written', async () => {
    await Promise.all([list('dog'), list('DOG'), list(' dog ')]);
    now += 9 * 60_000;
    await list('dog');
    expect(asked).toEqual(['dog']);
    expect(await list()).toEqual(['dog']);
    now += 2 * 60_000;
    expect(await list()).toEqual([]);
    await list('dog');
    expect(asked).toEqual(['dog', 'dog']);
  });

  it.each([
    '.x',
    '._dog',
    '.DS_Store',
    'desktop.ini',
    'folder.jpg',
    'Thumbs.db',
    '~$dog',
    'a',
    '??',
    'x'.repeat(201),
  ])('knows no search of the name %s', async (name) => {
    await expect(tree.nodeAt([name])).rejects.toMatchObject({ code: 'not-found' });
    expect(asked).toEqual([]);
  });

  it('begins twenty searches a minute and refuses more until later', async () => {
    for (let n = 0; n < 20; n += 1) await list(`dog ${n}`);
    await expect(list('one more')).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 60_000 });
    await list('dog 3');
    expect(asked).toHaveLength(20);
    now += 60_001;
    await list('one more');
    expect(asked.at(-1)).toBe('one more');
    expect(await list()).toHaveLength(20);
  });

  it('fails with its source, and tries again the next time', async () => {
    failure = new CodedError('unavailable', 'away');
    await expect(list('dog')).rejects.toMatchObject({ code: 'unavailable' });
    expect(await list()).toEqual([]);
    failure = null;
    expect(await list('dog')).toHaveLength(3);
  });

  it('keeps ids apart from all others, and the same for the same thing', async () => {
    const ids = async () =>
      (await tree.members((await tree.nodeAt(['dog'])) as CollectionNode)).map(({ id }) => id);
    const first = await ids();
    expect(new Set(first).size).toBe(3);
    now += 11 * 60_000;
    expect(await ids()).toEqual(first);
    for (const id of [...first, tree.folder.id]) expect(isSearchNode({ id })).toBe(true);
    for (const id of [-1, 0, 1]) expect(isSearchNode({ id })).toBe(false);
  });

  it('asks the source anew for an asset that has changed', async () => {
    const node = (await tree.nodeAt(['dog', 'dog.jpg'])) as Extract<Node, { kind: 'asset' }>;
    const signal = new AbortController().signal;
    expect((await tree.refresh(node, signal)).asset.version).toBe('newer');
  });
});
