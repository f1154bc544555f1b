import { afterAll, describe, expect, it } from 'vitest';
import { VERSIONS, type Version } from '../fakes/immich/versions.ts';
import { CacheScene, FILM_BYTES, MIB } from './cache-scene.ts';
import { type MisbehavingProxy, type Misbehaviour, startProxy } from './misbehaving-proxy.ts';

/** A proxy in front of Immich that does something to answers: right bytes or an error that can be seen, never others. */

const PATIENCE = { timeout: 120_000 };
/** What may lie in sockets on the way when nobody reads any more. */
const ON_THE_WAY_BYTES = 16 * MIB;

const proxies = new Set<MisbehavingProxy>();
afterAll(async () => {
  for (const proxy of proxies) await proxy.close();
});

async function setScene(version: Version): Promise<{ scene: CacheScene; proxy: MisbehavingProxy }> {
  let proxy: MisbehavingProxy | null = null;
  const scene = await CacheScene.set(version, {
    before: async (immichUrl) => {
      proxy = await startProxy(immichUrl);
      proxies.add(proxy);
      return proxy.url;
    },
  });
  if (proxy === null) throw new Error('there is no proxy');
  return { scene, proxy };
}

/** A part of a file, or the text of the refusal. */
async function part(scene: CacheScene, name: string, start: number, end: number): Promise<Buffer | string> {
  const answer = await fetch(scene.url(name), { headers: { range: `bytes=${start}-${end}` } });
  if (answer.status !== 206) {
    expect(answer.status).toBe(503);
    return await answer.text();
  }
  return Buffer.from(await answer.arrayBuffer());
}

describe.each(VERSIONS)('a proxy in front of Immich %s', PATIENCE, (version) => {
  it('that strips Range: parts near the start come, others are refused, and no more is read than that', async () => {
    const { scene, proxy } = await setScene(version);
    const film = scene.asset('film.mp4').content;
    proxy.misbehave({ kind: 'no-range' }, /original/);
    expect(await part(scene, 'film.mp4', 100, 199)).toEqual(film.bytes(100, 200));
    expect(await part(scene, 'film.mp4', 3 * MIB, 3 * MIB + 99)).toEqual(film.bytes(3 * MIB, 3 * MIB + 100));
    const refusal = await part(scene, 'film.mp4', 60 * MIB, 60 * MIB + 99);
    expect(refusal).toContain('does not pass on requests for a part of a file');
    // Each of the few requests was left after what it was for.
    const { length } = scene.downloads('film.mp4');
    expect(scene.fake.bytesSent).toBeLessThan(length * ON_THE_WAY_BYTES);
    expect(scene.fake.bytesSent).toBeLessThan(FILM_BYTES);

    // All of it is one request without a range; what was read once has parts like any other.
    await scene.expectRight('film.mp4');
    expect(await part(scene, 'film.mp4', 60 * MIB, 60 * MIB + 99)).toEqual(
      film.bytes(60 * MIB, 60 * MIB + 100),
    );
    await scene.end();
  });

  it('that packs listings, unasked: they are read', async () => {
    const packing = async (immichUrl: string) => {
      const proxy = await startProxy(immichUrl);
      proxies.add(proxy);
      proxy.misbehave({ kind: 'packed' }, /albums|search|version/);
      return proxy.url;
    };
    const scene = await CacheScene.set(version, { before: packing });
    await scene.expectRight('large 3.jpg');
    await scene.end();
  });

  it.each<[string, Misbehaviour]>([
    ['packs files', { kind: 'packed' }],
    ['tells a length that is too long', { kind: 'longer' }],
    ['tells a length that is too short', { kind: 'shorter' }],
    ['sends half of each answer', { kind: 'half' }],
  ])('that %s: nobody gets other bytes, and nothing of it is kept', async (_what, how) => {
    const { scene, proxy } = await setScene(version);
    const { content } = scene.asset('large 2.jpg');
    proxy.misbehave(how, /original/);
    const whole = await fetch(scene.url('large 2.jpg'));
    const bytes = await whole.arrayBuffer().catch(() => null);
    if (whole.status === 200) expect(bytes).toBeNull();
    else expect([502, 503]).toContain(whole.status);
    const headers = { range: `bytes=${2 * MIB}-${4 * MIB - 1}` };
    const answer = await fetch(scene.url('large 2.jpg'), { headers });
    const some = await answer.arrayBuffer().catch(() => null);
    if (answer.status === 206 && some !== null)
      expect(Buffer.from(some).equals(content.bytes(2 * MIB, 4 * MIB))).toBe(true);
    proxy.behave();
    await scene.expectRight('large 2.jpg');
    await scene.fake.stop();
    await scene.expectRight('large 2.jpg');
    await scene.end();
  });
});
