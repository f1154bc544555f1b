import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';

const NS_PER_MS = 1_000_000n;
/** How refs name the disk that the root is on. */
const ROOT_DEVICE = '0';

/** What `stat` tells of a file or a folder, in numbers and texts that pass between threads. */
export interface StatFacts {
  readonly refId: string;
  readonly version: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Null where the file system keeps no birth time. */
  readonly createdMs: number | null;
  readonly statusChangedMs: number;
}

/** @param path relative path; makes the names of one hard-linked file into places of their own. */
export function statFactsOf(stats: BigIntStats, rootDevice: bigint, path: string): StatFacts {
  return {
    refId: refIdOf(stats, rootDevice, path),
    version: versionOf(stats),
    sizeBytes: Number(stats.size),
    modifiedMs: toMs(stats.mtimeNs),
    createdMs: stats.birthtimeNs <= 0n ? null : toMs(stats.birthtimeNs),
    statusChangedMs: toMs(stats.ctimeNs),
  };
}

/** Names one content: whatever writes a file moves its time, its size or, when it is replaced, its inode. */
export function versionOf(stats: BigIntStats): string {
  return `${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.mtimeNs.toString(36)}`;
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

/**
 * A stable id for what is behind a `stat`: device, inode and birth time, so that a reused inode is another file.
 * The device number of the root is written as `0`, because the numbers of disks change from boot to boot.
 */
function refIdOf(stats: BigIntStats, rootDevice: bigint, path: string): string {
  const device = stats.dev === rootDevice ? ROOT_DEVICE : stats.dev.toString(36);
  const id = `${device}-${stats.ino.toString(36)}-${stats.birthtimeNs.toString(36)}`;
  if (stats.isDirectory() || stats.nlink <= 1n) return id;
  return `${id}-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
}

/** Milliseconds with the fraction that a double can still hold. */
export function toMs(ns: bigint): number {
  return Number(ns / NS_PER_MS) + Number(ns % NS_PER_MS) / Number(NS_PER_MS);
}
