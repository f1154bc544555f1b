import { CodedError } from '../../../src/model/coded-error.ts';
import { type ImmichAlbum, parseAsset, parseNextPage } from '../api-answers.ts';
import { readAhead } from '../read-ahead.ts';
import { type Ask, type AssetSink, albumPath, type Era, ONE_ALBUM } from './era.ts';

/** The most a page may hold; 1001 is refused. */
const PAGE_SIZE = 1000;
/** Pages of one album that are asked for at once. More make no server faster: four took 90 s where one took 120 s. */
const PAGES_AT_ONCE = 3;
/** Pages beyond those that `assetCount` asks for: for hidden members, and for what is added meanwhile. */
const SPARE_PAGES = 20;
const NEXT_PAGE = '$.assets.nextPage';

/** Immich 3.0 and later: albums have no `assets` field any more, their content comes page by page from the search. */
export const SEARCH_ERA: Era = {
  albumLists: ['/albums'],

  headerPath: albumPath,

  async readAlbum(ask, album, sink) {
    await collect(ask, album, true, sink);
    // With exif the server joins the exif table, and an asset without a row there vanishes. Before 3.1.0 pages also
    // lost assets where two share a time; the second pass brings back both.
    if (sink.shownCount < album.assetCount) await collect(ask, album, false, sink);
    return album.assetCount;
  },
};

/** Hands the assets of all pages to the sink. Pages that are read at once may shift, so one may come twice. */
async function collect(ask: Ask, album: ImmichAlbum, withExif: boolean, sink: AssetSink): Promise<void> {
  const read = async (page: number) => {
    const body = { albumIds: [album.id], size: PAGE_SIZE, page, withExif, order: 'asc' };
    const request = { method: 'POST', path: '/search/metadata', body, what: ONE_ALBUM } as const;
    const wanted = { list: '$.assets.items', values: [NEXT_PAGE] };
    const values = await ask.items(request, wanted, (entry) => sink.take(parseAsset(entry)));
    const next = parseNextPage(values.get(NEXT_PAGE));
    if (next !== null && next !== page + 1) {
      throw new CodedError('unavailable', 'Immich answered the pages of an album out of order.');
    }
    return next;
  };
  const expected = Math.max(1, Math.ceil(album.assetCount / PAGE_SIZE));
  const pages = Array.from({ length: expected }, (_, index) => index + 1);
  const limits = { maxReads: PAGES_AT_ONCE, weightOf: () => 1, maxWeight: PAGES_AT_ONCE };
  let next: number | null = null;
  for await (next of readAhead(pages, read, limits));
  for (let spare = 0; next !== null; spare += 1) {
    if (spare >= SPARE_PAGES) {
      throw new CodedError(
        'unavailable',
        'Immich answered more pages of an album than its asset count allows.',
      );
    }
    next = await read(next);
  }
}
