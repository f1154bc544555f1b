import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createImmichProvider } from '../../providers/immich/provider.ts';
import { Library } from '../fakes/immich/library.ts';
import { SEED_KEYS } from '../fakes/immich/seed.ts';
import { startFakeImmich } from '../fakes/immich/server.ts';
import { VERSIONS, type Version } from '../fakes/immich/versions.ts';
import { providerSuite } from './provider-suite.ts';
import { type WritingUnderTest, writingSuite } from './writing-suite.ts';

for (const version of VERSIONS) {
  providerSuite(`Immich ${version}`, async () => {
    const fake = await startFakeImmich({ version });
    return {
      provider: createImmichProvider({ url: fake.url, apiKey: SEED_KEYS.admin, albumIds: [] }),
      bytesOf: async (facts) => fake.library.asset(facts.ref.id).content.bytes(),
      openStreams: async () => fake.openStreams,
      outage: (isOut) => (isOut ? fake.stop() : fake.start()),
      remove: async (facts) => fake.library.deleteAsset(facts.ref.id),
      dispose: () => fake.close(),
    };
  });
  writingSuite(`Immich ${version}`, () => createWritable(version), 'albums');
}

async function createWritable(version: Version): Promise<WritingUnderTest> {
  const library = new Library();
  const owner = library.addUser({ name: 'Ann', email: 'ann@example.com' });
  const { key: apiKey } = library.addKey({ user: owner });
  const small = library.addAsset({ owner, name: 'small.jpg', content: Buffer.from('small') });
  library.addAlbum({ owner, name: 'a', assets: [small] });
  const fake = await startFakeImmich({ version, library });
  const uploadFolder = await mkdtemp(join(tmpdir(), 'mediadav-immich-uploads-'));
  const provider = createImmichProvider({ url: fake.url, apiKey, write: { uploadFolder, deletes: 'album' } });
  return {
    provider: provider as WritingUnderTest['provider'],
    everything: async () => {
      const found: Record<string, string | null> = {};
      for (const { albumName, assetIds } of library.albums.values()) {
        found[albumName] = null;
        const assets = [...assetIds].map((id) => library.asset(id)).filter((each) => each.deletedAt === null);
        for (const { originalFileName, content } of assets)
          found[`${albumName}/${originalFileName}`] = content.bytes().toString('latin1');
      }
      for (const name of await readdir(uploadFolder))
        found[`waiting ${name}`] = await readFile(join(uploadFolder, name), 'latin1');
      return found;
    },
    bytesOf: async (facts) => library.asset(facts.ref.id).content.bytes(),
    openStreams: async () => fake.openStreams,
    outage: (isOut) => (isOut ? fake.stop() : fake.start()),
    remove: async (facts) => library.deleteAsset(facts.ref.id),
    dispose: async () => {
      await fake.close();
      await rm(uploadFolder, { recursive: true, force: true });
    },
  };
}
