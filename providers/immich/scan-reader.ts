import type { ScanCall } from '../../src/provider/provider.ts';
import { parseAsset, parseStackedBehind } from './api-answers.ts';
import { AssetDetails } from './asset-details.ts';
import type { Ask, Era } from './eras/era.ts';
import type { ImmichClient } from './http-client.ts';
import type { KeyCheck } from './key-check.ts';
import type { AlbumReader } from './read-album.ts';
import type { AlbumChoice } from './scan-albums.ts';
import type { ScanRequests } from './scan-requests.ts';
import { Slots } from './slots.ts';

/** Requests for content that are under way at once. */
const MAX_CONTENT_REQUESTS = 4;

/** The requests of one scan; those for content take turns, whatever albums and pages they are for. */
export function askThrough(client: ImmichClient, requests: ScanRequests): Ask {
  const slots = new Slots(MAX_CONTENT_REQUESTS);
  return {
    json: (request) => requests.attempt((signal) => client.readJson(request, signal)),
    items: (request, wanted, take) =>
      slots.run(() => requests.attempt((signal) => client.readItems(request, wanted, take, signal))),
  };
}

/** What readers of one scan are made of. */
export interface ReaderParts {
  readonly client: ImmichClient;
  readonly requests: ScanRequests;
  readonly ask: Ask;
  readonly call: ScanCall;
  readonly era: Era;
  readonly key: KeyCheck;
  readonly choice: AlbumChoice;
  readonly mayCollapse: boolean;
}

/** What reads albums, and the folders of other views. */
export async function readerFor(parts: ReaderParts): Promise<AlbumReader> {
  const { client, requests, ask, call, era, key, choice } = parts;
  const warn = (reason: string, name: string) => call.warn(reason, name);
  const details = new AssetDetails(choice.rendition, {
    held: call.held,
    warn,
    askSize: async ({ id }, rendition) => {
      if ((await key.refusal(id)) !== null) return null;
      return requests.attempt((signal) => client.readSize(id, rendition, signal));
    },
    askAsset: async (id) =>
      parseAsset(await ask.json({ method: 'GET', path: `/assets/${id}`, what: 'this asset' })),
  });
  const stackedBehind = new Set(parts.mayCollapse ? await readStackedBehind(ask) : []);
  const accepts = (name: string) => call.accepts(name);
  return { era, ask, details, warn, choice: { ...choice, stackedBehind, accepts } };
}

/** Neither albums nor searches tell of stacks; their owner's own list does. */
async function readStackedBehind(ask: Ask): Promise<string[]> {
  return parseStackedBehind(await ask.json({ method: 'GET', path: '/stacks', what: 'the stacks' }));
}

/** Made when it is first asked for. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
