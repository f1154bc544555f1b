import { createImmichProvider } from '../../providers/immich/provider.ts';
import { SEED_KEYS } from '../fakes/immich/seed.ts';
import { startFakeImmich } from '../fakes/immich/server.ts';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { providerSuite } from './provider-suite.ts';

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
}
