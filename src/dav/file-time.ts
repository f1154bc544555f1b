import { parseHttpDate } from '../http/http-date.ts';
import { DAV_NAMESPACE, type PropertyName } from './xml-request.ts';

export const MICROSOFT_NAMESPACE = 'urn:schemas-microsoft-com:';

/** By which names clients set the time of a file: Explorer, rclone and ownCloud's clients, Cyberduck. */
const TIME_PROPERTIES: readonly PropertyName[] = [
  { namespace: MICROSOFT_NAMESPACE, local: 'Win32LastModifiedTime' },
  { namespace: DAV_NAMESPACE, local: 'lastmodified' },
  { namespace: DAV_NAMESPACE, local: 'getlastmodified' },
];

export function isTimeProperty({ namespace, local }: PropertyName): boolean {
  return TIME_PROPERTIES.some((known) => known.namespace === namespace && known.local === local);
}

/** No clock of a camera shows a time beyond the year 9999, and no date of HTTP could. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/**
 * The time that a client means, in milliseconds since 1970: an HTTP date, or seconds since 1970 with or without a
 * fraction. Null when it is neither.
 */
export function readTimeMs(text: string): number | null {
  const trimmed = text.trim();
  const timeMs = /^\d{1,12}(\.\d{1,9})?$/.test(trimmed)
    ? Math.round(Number(trimmed) * 1000)
    : parseHttpDate(trimmed);
  return timeMs === null || timeMs < 0 || timeMs > LAST_MS ? null : timeMs;
}
