import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VIEW_NAMES } from '../../../../providers/immich/views/view-names.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';
import { ADMIN, ViewsUnderTest } from './views-under-test.ts';

/** With one permission less than all that are needed: what people are told, and what is off because of that. */
interface Case {
  readonly permission: string;
  readonly said: string;
  /** `all`: nothing can be listed. `files`: everything is listed, nothing opens. Else a view that is not there. */
  readonly off: 'all' | 'files' | 'writing' | 'stacks' | (typeof VIEW_NAMES)[number];
}

const CASES: readonly Case[] = [
  { permission: 'album.read', said: 'needed to list albums', off: 'all' },
  { permission: 'asset.read', said: 'needed to list the photos and videos of albums', off: 'all' },
  { permission: 'asset.download', said: 'needed to read photos and videos', off: 'files' },
  { permission: 'asset.view', said: 'needed to show previews (IMMICH_RENDITION)', off: 'files' },
  { permission: 'stack.read', said: 'Until then all photos of a stack are shown', off: 'stacks' },
  { permission: 'person.read', said: 'Until then there is no folder "people"', off: 'people' },
  { permission: 'tag.read', said: 'Until then there is no folder "tags"', off: 'tags' },
  { permission: 'memory.read', said: 'Until then there is no folder "memories"', off: 'memories' },
  { permission: 'asset.upload', said: 'needed to upload', off: 'writing' },
  { permission: 'asset.delete', said: 'needed to replace, trash or restore photos', off: 'writing' },
  { permission: 'albumAsset.create', said: 'needed to add photos to albums', off: 'writing' },
  { permission: 'albumAsset.delete', said: 'needed to take photos out of albums', off: 'writing' },
  { permission: 'album.create', said: 'needed to make albums', off: 'writing' },
  { permission: 'album.update', said: 'needed to rename albums', off: 'writing' },
  { permission: 'album.delete', said: 'needed to delete albums', off: 'writing' },
];

/** Up to 1.139 a server does not tell what a key may do, and 1.118 checks few things. */
const TELLING: readonly Version[] = VERSIONS.filter((version) => version !== '1.118.0');

const under = new ViewsUnderTest();
let uploadFolder: string;

beforeAll(async () => {
  uploadFolder = await mkdtemp(join(tmpdir(), 'mediadav-uploads-'));
});
afterAll(async () => {
  await rm(uploadFolder, { recursive: true, force: true });
});

/** Everything is wanted, and the key may do all but these. */
async function scanWithout(version: Version, missing: readonly string[]) {
  await under.startFake(version);
  const permissions = CASES.map(({ permission }) => permission).filter((each) => !missing.includes(each));
  under.fake.library.addKey({ user: ADMIN, key: 'a-key', permissions });
  const ingest = under.startMediadav({
    ...{ apiKey: 'a-key', views: VIEW_NAMES, rendition: 'preview', collapsesStacks: true },
    write: { uploadFolder, deletes: 'album' },
  });
  await ingest.scan();
  return await ingest.status();
}

describe.each(TELLING)('a key of Immich %s', (version) => {
  it('with all permissions leaves nothing to be said', async () => {
    expect(await scanWithout(version, [])).toMatchObject({ lastError: null, notes: [] });
    expect(await under.tops()).toEqual([...VIEW_NAMES].sort());
  });

  it.each(CASES)('without $permission: it is named, with what that switches off', async (missing) => {
    const { permission, said, off } = missing;
    const { lastError, notes } = await scanWithout(version, [permission]);
    const sentences = [...notes, ...(lastError === null ? [] : [lastError.message])];
    expect(sentences).toEqual([expect.stringContaining(`lacks the permission "${permission}"`)]);
    expect(sentences[0]).toContain(said);
    expect(lastError?.code).toBe(off === 'all' || off === 'files' ? 'denied' : undefined);
    const isView = (VIEW_NAMES as readonly string[]).includes(off);
    const shown = off === 'all' ? [] : VIEW_NAMES.filter((name) => !isView || name !== off);
    expect(await under.tops()).toEqual([...shown].sort());
  });

  it('without several: all that listing and reading need are in one sentence', async () => {
    const { lastError } = await scanWithout(version, ['album.read', 'asset.download', 'asset.view']);
    expect(lastError?.message).toBe(
      'The Immich API key lacks permissions: "album.read", which is needed to list albums; "asset.download", which is ' +
        'needed to read photos and videos; "asset.view", which is needed to show previews (IMMICH_RENDITION).',
    );
  });
});

// 1.118 checks these two, and tells so only when it is asked.
it.each(CASES.filter(({ permission }) => /^(album|person)\.read$/.test(permission)))(
  'a key of Immich 1.118.0 without $permission: the refusal names it',
  async ({ permission, said, off }) => {
    const { lastError, notes } = await scanWithout('1.118.0', [permission]);
    const sentences = [...notes, ...(lastError === null ? [] : [lastError.message])];
    expect(sentences.join(' ')).toContain(`lacks the permission "${permission}"`);
    expect(sentences.join(' ')).toContain(said);
    expect(await under.tops()).not.toContain(off);
  },
);
