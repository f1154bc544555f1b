import { createImmichProvider, type ImmichProviderSettings } from '../../../../providers/immich/provider.ts';
import { isTransient } from '../../../../src/model/coded-error.ts';
import type {
  AssetEvent,
  Call,
  CollectionEvent,
  KeptEvent,
  Provider,
  ScanCall,
} from '../../../../src/provider/provider.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';
import { SEED_KEYS } from '../../../fakes/immich/seed.ts';
import type { FakeImmich } from '../../../fakes/immich/server.ts';

/** What a scan told, sorted by kind. */
export interface Told {
  readonly collections: CollectionEvent[];
  readonly assets: AssetEvent[];
  readonly kept: KeptEvent[];
  /** Collections that were not told anew; null: nothing was. */
  readonly unchanged: (string | null)[];
  /** Versions of what was told completely, by collection. */
  readonly complete: Map<string | null, string>;
  readonly notes: string[];
  /** `reason: name` of each warning. */
  readonly warnings: string[];
  /** Kind and collection of every event that tells of places, in order. */
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
  const told: Told = {
    ...{ collections: [], assets: [], kept: [], unchanged: [], complete: new Map(), notes: [] },
    ...{ warnings: [], order: [] },
  };
  const call: ScanCall = {
    ...makeCall(),
    accepts: () => true,
    enters: () => true,
    warn: (reason, name) => told.warnings.push(`${reason}: ${name}`),
    held: NOTHING_HELD,
    ...changes,
  };
  for await (const event of provider.scan(call)) {
    if (event.kind === 'collection') told.collections.push(event);
    else if (event.kind === 'asset') told.assets.push(event);
    else if (event.kind === 'kept') told.kept.push(event);
    else if (event.kind === 'unchanged') told.unchanged.push(event.collection);
    else if (event.kind === 'complete') told.complete.set(event.collection, event.version);
    else told.notes.push(event.text);
    if (event.kind === 'note' || event.kind === 'complete') continue;
    told.order.push(`${event.kind} ${event.kind === 'collection' ? event.ref : event.collection}`);
  }
  return told;
}

/** The names of the assets told in a collection, in order. */
export function namesIn(told: Told, collection: string): string[] {
  return told.assets.filter((event) => event.collection === collection).map((event) => event.name);
}

/** A provider of the fake, with the smallest key and short deadlines. */
export function providerOf(fake: FakeImmich, settings: Partial<ImmichProviderSettings> = {}): Provider {
  return createImmichProvider({ url: fake.url, apiKey: SEED_KEYS.minimal, ...settings }, SHORT_LIMITS);
}

export const SHORT_LIMITS = {
  connectMs: 2_000,
  firstByteMs: 700,
  listingMs: 500,
  changeMs: 700,
  uploadSilenceMs: 700,
  silenceMs: 500,
  lostMs: 0,
  doubtMs: 0,
  maxJsonBytes: 4 * 1024 * 1024,
  maxSkippedBytes: 100_000,
};
