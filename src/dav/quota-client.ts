import type { DavConfig } from './settings.ts';

/** Kernel of macOS 15.4. From it on, Finder takes 90 seconds to mount what tells its quota. */
const SLOW_DARWIN = [24, 4] as const;

/** Is this client told of no quota? It announces itself as `WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)`. */
export function hidesQuota(quota: DavConfig['quota'], userAgent: string | undefined): boolean {
  if (quota !== 'auto') return quota === 'off';
  const [, major, minor] = /^WebDAVFS\/.* Darwin\/(\d+)\.(\d+)/.exec(userAgent ?? '') ?? [];
  if (major === undefined) return false;
  const [slowMajor, slowMinor] = SLOW_DARWIN;
  return Number(major) > slowMajor || (Number(major) === slowMajor && Number(minor) >= slowMinor);
}
