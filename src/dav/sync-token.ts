import type { TreeState } from '../vfs/tree-changes.ts';

/**
 * A sync-token (RFC 6578 section 4) as a URI: the catalog's epoch, the collection, the place in the change log and, in
 * the middle of a first listing that was cut at the client's limit, how far it had come. Names hold no slash.
 */
const SCHEME = 'mediadav-sync';
const TOKEN = new RegExp(
  `^${SCHEME}:(?<epoch>[\\w-]+):(?<id>\\d{1,15}):(?<cursor>\\d{1,15})(:(?<place>[\\w-]+))?$`,
);

export function syncTokenOf(epoch: string, { collectionId, cursor, listedTo }: TreeState): string {
  const token = `${SCHEME}:${epoch}:${collectionId}:${cursor}`;
  return listedTo === null ? token : `${token}:${Buffer.from(listedTo.join('/')).toString('base64url')}`;
}

/** Null for a token that is malformed or of another catalog. */
export function parseSyncToken(epoch: string, token: string): TreeState | null {
  const parts = TOKEN.exec(token)?.groups;
  if (parts === undefined || parts.epoch !== epoch) return null;
  const { id, cursor, place } = parts;
  const listedTo = place === undefined ? null : Buffer.from(place, 'base64url').toString('utf8').split('/');
  return { collectionId: Number(id), cursor: Number(cursor), listedTo };
}
