import { type Call, maySeeAsset, noAccess, type Route } from './call.ts';
import { HttpError } from './errors.ts';
import type { Asset } from './model.ts';
import { type AssetView, type Json, renderAsset, renderPerson, renderTag } from './render-asset.ts';
import { json, type Reply } from './reply.ts';
import { databaseTime, isoTime } from './time.ts';
import { Fields } from './validate.ts';

/** What a mount may offer beside albums: tags, people, stacks, memories, places and the timeline. */
export const VIEW_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/tags', permission: 'tag.read', isOldPermission: true, handle: tags },
  { method: 'GET', path: '/people', permission: 'person.read', isOldPermission: true, handle: people },
  { method: 'GET', path: '/memories', permission: 'memory.read', isOldPermission: true, handle: memories },
  { method: 'GET', path: '/stacks', permission: 'stack.read', handle: stacks },
  { method: 'GET', path: '/map/markers', permission: 'map.read', handle: markers },
  { method: 'GET', path: '/timeline/buckets', permission: 'asset.read', handle: buckets },
  { method: 'GET', path: '/timeline/bucket', permission: 'asset.read', handle: bucket },
];

function tags({ library, user }: Call): Reply {
  const own = [...library.tags.values()].filter((tag) => tag.userId === user.id);
  return json(own.sort((a, b) => (a.value < b.value ? -1 : 1)).map((tag) => renderTag(tag, isoTime)));
}

function people(call: Call): Reply {
  const { library, user, traits } = call;
  const fields = new Fields(call.query, traits);
  // Query parameters are text in every version; only bodies are strict about numbers.
  const page = Number(fields.raw('page') ?? 1);
  const size = Number(fields.raw('size') ?? 500);
  const withHidden = fields.boolean('withHidden') ?? false;
  const all = [...library.people.values()].filter((person) => person.ownerId === user.id);
  const own = all.filter((person) => withHidden || !person.isHidden);
  return json({
    people: own
      .slice((page - 1) * size, page * size)
      .map((person) => renderPerson(person, isoTime(person.updatedAt))),
    hasNextPage: own.length > page * size,
    total: own.length,
    hidden: all.length - own.length,
  });
}

/** Lists that the server takes as JSON from the database. */
function databaseView({ library, traits, user }: Call, withExif: boolean): AssetView {
  return { library, traits, viewer: user, as: 'list', dates: traits.asset.joinedDates, withExif };
}

function memories(call: Call): Reply {
  const { library, user, traits } = call;
  const own = [...library.memories.values()].filter((memory) => memory.ownerId === user.id);
  if (traits.memoriesFail && own.length > 0) throw new HttpError(500, 'Failed to search memories');
  return json(
    own.map((memory) => ({
      id: memory.id,
      createdAt: isoTime(memory.createdAt),
      updatedAt: isoTime(memory.createdAt),
      memoryAt: isoTime(memory.memoryAt),
      ownerId: memory.ownerId,
      type: 'on_this_day',
      data: { year: memory.year },
      isSaved: false,
      assets: memory.assetIds.map((id) => renderAsset(library.asset(id), databaseView(call, false))),
    })),
  );
}

function stacks(call: Call): Reply {
  const { library, user } = call;
  const own = [...library.stacks.values()].filter((stack) => stack.ownerId === user.id);
  return json(
    own.map((stack) => ({
      id: stack.id,
      primaryAssetId: stack.primaryAssetId,
      assets: stack.assetIds.map((id) => renderAsset(library.asset(id), databaseView(call, true))),
    })),
  );
}

function markers({ library, user }: Call): Reply {
  const result: Json[] = [];
  for (const { id, ownerId, deletedAt, visibility, exif } of library.assets.values()) {
    if (ownerId !== user.id || deletedAt !== null || visibility !== 'timeline') continue;
    if (exif === null || exif.latitude === null || exif.longitude === null) continue;
    const { latitude: lat, longitude: lon, city, state, country } = exif;
    result.push({ id, lat, lon, city, state, country });
  }
  return json(result);
}

/** The assets a timeline request is about: those of one album, or the user's own. */
function timelineAssets(call: Call): Asset[] {
  const { library, user, traits } = call;
  const fields = new Fields(call.query, traits);
  const albumId = fields.uuid('albumId');
  if (traits.timeline === 'sized') fields.choice('size', ['DAY', 'MONTH'], true);
  fields.check();
  const isShown = (asset: Asset) =>
    asset.deletedAt === null && (asset.visibility === 'timeline' || asset.visibility === 'archive');
  if (albumId === undefined) {
    return [...library.assets.values()].filter((asset) => asset.ownerId === user.id && isShown(asset));
  }
  const album = library.albums.get(albumId);
  if (album === undefined) throw noAccess('album.read');
  return library.assetsOf(album).filter((asset) => isShown(asset) && maySeeAsset(call, asset));
}

function bucketOf(call: Call, asset: Asset): string {
  const { traits, query } = call;
  const day = isoTime(asset.localDateTime).slice(0, 10);
  const start = traits.timeline === 'sized' && query.size === 'DAY' ? day : `${day.slice(0, 7)}-01`;
  return traits.timeline === 'sized' ? `${start}T00:00:00.000Z` : start;
}

function buckets(call: Call): Reply {
  const counts = new Map<string, number>();
  for (const asset of timelineAssets(call)) {
    const start = bucketOf(call, asset);
    // 1.118 joins the stack and counts each member once for every member.
    const stacked = call.traits.timeline === 'sized' ? call.library.stackOf(asset)?.assetIds.length : 1;
    counts.set(start, (counts.get(start) ?? 0) + (stacked ?? 1));
  }
  const sorted = [...counts].sort(([a], [b]) => (a < b ? 1 : -1));
  return json(sorted.map(([timeBucket, count]) => ({ timeBucket, count })));
}

function bucket(call: Call): Reply {
  const { library, traits, user } = call;
  const wanted = Date.parse(call.query.timeBucket ?? '');
  const assets = timelineAssets(call)
    .filter((asset) => Date.parse(bucketOf(call, asset)) === wanted)
    .sort((a, b) => b.fileCreatedAt - a.fileCreatedAt);
  if (traits.timeline === 'sized') {
    const view: AssetView = { library, traits, viewer: user, as: 'list', dates: 'iso', withExif: true };
    return json(assets.map((asset) => ({ ...renderAsset(asset, view), stack: null })));
  }
  const column = <T>(of: (asset: Asset) => T) => assets.map(of);
  return json({
    city: column((asset) => asset.exif?.city ?? null),
    country: column((asset) => asset.exif?.country ?? null),
    duration: column((asset) => renderAsset(asset, databaseView(call, false)).duration ?? null).map(
      (duration) => (duration === '0:00:00.00000' ? null : duration),
    ),
    id: column((asset) => asset.id),
    visibility: column((asset) => asset.visibility),
    isFavorite: column((asset) => asset.isFavorite && asset.ownerId === user.id),
    isImage: column((asset) => asset.type === 'IMAGE'),
    isTrashed: column((asset) => asset.deletedAt !== null),
    livePhotoVideoId: column((asset) => asset.livePhotoVideoId),
    fileCreatedAt: column((asset) => databaseTime(asset.fileCreatedAt).slice(0, -6)),
    localOffsetHours: column((asset) => (asset.localDateTime - asset.fileCreatedAt) / 3_600_000),
    ...(traits.timeline === 'columns-created'
      ? { createdAt: column((asset) => databaseTime(asset.createdAt).slice(0, -6)) }
      : {}),
    ownerId: column((asset) => asset.ownerId),
    projectionType: column(() => null),
    ratio: column((asset) => (asset.width ?? 1) / (asset.height ?? 1)),
    status: column((asset) => (asset.deletedAt === null ? 'active' : 'trashed')),
    thumbhash: column((asset) => asset.thumbhash),
  });
}
