import type { Readable } from 'node:stream';
import type { AssetFacts, SourceRef } from '../../src/model/asset.ts';
import { CodedError, codeOf, messageOf } from '../../src/model/coded-error.ts';
import type { Call, Provider, Want } from '../../src/provider/provider.ts';
import { scanAlbums } from './album-events.ts';
import { parseAsset } from './api-answers.ts';
import { assetFactsOf, isShown, knownSizeOf } from './asset-facts.ts';
import { ImmichClient } from './http-client.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { openOriginal } from './original-bytes.ts';

export interface ImmichProviderSettings {
  /** Base URL without `/api`. Redirects of it are followed once. */
  readonly url: string;
  /** Needs the permissions `album.read`, `asset.read` and `asset.download`. */
  readonly apiKey: string;
  /** Ids of the albums to show; empty means all, shared ones too. */
  readonly albumIds: readonly string[];
}

const WHAT = 'this asset';
/** Everything else would be another path of the API. */
const ASSET_ID = /^[\w-]{1,64}$/;

/**
 * The albums of one Immich server (1.118 to 3.x) as a read-only source: one collection per album, refs by Immich's ids.
 * Keeps no state but its connections and the place where the server was last found. Does nothing until first asked.
 */
export function createImmichProvider(
  settings: ImmichProviderSettings,
  limits: Limits = DEFAULT_LIMITS,
): Provider {
  const client = new ImmichClient(settings, limits);

  const describe = async (ref: SourceRef, call: Call): Promise<AssetFacts> => {
    const path = `/assets/${checkedId(ref)}`;
    const answer = await call.attempt((signal) =>
      client.readJson({ method: 'GET', path, what: WHAT }, signal),
    );
    const asset = parseAsset(answer);
    // The owner can still read what is in the trash, but no album shows it.
    if (!isShown(asset)) throw new CodedError('not-found', 'Immich does not show this asset any more.');
    const sizeBytes =
      knownSizeOf(asset) ?? (await call.attempt((signal) => client.readOriginalSize(asset.id, signal)));
    return assetFactsOf(asset, sizeBytes).facts;
  };

  const open = async (ref: SourceRef, want: Want, call: Call): Promise<Readable> =>
    openOriginal(client, checkedId(ref), want, call.signal, limits);

  return {
    traits: { identity: 'stable', ranges: 'native', membership: 'many', naming: 'free' },
    scan: (call) => scanAlbums(client, settings.albumIds, call),
    describe: (ref, call) => describe(ref, call).catch(rejectForClient),
    open: (ref, want, call) => open(ref, want, call).catch(rejectForClient),
    close: async () => client.close(),
  };
}

function checkedId(ref: SourceRef): string {
  if (ASSET_ID.test(ref.id)) return ref.id;
  throw new CodedError('not-found', 'This is not the id of an asset of Immich.');
}

/**
 * A wrong URL, key or permission is a matter of the settings and shows on the status page: who asks for one asset
 * only learns that it cannot be had now. "Denied" would tell a client that it is the one who may not.
 */
function rejectForClient(error: unknown): never {
  const code = codeOf(error);
  if (code !== 'invalid' && code !== 'denied') throw error;
  throw new CodedError('unavailable', messageOf(error), { cause: error });
}
