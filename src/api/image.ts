import type { DigestAlgorithm } from '../catalog/catalog.ts';
import { sendContent } from '../http/send-content.ts';
import { DIGEST_PARAMETER, hashParameter, readDigest } from './digest-parameter.ts';
import type { Resource } from './resource.ts';
import { type ContentRooms, StoredContent } from './stored-content.ts';

/** What a digest names never changes; whoever logged out must not find it in a cache that others share. */
export const IMMUTABLE = 'private, max-age=31536000, immutable';

/** `/image/{sha256}`: the bytes of any media by their digest. */
export function imageResource(rooms: ContentRooms): Resource {
  return {
    method: 'GET',
    path: '/image/:digest',
    tag: 'List',
    summary: 'Bytes of a photo or video',
    description: 'From whichever place still has this very content. Knows ranges and conditions.',
    params: { digest: DIGEST_PARAMETER },
    query: { hash: hashParameter('sha256', 'Which digest the path holds.') },
    answers: {
      success: { description: 'The content; its ETag is the digest.', mediaType: '*/*' },
      others: { 206: 'The ranges asked for.', 304: 'It is what the client has.' },
      failures: {
        400: 'That is no digest.',
        404: 'There is no such content.',
        412: 'It is not what the client means.',
        416: 'The range lies behind its end.',
        503: 'The source that has it cannot be reached now.',
      },
    },
    async handle(exchange, { params, query }) {
      const algorithm = query.hash as DigestAlgorithm;
      const digest = readDigest(String(params.digest), algorithm);
      const stored = await StoredContent.find(rooms, algorithm, digest);
      const { modifiedMs, contentType, sizeBytes } = stored.node.asset;
      await sendContent(exchange, {
        etag: `"${digest}"`,
        ...{ modifiedMs, contentType, sizeBytes },
        headers: { 'Cache-Control': IMMUTABLE },
        open: (range) => stored.open(range, exchange),
      });
    },
  };
}
