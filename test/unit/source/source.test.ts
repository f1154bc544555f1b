import { describe, expect, it } from 'vitest';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source, type SourceOptions } from '../../../src/source/source.ts';
import { coded, MemoryProvider } from '../../fakes/memory-provider.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';

const EVERYTHING = { excludedExtensions: [], excludedGlobs: [], showsAllFiles: true };
const FAST = { tries: 3, firstWaitMs: 1, maxWaitMs: 50 };
const REF = { id: 'f1', path: 'a.jpg' };
const WANT = { version: 'v1-f1', sizeBytes: 10 };

function sourceOf(provider: MemoryProvider, options: Partial<SourceOptions> = {}): Source {
  const filter = createPathFilter(EVERYTHING);
  return new Source({
    name: 'test',
    provider,
    filter,
    logger: QUIET_LOGGER,
    clientRetry: FAST,
    scanRetry: FAST,
    ...options,
  });
}

function providerWithFile(): MemoryProvider {
  const provider = new MemoryProvider();
  provider.addAsset('f1', 'a.jpg', '0123456789');
  return provider;
}

const live = () => new AbortController().signal;

describe('Source.open', () => {
  it('gives the bytes, whole and in part', async () => {
    const source = sourceOf(providerWithFile());
    expect(await textOf(await source.open(REF, WANT, live()))).toBe('0123456789');
    expect(await textOf(await source.open(REF, { ...WANT, range: { start: 2, end: 4 } }, live()))).toBe(
      '234',
    );
  });

  it.each(['unavailable', 'throttled'] as const)('tries three times when the source is %s', async (code) => {
    const provider = providerWithFile();
    provider.openErrors.push(coded(code), coded(code));
    expect(await textOf(await sourceOf(provider).open(REF, WANT, live()))).toBe('0123456789');
    expect(provider.openCalls).toBe(3);
  });

  it('gives up after the third try, with the error of the source', async () => {
    const provider = providerWithFile();
    provider.openErrors.push(...Array.from({ length: 5 }, () => coded('unavailable')));
    await expect(sourceOf(provider).open(REF, WANT, live())).rejects.toMatchObject({ code: 'unavailable' });
    expect(provider.openCalls).toBe(3);
  });

  it.each(['not-found', 'denied', 'changed', 'invalid'] as const)(
    'does not repeat what is %s',
    async (code) => {
      const provider = providerWithFile();
      provider.openErrors.push(coded(code));
      await expect(sourceOf(provider).open(REF, WANT, live())).rejects.toMatchObject({ code });
      expect(provider.openCalls).toBe(1);
    },
  );

  it('waits as long as it was asked to, but not longer than a client would', async () => {
    const provider = providerWithFile();
    provider.openErrors.push(coded('throttled', 40));
    const startedMs = performance.now();
    await textOf(await sourceOf(provider).open(REF, WANT, live()));
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(39);
    provider.openErrors.push(coded('throttled', 60_000));
    await expect(sourceOf(provider).open(REF, WANT, live())).rejects.toMatchObject({ retryAfterMs: 60_000 });
  });

  it('does not wait for ever', async () => {
    const provider = providerWithFile();
    provider.hangs = true;
    const source = sourceOf(provider, { openTimeoutMs: 30 });
    await expect(source.open(REF, WANT, live())).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('stops when the client leaves', async () => {
    const provider = providerWithFile();
    provider.hangs = true;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    await expect(sourceOf(provider).open(REF, WANT, controller.signal)).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it.each([
    [-3, 'fewer'],
    [3, 'more'],
  ])('ends in an error when the source gives %i bytes too much', async (lengthError) => {
    const provider = providerWithFile();
    provider.lengthError = lengthError;
    const stream = await sourceOf(provider).open(REF, WANT, live());
    await expect(textOf(stream)).rejects.toMatchObject({ code: 'corrupt' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(provider.openStreams).toBe(0);
  });

  it('lets go of the source when its stream is destroyed', async () => {
    const provider = providerWithFile();
    const stream = await sourceOf(provider).open(REF, WANT, live());
    await new Promise((resolve) => stream.once('close', resolve).destroy());
    await new Promise((resolve) => setImmediate(resolve));
    expect(provider.openStreams).toBe(0);
  });

  it.each([
    { start: -1, end: 3 },
    { start: 4, end: 3 },
    { start: 0, end: 10 },
  ])('refuses a range outside the content: %j', async (range) => {
    const provider = providerWithFile();
    await expect(sourceOf(provider).open(REF, { ...WANT, range }, live())).rejects.toMatchObject({
      code: 'range',
    });
    expect(provider.openCalls).toBe(0);
  });
});

describe('Source.scan', () => {
  const namesOf = async (provider: MemoryProvider, filter = createPathFilter(EVERYTHING)) => {
    const names: string[] = [];
    for await (const event of sourceOf(provider, { filter }).scan(live(), () => undefined)) {
      if (event.kind === 'asset') names.push(event.name);
    }
    return names;
  };

  it('leaves out what is excluded, even if the provider tells it', async () => {
    const provider = new MemoryProvider();
    for (const name of ['a.jpg', 'b.PNG', 'c.txt', 'd.tmp.jpg']) provider.addAsset(name, name, 'x');
    const filter = createPathFilter({
      excludedExtensions: ['png'],
      excludedGlobs: ['*.tmp.*'],
      showsAllFiles: false,
    });
    expect(await namesOf(provider, filter)).toEqual(['a.jpg']);
    expect(await namesOf(provider)).toHaveLength(4);
  });
});

describe('createPathFilter', () => {
  it('compares a glob with a slash with the whole path, one without with the name', () => {
    const filter = createPathFilter({ ...EVERYTHING, excludedGlobs: ['**/drafts/**', '*.bak'] });
    expect(filter.acceptsAsset('2024/drafts/a.jpg')).toBe(false);
    expect(filter.entersCollection('2024/drafts')).toBe(false);
    expect(filter.acceptsAsset('2024/a.BAK')).toBe(false);
    expect(filter.acceptsAsset('2024/a.jpg')).toBe(true);
    expect(filter.entersCollection('2024')).toBe(true);
  });
});

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
