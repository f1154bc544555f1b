import type { LockRecord } from '../catalog/lock-store.ts';
import type { IntendedChange } from './authorize-write.ts';
import type { DavRequest } from './dav-request.ts';
import { PreconditionError } from './precondition-error.ts';

/**
 * Refuses what would change a locked resource without the token of its lock (RFC 4918 section 7): the resource itself,
 * what is below it when that changes too, and the collection that a name comes into or goes from.
 * @throws PreconditionError `locked` with the roots of all locks in the way.
 */
export async function checkLocks(
  request: DavRequest,
  changes: readonly IntendedChange[],
  submitted: ReadonlySet<string>,
): Promise<void> {
  const { locks, now } = request.stores;
  const nowMs = now();
  const missing = new Set<string>();
  /** Of several shared locks on one resource any will do (RFC 4918 section 6.2). */
  const require = (held: readonly LockRecord[]) => {
    if (held.length === 0 || held.some(({ token }) => submitted.has(token))) return;
    for (const { path } of held) missing.add(path);
  };
  for (const { place, isDeep, changesParent } of changes) {
    require(await locks.covering(place.key, nowMs));
    if (isDeep) for (const held of byPath(await locks.below(place.key, nowMs))) require(held);
    if (changesParent && place.key !== '/') require(await locks.covering(parentOf(place.key), nowMs));
  }
  if (missing.size === 0) return;
  const hrefs = [...missing].map((key) => request.hrefOfKey(key));
  throw lockedBy(hrefs, []);
}

/** @param more conditions that fail besides. */
export function lockedBy(
  hrefs: readonly string[],
  more: readonly { readonly local: string; readonly hrefs: readonly string[] }[],
): PreconditionError {
  const conditions = [{ local: 'lock-token-submitted', hrefs }, ...more];
  return new PreconditionError('locked', 'It is locked, and the token of the lock was not sent.', conditions);
}

function byPath(locks: readonly LockRecord[]): Iterable<LockRecord[]> {
  const grouped = new Map<string, LockRecord[]>();
  for (const lock of locks) {
    const others = grouped.get(lock.path);
    if (others === undefined) grouped.set(lock.path, [lock]);
    else others.push(lock);
  }
  return grouped.values();
}

function parentOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/')) || '/';
}
