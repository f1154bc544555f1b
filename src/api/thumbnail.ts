import { Readable } from 'node:stream';
import type { DigestAlgorithm } from '../catalog/catalog.ts';
import type { Thumbnails } from '../content/thumbnails.ts';
import { type Content, sendContent } from '../http/send-content.ts';
import { CodedError } from '../model/coded-error.ts';
import { mediaKindOfType } from '../model/content-type.ts';
import { DIGEST_PARAMETER, hashParameter, readDigest } from './digest-parameter.ts';
import { IMMUTABLE } from './image.ts';
import type { Resource } from './resource.ts';
import { type ContentRooms, StoredContent } from './stored-content.ts';

export interface ThumbnailRooms extends ContentRooms {
  readonly thumbnails: Thumbnails;
}

/** `/thumbnail/{sha256}`: a small picture of an image, as the reference has it. */
export function thumbnailResource(rooms: ThumbnailRooms): Resource {
  return {
    method: 'GET',
    path: '/thumbnail/:digest',
    tag: 'List',
    summary: 'Small picture of an image',
    description: 'PNG of 256 × 256 pixels, the image in its middle on transparent ground. Images only.',
    params: { digest: DIGEST_PARAMETER },
    query: { hash: hashParameter('sha256', 'Which digest the path holds.') },
    answers: {
      success: { description: 'The thumbnail.', mediaType: 'image/png' },
      others: { 206: 'The ranges asked for.', 304: 'It is what the client has.' },
      failures: {
        400: 'That is no digest.',
        404: 'There is no such content, or it is a video, or damaged, or of a kind that cannot be shown.',
        412: 'It is not what the client means.',
        416: 'The range lies behind its end.',
        503: 'The source that has it cannot be reached now, or too many wait for theirs.',
      },
    },
    async handle(exchange, { params, query }) {
      const algorithm = query.hash as DigestAlgorithm;
      const digest = readDigest(String(params.digest), algorithm);
      const stored = await StoredContent.find(rooms, algorithm, digest);
      const { asset } = stored.node;
      const known = asset.digests.sha256;
      const png = await rooms.thumbnails.png(
        {
          key: known === undefined ? `${algorithm}-${digest}` : `sha256-${known}`,
          contentType: asset.contentType,
          kind: asset.kind === 'raw' ? 'raw' : mediaKindOfType(asset.contentType),
          sizeBytes: asset.sizeBytes,
          open: (signal) => stored.open(undefined, { ...exchange, signal }),
        },
        exchange.signal,
      );
      await sendContent(exchange, pngContent(png, digest, asset.modifiedMs));
    },
  };
}

function pngContent(png: Buffer, digest: string, modifiedMs: number): Content {
  return {
    etag: `"${digest}-256"`,
    modifiedMs,
    contentType: 'image/png',
    sizeBytes: png.length,
    headers: { 'Cache-Control': IMMUTABLE },
    async open(range, signal) {
      if (signal.aborted) throw new CodedError('cancelled', 'The client left.');
      return Readable.from([range === undefined ? png : png.subarray(range.start, range.end + 1)]);
    },
  };
}
