import { parseArgs } from 'node:util';
import { SEED_KEYS, seedLibrary } from './seed.ts';
import { startFakeImmich } from './server.ts';
import { isVersion, VERSIONS } from './versions.ts';

const { values } = parseArgs({
  options: {
    version: { type: 'string', default: '3.1.0' },
    port: { type: 'string', default: '2283' },
    host: { type: 'string', default: '127.0.0.1' },
  },
});

if (!isVersion(values.version)) {
  console.error(`--version must be one of ${VERSIONS.join(', ')}`);
  process.exit(2);
}

const fake = await startFakeImmich({
  version: values.version,
  port: Number(values.port),
  host: values.host,
  library: seedLibrary(values.version),
});
console.log(`Fake Immich ${fake.version} at ${fake.url}`);
for (const [name, key] of Object.entries(SEED_KEYS)) console.log(`  key ${name.padEnd(16)} ${key}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void fake.close().then(() => process.exit(0));
  });
}
