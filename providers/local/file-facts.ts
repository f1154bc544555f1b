import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type AssetFacts, UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { contentTypeOf, mediaKindOf } from '../../src/model/content-type.ts';

const NS_PER_MS = 1_000_000;
/** How refs name the disk that the root is on. */
const ROOT_DEVICE = '0';

/**
 * A stable id for what is behind a `stat`: device, inode and birth time, so that a reused inode is another file.
 * The device number of the root is written as `0`, because the numbers of disks change from boot to boot.
 * @param path relative path; makes the names of one hard-linked file into places of their own.
 */
export function refIdOf(stats: BigIntStats, rootDevice: bigint, path: string): string {
  const device = stats.dev === rootDevice ? ROOT_DEVICE : stats.dev.toString(36);
  const id = `${device}-${stats.ino.toString(36)}-${stats.birthtimeNs.toString(36)}`;
  if (stats.isDirectory() || stats.nlink <= 1n) return id;
  return `${id}-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
}

/** The part of a ref that all names of one file share. */
export function fileIn(refId: string): string {
  return refId.split('-', 3).join('-');
}

/** Is it the ref of one of several names of a file, or of a link? */
export function hasOtherNames(refId: string): boolean {
  return refId.split('-').length > 3;
}

/** The disk in a ref; that of the root for what has none. */
export function deviceIn(refId: string | null): string {
  return refId === null ? ROOT_DEVICE : refId.slice(0, refId.indexOf('-'));
}

/** Names one content: whatever writes a file moves its time, its size or, when it is replaced, its inode. */
export function versionOf(stats: BigIntStats): string {
  return `${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.mtimeNs.toString(36)}`;
}

/** What `stat` tells of a file. Pixels and digests take reading it, which is not done here. */
export function fileFactsOf(stats: BigIntStats, rootDevice: bigint, path: string): AssetFacts {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return {
    ...UNKNOWN_MEDIA,
    ref: { id: refIdOf(stats, rootDevice, path), path },
    version: versionOf(stats),
    sizeBytes: Number(stats.size),
    contentType: contentTypeOf(name),
    kind: mediaKindOf(name),
    modifiedMs: toMs(stats.mtimeNs),
    createdMs: birthMsOf(stats),
    statusChangedMs: toMs(stats.ctimeNs),
    digests: {},
  };
}

/** Null where the file system keeps no birth time. */
export function birthMsOf(stats: BigIntStats): number | null {
  return stats.birthtimeNs <= 0n ? null : toMs(stats.birthtimeNs);
}

/** Milliseconds with the fraction that a double can still hold. */
export function toMs(ns: bigint): number {
  return Number(ns / BigInt(NS_PER_MS)) + Number(ns % BigInt(NS_PER_MS)) / NS_PER_MS;
}
