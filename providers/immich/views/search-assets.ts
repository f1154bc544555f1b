import type { AssetFacts } from '../../../src/model/asset.ts';
import { codeOf } from '../../../src/model/coded-error.ts';
import type { Call, Held } from '../../../src/provider/provider.ts';
import { AlbumAssets, type AssetChoice } from '../album-assets.ts';
import { type ImmichAsset, parseAsset } from '../api-answers.ts';
import { AssetDetails } from '../asset-details.ts';
import { chooseLibraryEra } from '../eras/library-era.ts';
import type { ImmichClient } from '../http-client.ts';

const WHAT = 'what was searched for';
/** Searches are in no catalog. */
const NOTHING_HELD: Held = {
  refAt: async () => null,
  pathsOf: async () => [],
  versionOf: async () => null,
  toldVersionOf: async () => null,
  factsOf: async () => null,
  placesOf: async () => [],
};

/**
 * What Immich's smart search finds for some words; where it is off, assets with the words in their file names, and those
 * taken in a city or country of that name. Archived ones are not found.
 */
export async function searchAssets(
  client: ImmichClient,
  choice: Omit<AssetChoice, 'stackedBehind' | 'accepts'>,
  { words, limit }: { readonly words: string; readonly limit: number },
  call: Call,
): Promise<readonly AssetFacts[]> {
  const { version } = await client.whereabouts(call.signal);
  const [own = {}] = chooseLibraryEra(version).searches;
  const found = new AlbumAssets({ ...choice, stackedBehind: new Set(), accepts: () => true });
  const ask = async (path: string, filter: object, isMeant: (asset: ImmichAsset) => boolean) => {
    const body = { ...own, ...filter, size: limit, page: 1, withExif: true };
    const request = { method: 'POST', path, body, what: WHAT } as const;
    const take = (entry: unknown) => {
      const asset = parseAsset(entry);
      if (found.shownCount < limit && isMeant(asset)) found.take(asset);
    };
    await client.readItems(request, { list: '$.assets.items', values: [] }, take, call.signal);
  };
  try {
    await ask('/search/smart', { query: words }, () => true);
  } catch (error) {
    // What Immich says without machine learning: 400.
    if (codeOf(error) !== 'not-found') throw error;
    for (const { filter, isMeant } of plainSearches(words)) {
      if (found.shownCount < limit) await ask('/search/metadata', filter, isMeant);
    }
  }
  const details = new AssetDetails(choice.rendition, {
    held: NOTHING_HELD,
    // It is left out, and nobody waits for a word about it.
    warn: () => undefined,
    askSize: ({ id }, rendition) => client.readSize(id, rendition, call.signal),
    askAsset: async (id) =>
      parseAsset(await client.readJson({ method: 'GET', path: `/assets/${id}`, what: WHAT }, call.signal)),
  });
  await details.complete(found);
  return [...found.facts.inTimeOrder()];
}

interface PlainSearch {
  readonly filter: object;
  /** A server answers everything to a field that it does not know. */
  readonly isMeant: (asset: ImmichAsset) => boolean;
}

function plainSearches(words: string): PlainSearch[] {
  const folded = words.toLowerCase();
  const isNamed = ({ originalFileName }: ImmichAsset) => originalFileName.toLowerCase().includes(folded);
  // Names of places are compared letter by letter.
  const capital = folded.replace(/(?<!\p{L})\p{L}/gu, (letter) => letter.toUpperCase());
  const places = [...new Set([words, capital])].flatMap((name): PlainSearch[] => [
    { filter: { city: name }, isMeant: ({ exif }) => exif?.city === name },
    { filter: { country: name }, isMeant: ({ exif }) => exif?.country === name },
  ]);
  return [{ filter: { originalFileName: words }, isMeant: isNamed }, ...places];
}
