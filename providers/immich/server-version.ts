/** What `GET /api/server/version` answers, without the prerelease part. */
export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** The version in an answer of `/api/server/version`, or null when this is none: then it is not Immich that answered. */
export function parseServerVersion(body: unknown): ServerVersion | null {
  if (typeof body !== 'object' || body === null) return null;
  const { major, minor, patch } = body as Partial<Record<keyof ServerVersion, unknown>>;
  return isCount(major) && isCount(minor) && isCount(patch) ? { major, minor, patch } : null;
}

/** Below zero when `left` is the older one, zero when they are equal. */
export function compareVersions(left: ServerVersion, right: ServerVersion): number {
  return left.major - right.major || left.minor - right.minor || left.patch - right.patch;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
