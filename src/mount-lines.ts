import { networkInterfaces } from 'node:os';
import type { MountLine } from './api/status-report.ts';

/** Where the tree can be reached from, without a slash at the end. */
export interface MountAddresses {
  /** `http://192.168.1.5:1700`, or null when that port is off. */
  readonly webdavUrl: string | null;
  /** `http://192.168.1.5:8000/dav`. */
  readonly davUrl: string;
  readonly username: string | null;
  /** Some source of it may be written to. */
  readonly isWritable: boolean;
}

/** Lines to copy, one a client. Passwords are asked for by each of them, never printed. */
export function mountLinesFor(addresses: MountAddresses): MountLine[] {
  const url = addresses.webdavUrl ?? addresses.davUrl;
  const login = addresses.username === null ? '' : ` --webdav-user ${shellWord(addresses.username)}`;
  // Of the vendors that rclone knows, this one brings digests, and the times of files both ways.
  const rclone = `rclone mount :webdav: /mnt/media --webdav-url ${url} --webdav-vendor owncloud${login}`;
  // Programs that write in the middle of a file need the cache.
  const access = addresses.isWritable ? ' --vfs-cache-mode full' : ' --read-only';
  const password = addresses.username === null ? '' : ' --webdav-pass "$(rclone obscure -)"';
  return [
    { client: 'Finder', line: `${url}/`, hint: 'Go ▸ Connect to Server, ⌘K' },
    { client: 'Explorer', line: `net use * ${url}/` },
    { client: 'rclone', line: rclone + access + password },
    { client: 'davfs2', line: `mount -t davfs${addresses.isWritable ? '' : ' -o ro'} ${url}/ /mnt/media` },
  ];
}

/** An address that another machine can use, for a server that listens on all of this one's. */
export function reachableUrl(url: string): string {
  const parsed = new URL(url);
  if (parsed.hostname !== '0.0.0.0' && parsed.hostname !== '[::]') return url;
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal);
  return `${parsed.protocol}//${outside?.address ?? 'localhost'}:${parsed.port}`;
}

/** Quoted where a shell would take it apart. */
function shellWord(text: string): string {
  return /^[\w.@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
