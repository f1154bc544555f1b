import { afterEach, describe, expect, it } from 'vitest';
import type { CodedError } from '../../../../src/model/coded-error.ts';
import type { ScanCall, ScanEvent } from '../../../../src/provider/provider.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';
import { SEED_KEYS, seedId } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';
import { makeCall, providerOf, scanAll } from './scan-all.ts';

const SENTENCE =
  'The Immich API key lacks the permission "asset.download", which is needed to read photos and videos.';
/** The one it is tried with, if no other. */
const FIRST = seedId('summer/noexif.jpg');
const ODD = seedId('album odd');
const CHECKED: readonly Version[] = VERSIONS.filter((version) => version !== '1.118.0');

let fake: FakeImmich;
afterEach(async () => fake.close());

async function start(version: Version): Promise<void> {
  fake = await startFakeImmich({ version });
}

interface Scanned {
  readonly events: ScanEvent[];
  readonly warnings: string[];
  readonly error: CodedError | null;
}

/** What a scan told of places, and what it ended with. */
async function scanWith(apiKey: string, albumIds: readonly string[] = []): Promise<Scanned> {
  const events: ScanEvent[] = [];
  const warnings: string[] = [];
  const call: ScanCall = {
    ...makeCall(),
    accepts: () => true,
    enters: () => true,
    warn: (reason, name) => warnings.push(`${reason}: ${name}`),
    held: NOTHING_HELD,
  };
  try {
    for await (const event of providerOf(fake, { apiKey, albumIds }).scan(call)) {
      if (event.kind !== 'complete') events.push(event);
    }
  } catch (error) {
    return { events, warnings, error: error as CodedError };
  }
  return { events, warnings, error: null };
}

function asked(part: string): number {
  return fake.requests.filter(({ method, path }) => `${method} ${path}`.includes(part)).length;
}

const ORIGINALS = '/original';
const SIZELESS = ['no exif row.jpg', 'size unknown.jpg'];

/** Everything but the assets whose size only a download could tell. */
function expectWholeTree({ events, warnings, error }: Scanned, all: ScanEvent[]): void {
  const known = all.filter((event) => event.kind !== 'asset' || !SIZELESS.includes(event.name));
  expect(events.filter((event) => event.kind !== 'kept')).toEqual(known);
  expect(events.filter((event) => event.kind === 'kept')).toEqual([{ kind: 'kept', collection: ODD }]);
  expect(warnings).toEqual([]);
  expect(error).toMatchObject({ code: 'denied', message: SENTENCE });
}

describe.each(CHECKED)('a key without asset.download, Immich %s', (version) => {
  it('is told after everything else was, without asking for any file', async () => {
    await start(version);
    const { events } = await scanWith(SEED_KEYS.admin);
    fake.requests.length = 0;
    expectWholeTree(await scanWith(SEED_KEYS.withoutDownload), events);
    expect(asked('/api-keys/me')).toBe(1);
    expect(asked(ORIGINALS)).toBe(0);
  });

  it.each([
    { kind: 'status' as const, status: 403 },
    { kind: 'status' as const, status: 404 },
    { kind: 'html' as const },
    { kind: 'truncated-json' as const },
    { kind: 'status' as const, status: 200, body: '{"permissions":"all"}' },
  ])('is told by one asset where the question gets no answer: %j', async (fault) => {
    await start(version);
    const { events } = await scanWith(SEED_KEYS.admin);
    fake.requests.length = 0;
    fake.faults.add({ match: '/api-keys/me', ...fault });
    expectWholeTree(await scanWith(SEED_KEYS.withoutDownload), events);
    expect(asked('HEAD ')).toBe(1);
    expect(asked('GET /api/assets/')).toBe(1);
  });
});

it('is found on servers that check permissions but do not know the question', async () => {
  await start('1.144.1');
  const { events } = await scanWith(SEED_KEYS.admin);
  fake.requests.length = 0;
  const body = '{"major":1,"minor":138,"patch":1}';
  fake.faults.add({ match: '/server/version', kind: 'status', status: 200, body });
  expectWholeTree(await scanWith(SEED_KEYS.withoutDownload), events);
  expect(asked('/api-keys/me')).toBe(0);
  // Also when the only album has nothing but assets of unknown size.
  const exif = null;
  const owner = seedId('admin');
  const asset = fake.library.addAsset({ owner, name: 'a.jpg', content: { size: 10 }, exif });
  const album = fake.library.addAlbum({ owner, name: 'Sizeless', assets: [asset] });
  expect((await scanWith(SEED_KEYS.withoutDownload, [album.id])).error?.message).toBe(SENTENCE);
});

describe.each(VERSIONS)('a key that may download, Immich %s', (version) => {
  it.each([SEED_KEYS.minimal, SEED_KEYS.admin])('ends its scan well: %s', async (apiKey) => {
    await start(version);
    expect((await scanWith(apiKey)).error).toBeNull();
    fake.faults.add({ match: '/api-keys/me', kind: 'status', status: 403 });
    expect((await scanWith(apiKey)).error).toBeNull();
    expect(fake.bytesSent).toBe(0);
    // A proxy that lets no HEAD through.
    fake.faults.add({ match: 'HEAD ', kind: 'status', status: 403 });
    expect((await scanWith(apiKey, [seedId('album summer')])).error).toBeNull();
  });

  it('is not blamed for one file that cannot be read, nor for a question that fails', async () => {
    await start(version);
    fake.faults.add({ match: '/api-keys/me', kind: 'reset' });
    for (const status of [404, 500]) {
      fake.faults.add({ match: new RegExp(`HEAD .*${FIRST}`), kind: 'status', status, times: 3 });
      const told = await scanAll(providerOf(fake));
      expect(told.kept).toEqual([]);
      expect(told.warnings).toEqual([]);
    }
  });

  it('is believed where there is nothing to try it with', async () => {
    await start(version);
    fake.faults.add({ match: '/api-keys/me', kind: 'status', status: 403 });
    expect((await scanWith(SEED_KEYS.minimal, [seedId('album empty')])).error).toBeNull();
    expect(asked(ORIGINALS)).toBe(0);
  });
});

it('a key needs no permission to download on 1.118', async () => {
  await start('1.118.0');
  expect((await scanWith(SEED_KEYS.withoutDownload)).error).toBeNull();
  expect(asked('/api-keys/me')).toBe(0);
});

it('a permission that was granted meanwhile is noticed at the next scan', async () => {
  await start('3.1.0');
  const provider = providerOf(fake, { apiKey: 'changing' });
  const user = seedId('admin');
  fake.library.addKey({ user, key: 'changing', permissions: ['album.read', 'asset.read'] });
  await expect(scanAll(provider)).rejects.toMatchObject({ code: 'denied', message: SENTENCE });
  const permissions = ['album.read', 'asset.read', 'asset.download'];
  fake.library.addKey({ user, key: 'changing', permissions });
  expect((await scanAll(provider)).kept).toEqual([]);
});
