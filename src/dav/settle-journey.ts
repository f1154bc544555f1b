import type { DeadProperty } from '../catalog/property-store.ts';
import type { WritePlace } from '../vfs/write-place.ts';
import type { DavRequest } from './dav-request.ts';

/**
 * What becomes of locks and dead properties after a COPY that was done: no lock is copied, that of the destination stays
 * (RFC 4918 section 7.7), and the copy has the properties of the original (section 9.8.2).
 */
export async function settleCopy(request: DavRequest, from: WritePlace, to: WritePlace): Promise<void> {
  const { locks, properties } = request.stores;
  await locks.releaseBelow(to.key);
  const { node } = await request.vfs.writePlace(to.path);
  if (from.node !== null && node !== null && from.keepsProperties && node.id > 0) {
    await properties.copyTree(from.node.id, node.id);
  }
}

/** @returns what `settleMove` needs of a resource that is about to be moved. */
export async function beforeMove(
  { stores }: DavRequest,
  { node }: WritePlace,
): Promise<readonly DeadProperty[]> {
  if (node === null) return [];
  return (await stores.properties.of([node.id])).get(node.id) ?? [];
}

/**
 * The same after a MOVE: locks are not moved (RFC 4918 section 7.7). Dead properties went along with the node; only where
 * the disk could not move it, so that it is another one now, those of the resource itself are given to it.
 */
export async function settleMove(
  request: DavRequest,
  from: WritePlace,
  to: WritePlace,
  properties: readonly DeadProperty[],
): Promise<void> {
  const { stores, vfs } = request;
  await stores.locks.releaseTree(from.key);
  await stores.locks.releaseBelow(to.key);
  if (properties.length === 0) return;
  const { node } = await vfs.writePlace(to.path);
  if (node !== null && node.id !== from.node?.id) await stores.properties.update(node.id, properties);
}
