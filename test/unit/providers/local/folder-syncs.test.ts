import { describe, expect, it } from 'vitest';
import { FolderSyncs, type SyncedFolder } from '../../../../providers/local/write/folder-syncs.ts';

/** A folder whose syncs end when they are told to. */
function folderOf(name: string) {
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const folder: SyncedFolder = {
    identity: name,
    sync: () => new Promise<void>((resolve, reject) => ends.push({ resolve, reject })),
  };
  return { folder, ends };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('folders on their way to the disk', () => {
  it('are synced once for all who came before it began, and anew for who came after', async () => {
    const syncs = new FolderSyncs();
    const { folder, ends } = folderOf('a');
    const over: string[] = [];
    const sync = (who: string) => syncs.sync(folder).then(() => over.push(who));
    void sync('first');
    await turn();
    void sync('second');
    void sync('third');
    await turn();
    expect(ends.length).toBe(1);
    ends[0]?.resolve();
    await turn();
    // What the second and third have done may not be in the first one's.
    expect(over).toEqual(['first']);
    expect(ends.length).toBe(2);
    void sync('fourth');
    await turn();
    ends[1]?.resolve();
    await turn();
    expect(over).toEqual(['first', 'second', 'third']);
    ends[2]?.resolve();
    await turn();
    expect(over).toEqual(['first', 'second', 'third', 'fourth']);
    void sync('later');
    await turn();
    expect(ends.length).toBe(4);
  });

  it('are synced once for all who come in one moment', async () => {
    const syncs = new FolderSyncs();
    const { folder, ends } = folderOf('a');
    const over = Promise.all([syncs.sync(folder), syncs.sync(folder), syncs.sync(folder)]);
    await turn();
    expect(ends.length).toBe(1);
    ends[0]?.resolve();
    await over;
  });

  it('wait for no other folder, and tell an error to those it is about', async () => {
    const syncs = new FolderSyncs();
    const [a, b] = [folderOf('a'), folderOf('b')];
    const first = syncs.sync(a.folder);
    const other = syncs.sync(b.folder);
    await turn();
    const second = syncs.sync(a.folder);
    await turn();
    b.ends[0]?.resolve();
    await other;
    a.ends[0]?.reject(new Error('the disk'));
    await expect(first).rejects.toThrow('the disk');
    await turn();
    a.ends[1]?.resolve();
    await second;
  });
});
