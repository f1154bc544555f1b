import { bodyOf, type Call, type Route } from './call.ts';
import { HttpError } from './errors.ts';
import type { Asset } from './model.ts';
import { renderAsset } from './render-asset.ts';
import { json } from './reply.ts';
import { type Query, readQuery, searchPage } from './search.ts';
import { Fields } from './validate.ts';

export const SEARCH_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/search/metadata', permission: 'asset.read', handle: searchMetadata },
  { method: 'POST', path: '/search/smart', permission: 'asset.read', handle: searchSmart },
  { method: 'GET', path: '/search/cities', permission: 'asset.read', handle: cities },
  { method: 'GET', path: '/search/suggestions', permission: 'asset.read', handle: suggestions },
];

function searchMetadata(call: Call) {
  return answerSearch(
    call,
    bodyOf(call, (fields) => readQuery(call, fields)),
  );
}

/** Only its refusal was recorded; with machine learning it answers as the other search does. */
function searchSmart(call: Call) {
  const { smartSearch } = call.library;
  if (smartSearch === null) throw new HttpError(400, 'Smart search is not enabled');
  const { words, query } = bodyOf(call, (fields) => ({
    words: fields.string('query') ?? '',
    query: readQuery(call, fields),
  }));
  return answerSearch(call, {
    ...query,
    filter: (asset) => query.filter(asset) && smartSearch(words, asset),
  });
}

function answerSearch(call: Call, query: Query) {
  const { items, hasMore } = searchPage(call, query);
  const view = {
    library: call.library,
    traits: call.traits,
    viewer: call.user,
    as: 'list',
    dates: 'iso',
    withExif: query.withExif,
    withPeople: query.showsPeople,
  } as const;
  return json({
    albums: { total: 0, count: 0, items: [], facets: [] },
    assets: {
      total: items.length,
      count: items.length,
      items: items.map((asset) => renderAsset(asset, view)),
      facets: [],
      nextPage: hasMore ? String(query.page + 1) : null,
    },
  });
}

function ownInTimeline({ library, user }: Call): Asset[] {
  return [...library.assets.values()].filter(
    (asset) => asset.ownerId === user.id && asset.deletedAt === null && asset.visibility === 'timeline',
  );
}

/** One asset for each city. */
function cities(call: Call) {
  const { library, traits, user } = call;
  const byCity = new Map<string, Asset>();
  for (const asset of ownInTimeline(call)) {
    const city = asset.exif?.city ?? null;
    if (city !== null && !byCity.has(city)) byCity.set(city, asset);
  }
  const view = { library, traits, viewer: user, as: 'list', dates: 'iso', withExif: true } as const;
  const sorted = [...byCity].sort(([a], [b]) => (a < b ? -1 : 1));
  return json(sorted.map(([, asset]) => renderAsset(asset, view)));
}

const SUGGESTIONS = {
  city: 'city',
  state: 'state',
  country: 'country',
  'camera-make': 'make',
  'camera-model': 'model',
} as const;

function suggestions(call: Call) {
  const fields = new Fields(call.query, call.traits);
  const type = fields.choice('type', Object.keys(SUGGESTIONS), true) as keyof typeof SUGGESTIONS;
  fields.check();
  const values = ownInTimeline(call).map((asset) => asset.exif?.[SUGGESTIONS[type]] ?? null);
  return json([...new Set(values.filter((value) => value !== null))].sort());
}
