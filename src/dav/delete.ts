import { CodedError } from '../model/coded-error.ts';
import { authorizeWrite } from './authorize-write.ts';
import type { DavRequest } from './dav-request.ts';
import { sendOutcome } from './outcome.ts';

/**
 * DELETE (RFC 4918 section 9.6). What is not shown is not removed, and neither is the folder around it: a 207 names
 * what stays.
 */
export async function remove(request: DavRequest): Promise<void> {
  const { exchange, vfs, path } = request;
  const place = await vfs.writePlace(path);
  if (place.node === null) throw new CodedError('not-found', 'There is nothing of that name.');
  const isCollection = place.node.kind === 'collection';
  if (isCollection && (request.header('depth') ?? 'infinity').trim().toLowerCase() !== 'infinity') {
    throw new CodedError('invalid', 'A folder is removed with everything in it: Depth must be infinity.');
  }
  const permit = await authorizeWrite(request, place, [{ place, isDeep: true, changesParent: true }]);
  const failures = await place.remove(exchange.signal, permit);
  // A lock is on what was there, and does not wait for what comes next (RFC 4918 section 9.6).
  if (failures.length === 0) await request.stores.locks.releaseTree(place.key);
  sendOutcome(request, failures, 204);
}
