import { createImmichProvider } from '../../../../providers/immich/provider.ts';
import { isTransient } from '../../../../src/model/coded-error.ts';
import type {
  AssetEvent,
  Call,
  CollectionEvent,
  KeptEvent,
  Provider,
  ScanCall,
} from '../../../../src/provider/provider.ts';
import { SEED_KEYS } from '../../../fakes/immich/seed.ts';
import type { FakeImmich } from '../../../fakes/immich/server.ts';

/** What a scan told, sorted by kind. */
export interface Told {
  readonly collections: CollectionEvent[];
  readonly assets: AssetEvent[];
  readonly kept: KeptEvent[];
  /** `reason: name` of each warning. */
  readonly warnings: string[];
  /** Kind and collection of every event in order. */
  readonly order: string[];
}

/** A call like that of the source wrapper: three tries without waiting. */
export function makeCall(signal: AbortSignal = new AbortController().signal): Call {
  return {
    signal,
    attempt: async (work) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await work(signal);
        } catch (error) {
          if (tries === 3 || !isTransient(error)) throw error;
        }
      }
    },
  };
}

export async function scanAll(provider: Provider, changes: Partial<ScanCall> = {}): Promise<Told> {
  const told: Told = { collections: [], assets: [], kept: [], warnings: [], order: [] };
  const call: ScanCall = {
    ...makeCall(),
    accepts: () => true,
    enters: () => true,
    warn: (reason, name) => told.warnings.push(`${reason}: ${name}`),
    held: { refAt: async () => null, pathsOf: async () => [] },
    ...changes,
  };
  for await (const event of provider.scan(call)) {
    if (event.kind === 'collection') told.collections.push(event);
    else if (event.kind === 'asset') told.assets.push(event);
    else told.kept.push(event);
    told.order.push(`${event.kind} ${event.kind === 'collection' ? event.ref : event.collection}`);
  }
  return told;
}

/** The names of the assets told in a collection, in order. */
export function namesIn(told: Told, collection: string): string[] {
  return told.assets.filter((event) => event.collection === collection).map((event) => event.name);
}

/** A provider of the fake, with the smallest key and short deadlines. */
export function providerOf(
  fake: FakeImmich,
  settings: { albumIds?: readonly string[]; apiKey?: string; url?: string } = {},
): Provider {
  return createImmichProvider(
    { url: fake.url, apiKey: SEED_KEYS.minimal, albumIds: [], ...settings },
    SHORT_LIMITS,
  );
}

export const SHORT_LIMITS = {
  connectMs: 2_000,
  firstByteMs: 700,
  listingMs: 500,
  silenceMs: 500,
  maxJsonBytes: 4 * 1024 * 1024,
  maxSkippedBytes: 100_000,
};
