import { basename } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CatalogReader, DigestAlgorithm } from '../catalog/catalog.ts';
import { mediaKindOfType } from '../model/content-type.ts';
import type { AssetNode, Page } from '../model/node.ts';
import { creationMs, type TimeSpan } from './creation-date.ts';
import { PathMemo, type SourcePlaces } from './source-places.ts';

/** Places read from the catalog at a time: a few milliseconds of work, and what one answer holds in memory. */
const PAGE_PLACES = 250;

export interface ListQuery {
  /** What the entries are keyed by; assets of which it is not known yet are not listed. */
  readonly hash: DigestAlgorithm;
  /** Only what was made then; null: everything. */
  readonly span: TimeSpan | null;
}

/** How entries become text. Each one is `start`, facts of the form `"name":value,…`, and `end`. */
export interface ListFormat {
  readonly before: string;
  readonly start: (digest: string) => string;
  readonly end: string;
  readonly between: string;
  readonly after: string;
}

/** One JSON object with the digests as keys: what `/list` answers. */
export const OBJECT_FORMAT: ListFormat = {
  before: '{',
  start: (digest) => `"${digest}":{`,
  end: '}',
  between: ',\n',
  after: '}\n',
};

/** One JSON object a line. */
export const LINES_FORMAT: ListFormat = {
  before: '',
  start: (digest) => `{"hash":"${digest}",`,
  end: '}\n',
  between: '',
  after: '',
};

/**
 * All media that the tree holds, by content: one entry a digest, told by its first place, with all of its places.
 * Reads page by page, so the memory it takes does not depend on how much there is, and lets others have their turn
 * between two pages.
 */
export async function* listEntries(
  reader: CatalogReader,
  places: SourcePlaces,
  { hash, span }: ListQuery,
  format: ListFormat,
): AsyncGenerator<string> {
  const memo = new PathMemo();
  /** Of the entry that is being written, or left out. */
  let digest: string | undefined;
  let isOpen = false;
  let lastPath = '';
  let isFirst = true;
  let text = format.before;
  let page: Page<AssetNode> | null = null;
  do {
    const after: string | null = page?.next ?? null;
    page = await reader.listByDigest(hash, { limit: PAGE_PLACES, ...(after === null ? {} : { after }) });
    for (const node of page.entries) {
      if (!places.shows(node) || !isMedia(node)) continue;
      const isSame = node.asset.digests[hash] === digest;
      if (isSame && !isOpen) continue;
      const path = await places.pathOf(node, memo);
      // A file is at one place on its disk, in however many views it shows; those come in a row.
      if (isSame && path === lastPath) continue;
      lastPath = path;
      if (isSame) {
        text += `,${JSON.stringify(path)}`;
        continue;
      }
      if (isOpen) text += `]${format.end}`;
      digest = node.asset.digests[hash] ?? '';
      isOpen = span === null || isWithin(span, creationMs(node.asset));
      if (!isOpen) continue;
      text += `${isFirst ? '' : format.between}${format.start(digest)}${factsText(node, path, places, await twinDigestOf(reader, node, hash))}`;
      isFirst = false;
    }
    if (page.next === null) text += (isOpen ? `]${format.end}` : '') + format.after;
    if (text !== '') yield text;
    text = '';
    await yieldToEventLoop();
  } while (page.next !== null);
}

/** What the other half of a live photo is listed by; null when there is none, or it is not known yet. */
async function twinDigestOf(
  reader: CatalogReader,
  { twinId }: AssetNode,
  hash: DigestAlgorithm,
): Promise<string | null> {
  const twin = twinId === null ? null : await reader.node(twinId);
  return twin?.kind === 'asset' ? (twin.asset.digests[hash] ?? null) : null;
}

/** The facts of an entry, up to and with the first of its paths. @param twin digest of the other half of a live photo. */
function factsText(node: AssetNode, path: string, places: SourcePlaces, twin: string | null): string {
  const { asset } = node;
  const source = places.sourceOf(node);
  const isFilm = mediaKindOfType(asset.contentType) === 'video';
  const filename = source.folder === null ? node.name : basename(path);
  const more = {
    width: asset.width,
    height: asset.height,
    latitude: asset.latitude,
    longitude: asset.longitude,
    mime_type: asset.contentType,
    size: asset.sizeBytes,
    source: source.name,
    sha256: asset.digests.sha256 ?? null,
    sha1: asset.digests.sha1 ?? null,
    md5: asset.digests.md5 ?? null,
    live_photo_video: isFilm ? null : twin,
    live_photo_still: isFilm ? twin : null,
  };
  return [
    `"filename":${JSON.stringify(filename)}`,
    `"last_modified":${secondsText(asset.modifiedMs)}`,
    `"file_path":${JSON.stringify(path)}`,
    `"original_creation_date":${secondsText(creationMs(asset))}`,
    JSON.stringify(more).slice(1, -1),
    `"paths":[${JSON.stringify(path)}`,
  ].join(',');
}

/** Seconds since 1970 as the reference writes them: always with a decimal point, as clients may want a float. */
function secondsText(ms: number): string {
  const seconds = ms / 1000;
  return Number.isInteger(seconds) ? `${seconds}.0` : `${seconds}`;
}

/** By name or by content: what is called `.mp4` counts whatever is in it, as in the reference. */
function isMedia({ asset }: AssetNode): boolean {
  const kinds = [asset.kind, mediaKindOfType(asset.contentType)];
  return kinds.some((kind) => kind === 'image' || kind === 'video' || kind === 'raw');
}

function isWithin({ startMs, endMs }: TimeSpan, ms: number): boolean {
  return ms >= startMs && ms < endMs;
}
