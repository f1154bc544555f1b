import type { LockRecord } from '../catalog/lock-store.ts';
import { CodedError } from '../model/coded-error.ts';
import type { DavRequest } from './dav-request.ts';

type Headers = Pick<DavRequest, 'header'>;

/** For clients that do not say: long enough for one save, short enough not to bother anybody when they die. */
const DEFAULT_TIMEOUT_S = 600;
/**
 * Clients that ask for `Infinite` never come back to refresh (cadaver), so a working day is covered; and what a client
 * has left behind is gone the next day.
 */
const MAX_TIMEOUT_S = 86_400;

/**
 * The first of the times that a client would like (RFC 4918 section 10.7), bounded, in milliseconds. What nobody
 * understands is skipped: the server may choose any time at all.
 */
export function readTimeoutMs(request: Headers): number {
  for (const wish of (request.header('timeout') ?? '').split(',')) {
    const text = wish.trim().toLowerCase();
    if (text === 'infinite') return MAX_TIMEOUT_S * 1000;
    const seconds = /^second-(\d{1,10})$/.exec(text)?.[1];
    if (seconds !== undefined) return Math.min(Math.max(Number(seconds), 1), MAX_TIMEOUT_S) * 1000;
  }
  return DEFAULT_TIMEOUT_S * 1000;
}

/**
 * Depth of a LOCK, `infinity` when absent (RFC 4918 section 9.10.3).
 * @throws CodedError `invalid` for anything but 0 and infinity.
 */
export function readLockDepth(request: Headers): LockRecord['depth'] {
  const depth = request.header('depth')?.trim().toLowerCase() ?? 'infinity';
  if (depth !== '0' && depth !== 'infinity') throw new CodedError('invalid', 'Depth must be 0 or infinity.');
  return depth;
}

/**
 * The token that an UNLOCK names (RFC 4918 section 10.5).
 * @throws CodedError `invalid` when there is none.
 */
export function readLockToken(request: Headers): string {
  const token = /^<([^<>\s]+)>$/.exec(request.header('lock-token')?.trim() ?? '')?.[1];
  if (token === undefined) throw new CodedError('invalid', 'Lock-Token must hold one token in "<" and ">".');
  return token;
}
