import { describe, expect, it } from 'vitest';
import { PoolShare } from '../../../../providers/local/pool-share.ts';

/** Trips that end when the test says so. */
class Disk {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();

  trip = (name: string) => async () => {
    this.begun.push(name);
    await new Promise<void>((resolve) => this.#ends.set(name, resolve));
    return name;
  };

  answer(name: string): void {
    this.#ends.get(name)?.();
  }
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

describe('what one source holds of the thread pool', () => {
  it('is some trips; whoever waits goes in order, and gets what the trip brings', async () => {
    const disk = new Disk();
    const share = new PoolShare({ maxTrips: 2 });
    const all = ['a', 'b', 'c', 'd'].map((name) => share.run(disk.trip(name)));
    await turns();
    expect(disk.begun).toEqual(['a', 'b']);
    disk.answer('b');
    expect(await all[1]).toBe('b');
    await turns();
    expect(disk.begun).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'c']) disk.answer(name);
    await turns();
    disk.answer('d');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is given back by what fails', async () => {
    const share = new PoolShare({ maxTrips: 2 });
    const fail = async () => Promise.reject(new Error('bad disk'));
    for (let n = 0; n < 5; n++) await expect(share.run(fail)).rejects.toThrow('bad disk');
    expect(await share.run(async () => 'good')).toBe('good');
  });

  it('lets go of whoever does not wait any longer', async () => {
    const disk = new Disk();
    const share = new PoolShare({ maxTrips: 2 });
    for (const name of ['a', 'b']) void share.run(disk.trip(name));
    const leaving = new AbortController();
    const left = share.run(disk.trip('c'), leaving.signal);
    const stays = share.run(disk.trip('d'));
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    disk.answer('a');
    await turns();
    expect(disk.begun).toEqual(['a', 'b', 'd']);
    disk.answer('d');
    await stays;
  });

  it('of a disk that hangs is refused to all others, at once when that is known, until it answers', async () => {
    const disk = new Disk();
    const share = new PoolShare({ maxTrips: 2, patienceMs: 50 });
    const hanging = ['a', 'b'].map((name) => share.run(disk.trip(name)));
    const refusal = { code: 'unavailable', message: 'The disk of this folder does not answer.' };
    await expect(share.run(disk.trip('c'))).rejects.toMatchObject({ ...refusal, retryAfterMs: 10_000 });
    await expect(share.run(disk.trip('d'))).rejects.toMatchObject(refusal);
    for (const name of ['a', 'b']) disk.answer(name);
    await Promise.all(hanging);
    expect(await share.run(async () => 'again')).toBe('again');
    expect(disk.begun).toEqual(['a', 'b']);
  });

  it('is not waited for without an end by who says so; what it holds, it holds until it is over', async () => {
    const disk = new Disk();
    const share = new PoolShare({ maxTrips: 1, patienceMs: 50 });
    await expect(share.runInTime(disk.trip('a'))).rejects.toMatchObject({ code: 'unavailable' });
    await expect(share.runInTime(disk.trip('b'))).rejects.toMatchObject({ code: 'unavailable' });
    expect(disk.begun).toEqual(['a']);
    disk.answer('a');
    await turns();
    const again = share.runInTime(disk.trip('c'));
    await turns();
    disk.answer('c');
    expect(await again).toBe('c');
  });
});
