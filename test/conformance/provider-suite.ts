import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AssetFacts } from '../../src/model/asset.ts';
import type { ByteRange } from '../../src/model/byte-range.ts';
import type { AssetEvent, Call, Provider, ScanCall, ScanEvent } from '../../src/provider/provider.ts';
import { NOTHING_HELD } from '../../src/source/source.ts';
import type { SourceEditor } from './watching-suite.ts';
import { POWERS } from './writing-suite.ts';

/** A provider over a source that holds at least one collection with one asset of more than 1,000 bytes in it. */
export interface ProviderUnderTest {
  readonly provider: Provider;
  /** The bytes the source holds for that asset, known from elsewhere than the provider. */
  bytesOf(facts: AssetFacts): Promise<Buffer>;
  /** Content streams that the source has open now. */
  openStreams(): Promise<number>;
  /** Makes the source as a whole unreadable, and readable again. */
  outage(isOut: boolean): Promise<void>;
  /** For one that watches, whose test calls `watchingSuite` too. */
  readonly editor?: SourceEditor;
  /** Removes the asset from the source. */
  remove(facts: AssetFacts): Promise<void>;
  dispose(): Promise<void>;
}

/** What every provider must do; a provider's test calls this with its own source. */
export function providerSuite(name: string, create: () => Promise<ProviderUnderTest>): void {
  describe(`provider: ${name}`, () => {
    let under: ProviderUnderTest;
    let events: ScanEvent[];
    let asset: AssetEvent;

    beforeAll(async () => {
      under = await create();
      events = await scanAll(under.provider);
      asset = largestOf(events);
    });
    afterAll(async () => {
      await under.provider.close();
      await under.dispose();
    });

    it('tells a collection before its members, and each place once', () => {
      const told = new Set<string | null>([null]);
      const places = new Set<string>();
      for (const event of events) {
        if (event.kind !== 'collection' && event.kind !== 'asset') continue;
        const parent = event.kind === 'collection' ? event.parent : event.collection;
        expect(told).toContain(parent);
        if (event.kind === 'collection') told.add(event.ref);
        const place = event.kind === 'collection' ? event.ref : `${event.collection} ${event.facts.ref.id}`;
        expect(places).not.toContain(place);
        places.add(place);
      }
      expect(places.size).toBeGreaterThan(1);
    });

    it('tells whole facts', () => {
      for (const { facts } of assetsOf(events)) {
        expect(facts.version).toMatch(/^[\w.-]+$/);
        expect(Number.isSafeInteger(facts.sizeBytes) && facts.sizeBytes >= 0).toBe(true);
        expect(Number.isFinite(facts.modifiedMs)).toBe(true);
        expect(facts.contentType).toMatch(/^[\w.+-]+\/[\w.+-]+$/);
        expect(facts.ref.id).not.toBe('');
      }
    });

    it('keeps its traits: one place an asset, or the same facts at each', () => {
      const byId = Map.groupBy(assetsOf(events), ({ facts }) => facts.ref.id);
      for (const places of byId.values()) {
        if (under.provider.traits.membership === 'one') expect(places).toHaveLength(1);
        for (const place of places) expect(place.facts).toEqual(places[0]?.facts);
      }
    });

    it('tells the same story twice', async () => {
      expect(await scanAll(under.provider)).toEqual(events);
    });

    it('leaves out what is not accepted', async () => {
      const some = await scanAll(under.provider, { accepts: (path) => path !== asset.facts.ref.path });
      expect(assetsOf(some).filter(({ facts }) => facts.ref.path === asset.facts.ref.path)).toEqual([]);
      expect(some.length).toBeLessThan(events.length);
    });

    it('stops when nobody listens any more', async () => {
      const controller = new AbortController();
      const scan = under.provider.scan(scanCall({ signal: controller.signal }))[Symbol.asyncIterator]();
      await scan.next();
      controller.abort();
      await expect(drain(scan)).resolves.toBeLessThan(events.length + 1);
    });

    it('gives the whole content, as its digests say', async () => {
      const bytes = await readAll(await openOf(under.provider, asset.facts));
      expect(bytes.equals(await under.bytesOf(asset.facts))).toBe(true);
      const { sha1 } = asset.facts.digests;
      if (sha1 !== undefined) expect(createHash('sha1').update(bytes).digest('hex')).toBe(sha1);
    });

    it('gives exactly the range', async () => {
      const whole = await under.bytesOf(asset.facts);
      const last = whole.length - 1;
      const ranges = [
        [0, 0],
        [0, 99],
        [500, 777],
        [last, last],
        [last - 99, last],
        [0, last],
      ] as const;
      for (const [start, end] of ranges) {
        const bytes = await readAll(await openOf(under.provider, asset.facts, { start, end }));
        expect(bytes.equals(whole.subarray(start, end + 1)), `${start}-${end}`).toBe(true);
      }
    });

    it('lets go of the source when the stream is destroyed, or the call ended', async () => {
      for (let round = 0; round < 20; round++) {
        const stream = await openOf(under.provider, asset.facts);
        stream.on('error', () => stream.destroy()).destroy();
      }
      const controller = new AbortController();
      const stream = await openOf(under.provider, asset.facts, undefined, controller.signal);
      const failed = new Promise<boolean>((resolve) => stream.once('error', () => resolve(true)));
      controller.abort();
      expect(await failed).toBe(true);
      for (let waited = 0; waited < 1000 && (await under.openStreams()) > 0; waited += 50) await sleep(50);
      expect(await under.openStreams()).toBe(0);
    });

    it('says "changed" before the first byte when the size is another', async () => {
      const { sizeBytes } = asset.facts;
      await expect(
        openOf(under.provider, { ...asset.facts, sizeBytes: sizeBytes + 1, version: 'other' }),
      ).rejects.toMatchObject({ code: 'changed' });
    });

    it('opens the file of exactly the wanted version, if it holds files of this machine', async () => {
      const { openFile } = under.provider;
      if (openFile === undefined) return;
      const { ref, version, sizeBytes } = asset.facts;
      const openAs = (wanted: string) =>
        openFile.call(under.provider, ref, { version: wanted, sizeBytes }, call());
      const file = await openAs(version);
      try {
        const bytes = Buffer.alloc(sizeBytes);
        expect(readSync(file.fd, bytes, 0, sizeBytes, 0)).toBe(sizeBytes);
        expect(bytes.equals(await under.bytesOf(asset.facts))).toBe(true);
        const middle = Buffer.alloc(50);
        expect(await file.readInto(middle, 10)).toBe(50);
        expect(middle.equals(bytes.subarray(10, 60))).toBe(true);
        expect(await file.readInto(middle, sizeBytes)).toBe(0);
        await file.verify();
      } finally {
        await file.close();
      }
      await expect(openAs('other')).rejects.toMatchObject({ code: 'changed' });
      expect(await under.openStreams()).toBe(0);
    });

    it('tells of an open file that it is not the wanted version any more', async () => {
      const own = await create();
      const { openFile } = own.provider;
      if (openFile !== undefined && own.editor !== undefined) {
        const { ref, version, sizeBytes } = largestOf(await scanAll(own.provider)).facts;
        const file = await openFile.call(own.provider, ref, { version, sizeBytes }, call());
        await own.editor.put(ref.path, 'written to while somebody reads it');
        await expect(file.verify()).rejects.toMatchObject({ code: 'changed' });
        await file.close();
        expect(await own.openStreams()).toBe(0);
      }
      await own.provider.close();
      await own.dispose();
    });

    it('reads what is short as one piece, if it can: exactly the range of exactly the version', async () => {
      const read = under.provider.read?.bind(under.provider);
      if (read === undefined) return;
      const { ref, version, sizeBytes } = asset.facts;
      const whole = await under.bytesOf(asset.facts);
      expect((await read(ref, { version, sizeBytes }, call())).equals(whole)).toBe(true);
      const range = { start: 7, end: 99 };
      expect((await read(ref, { version, sizeBytes, range }, call())).equals(whole.subarray(7, 100))).toBe(
        true,
      );
      await expect(read(ref, { version: 'other', sizeBytes }, call())).rejects.toMatchObject({
        code: 'changed',
      });
      const gone = { id: ref.id, path: `${ref.path}-gone` };
      await expect(read(gone, { version, sizeBytes }, call())).rejects.toMatchObject({ code: 'not-found' });
      expect(await under.openStreams()).toBe(0);
    });

    it('describes an asset as the scan did', async () => {
      expect(await under.provider.describe(asset.facts.ref, call())).toEqual(asset.facts);
    });

    it('calls an outage an outage: nothing is missing', async () => {
      await under.outage(true);
      try {
        await expect(scanAll(under.provider)).rejects.toMatchObject({ code: 'unavailable' });
        await expect(openOf(under.provider, asset.facts)).rejects.toMatchObject({ code: 'unavailable' });
        await expect(under.provider.describe(asset.facts.ref, call())).rejects.toMatchObject({
          code: 'unavailable',
        });
        await expect(openFileOf(under.provider, asset.facts)).rejects.toMatchObject({ code: 'unavailable' });
      } finally {
        await under.outage(false);
      }
      expect(await scanAll(under.provider)).toEqual(events);
    });

    it('tells how much space there is, if it can, and that it is away when it is', async () => {
      const space = under.provider.space?.bind(under.provider);
      if (space === undefined) return;
      const { availableBytes, usedBytes, volume } = await space(call());
      for (const bytes of [availableBytes, usedBytes]) expect(Number.isSafeInteger(bytes)).toBe(true);
      expect(availableBytes).toBeGreaterThanOrEqual(0);
      expect(usedBytes).toBeGreaterThan(0);
      expect(volume).not.toBe('');
      await under.outage(true);
      try {
        await expect(space(call())).rejects.toMatchObject({ code: 'unavailable' });
      } finally {
        await under.outage(false);
      }
    });

    it('has both powers that watching takes, or none, and is tested for them', () => {
      const { watch, look } = under.provider;
      expect([look === undefined, under.editor === undefined]).toEqual(Array(2).fill(watch === undefined));
    });

    it('has all powers to write, or none', () => {
      const { provider } = under;
      const powers = POWERS.filter((power) => provider[power] !== undefined);
      expect([[], POWERS]).toContainEqual(powers);
    });

    it('says "not-found" for what is gone', async () => {
      await under.remove(asset.facts);
      await expect(openOf(under.provider, asset.facts)).rejects.toMatchObject({ code: 'not-found' });
      await expect(under.provider.describe(asset.facts.ref, call())).rejects.toMatchObject({
        code: 'not-found',
      });
      await expect(openFileOf(under.provider, asset.facts)).rejects.toMatchObject({ code: 'not-found' });
      const rest = await scanAll(under.provider);
      expect(assetsOf(rest).some(({ facts }) => facts.ref.id === asset.facts.ref.id)).toBe(false);
    });
  });
}

export function call(signal: AbortSignal = new AbortController().signal): Call {
  return { signal, attempt: (work) => work(signal) };
}

export function scanCall(options: Partial<ScanCall> = {}): ScanCall {
  const nothing = () => undefined;
  return {
    ...call(options.signal),
    accepts: () => true,
    enters: () => true,
    warn: nothing,
    held: NOTHING_HELD,
    ...options,
  };
}

/** What a scan tells of places. How a provider calls what it has read may differ each time. */
export async function scanAll(provider: Provider, options: Partial<ScanCall> = {}): Promise<ScanEvent[]> {
  const events: ScanEvent[] = [];
  for await (const event of provider.scan(scanCall(options))) {
    if (event.kind !== 'complete') events.push(event);
  }
  return events;
}

function openOf(
  provider: Provider,
  facts: AssetFacts,
  range?: ByteRange,
  signal?: AbortSignal,
): Promise<Readable> {
  const { version, sizeBytes } = facts;
  return provider.open(
    facts.ref,
    range === undefined ? { version, sizeBytes } : { version, sizeBytes, range },
    call(signal),
  );
}

/** The content as a file, where the provider has files; fails as `open` does where it has none. */
async function openFileOf(provider: Provider, { ref, version, sizeBytes }: AssetFacts): Promise<unknown> {
  const want = { version, sizeBytes };
  return await (provider.openFile?.(ref, want, call()) ?? provider.open(ref, want, call()));
}

async function readAll(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

/** Reads on until the end or an error; @returns how many events came. */
async function drain(scan: AsyncIterator<ScanEvent>): Promise<number> {
  let count = 0;
  try {
    while (!(await scan.next()).done) count += 1;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  return count;
}

function assetsOf(events: readonly ScanEvent[]): AssetEvent[] {
  return events.filter((event) => event.kind === 'asset');
}

function largestOf(events: readonly ScanEvent[]): AssetEvent {
  const [largest] = assetsOf(events)
    .filter(({ collection }) => collection !== null)
    .sort((a, b) => b.facts.sizeBytes - a.facts.sizeBytes);
  if (largest === undefined) throw new Error('the source under test holds no asset in a collection');
  return largest;
}
