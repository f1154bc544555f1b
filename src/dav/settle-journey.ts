import type { WritePlace } from '../vfs/write-place.ts';
import type { DavRequest } from './dav-request.ts';

/**
 * What becomes of locks and dead properties after a COPY that was done: no lock is copied, that of the destination stays
 * (RFC 4918 section 7.7), and the copy has the properties of the original (section 9.8.2).
 */
export async function settleCopy(request: DavRequest, from: WritePlace, to: WritePlace): Promise<void> {
  await request.stores.locks.releaseBelow(to.key);
  await copyProperties(request, from, to);
}

/**
 * The same after a MOVE: locks are not moved (RFC 4918 section 7.7). Dead properties went along with the node, or were
 * copied to the new one (`MoveWrite.onCopied`).
 */
export async function settleMove({ stores }: DavRequest, from: WritePlace, to: WritePlace): Promise<void> {
  await stores.locks.releaseTree(from.key);
  await stores.locks.releaseBelow(to.key);
}

/** Gives what is at `to` now, and all in it, the dead properties of what is at `from`. */
export async function copyProperties(
  { stores, vfs }: DavRequest,
  from: WritePlace,
  to: WritePlace,
): Promise<void> {
  const { node } = await vfs.writePlace(to.path);
  if (from.node !== null && node !== null && from.keepsProperties && node.id > 0) {
    await stores.properties.copyTree(from.node.id, node.id);
  }
}
