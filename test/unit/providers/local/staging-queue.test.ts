import { describe, expect, it } from 'vitest';
import type { Disk } from '../../../../providers/local/disk.ts';
import type { StageAsk, StagedFile } from '../../../../providers/local/disk-messages.ts';
import { type QueuedFile, StagingQueue } from '../../../../providers/local/write/staging-queue.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Uploads through a disk that answers when it is told to. */
function makeRoom(options: { patienceMs?: number } = {}) {
  const asked = new Map<string, { resolve: (staged: StagedFile) => void; reject: (error: Error) => void }>();
  let posted = 0;
  const disk: Pick<Disk, 'ask' | 'post'> = {
    ask: (_question, ask) =>
      new Promise<never>((resolve, reject) => {
        asked.set((ask as StageAsk).stagingName, { resolve: resolve as never, reject });
      }),
    post: () => {
      posted = asked.size;
    },
  };
  const queue = new StagingQueue(disk, options);
  const queued = new Map<string, QueuedFile>();
  const failed: string[] = [];
  const settled = async () => {
    await turn();
    await turn();
  };
  return {
    failed,
    atDisk: () => [...asked.keys()].slice(0, posted).join(''),
    async stage(...names: string[]) {
      for (const name of names) {
        queue.stage({ stagingName: name } as StageAsk).then(
          (file) => queued.set(name, file),
          () => failed.push(name),
        );
      }
      await settled();
    },
    async answer(...names: string[]) {
      for (const name of names) asked.get(name)?.resolve({ fd: 1, folderFd: 2, folderIdentity: 'a' });
      await settled();
    },
    async fail(name: string) {
      asked.get(name)?.reject(new Error('the disk'));
      await settled();
    },
    async leave(...names: string[]) {
      for (const name of names) queued.get(name)?.leave();
      await settled();
    },
  };
}

describe('short uploads on their way to the disk', () => {
  it('go at once when they come alone, and when the disk has taken in the one before', async () => {
    const { stage, answer, leave, atDisk } = makeRoom();
    await stage('a');
    expect(atDisk()).toBe('a');
    await stage('b');
    expect(atDisk()).toBe('a');
    await answer('a');
    expect(atDisk()).toBe('ab');
    // One is being shown, one is at the disk.
    await stage('c');
    await leave('a');
    expect(atDisk()).toBe('ab');
    await answer('b');
    expect(atDisk()).toBe('abc');
  });

  it('go as halves of all who upload, so that one half is at the disk while the other is shown', async () => {
    const { stage, answer, leave, atDisk } = makeRoom();
    await stage('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
    expect(atDisk()).toBe('abcd');
    await answer('a', 'b', 'c', 'd');
    expect(atDisk()).toBe('abcdefgh');
    // Whose answer was sent comes back; not the first alone, while the others are on their way.
    await leave('a', 'b', 'c', 'd');
    await answer('e', 'f', 'g', 'h');
    await stage('i');
    expect(atDisk()).toBe('abcdefgh');
    await stage('j', 'k', 'l');
    expect(atDisk()).toBe('abcdefghijkl');
  });

  it('wait for no others than are there, however many there were', async () => {
    const { stage, answer, leave, atDisk } = makeRoom();
    await stage('a', 'b', 'c', 'd', 'e', 'f');
    await answer('a', 'b', 'c');
    await answer('d', 'e', 'f');
    await stage('g');
    expect(atDisk()).toBe('abcdef');
    await leave('a', 'b', 'c');
    expect(atDisk()).toBe('abcdef');
    await leave('d', 'e', 'f');
    expect(atDisk()).toBe('abcdefg');
    // Of two who go on alone neither waits for a third.
    for (const [before, after] of ['gh', 'hi', 'ij', 'jk', 'kl'].map(
      (pair) => pair.split('') as [string, string],
    )) {
      await answer(before);
      await stage(after);
      await leave(before);
      expect(atDisk()).toMatch(new RegExp(`${after}$`));
    }
  });

  it('of two are not held up for long by how many there were before', async () => {
    const { stage, answer, leave, atDisk } = makeRoom();
    const many = Array.from({ length: 64 }, (_, at) => `m${at} `);
    await stage(...many);
    await answer(...many);
    await answer(...many);
    await leave(...many);
    let held = 0;
    await stage('0 ');
    for (let at = 1; at <= 64; at += 1) {
      await answer(`${at - 1} `);
      await stage(`${at} `);
      if (!atDisk().endsWith(` ${at} `)) held += 1;
      await leave(`${at - 1} `);
    }
    expect(held).toBeLessThan(32);
  });

  it('do not wait for ever for groups of which something hangs, at the disk or while it is shown', async () => {
    const { stage, answer, leave, atDisk } = makeRoom({ patienceMs: 1 });
    await stage('a', 'b');
    await answer('a', 'b');
    await leave('a');
    await stage('c');
    await expect.poll(atDisk).toBe('abc');
    await stage('d');
    await expect.poll(atDisk).toBe('abcd');
    // What comes late after all disturbs nobody.
    await answer('c', 'd');
    await leave('b', 'c', 'd');
    await stage('e');
    await expect.poll(atDisk).toBe('abcde');
  });

  it('do not wait for what has failed', async () => {
    const { stage, answer, fail, leave, failed, atDisk } = makeRoom();
    await stage('a', 'b');
    await stage('c');
    await fail('a');
    expect([atDisk(), failed]).toEqual(['ab', ['a']]);
    await answer('b');
    await leave('b');
    expect(atDisk()).toBe('abc');
    await fail('c');
    await stage('d');
    expect([atDisk(), failed]).toEqual(['abcd', ['a', 'c']]);
  });
});
