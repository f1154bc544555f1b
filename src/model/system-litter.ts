/** Names in lower case that operating systems ask for, and leave behind, in every folder they look into. */
const LITTER: ReadonlySet<string> = new Set([
  // macOS
  '.apdisk',
  '.com.apple.timemachine.donotpresent',
  '.documentrevisions-v100',
  '.ds_store',
  '.fseventsd',
  '.hidden',
  '.localized',
  '.metadata_direct_scope_only',
  '.metadata_never_index',
  '.metadata_never_index_unless_rootfs',
  '.ql_disablecache',
  '.ql_disablethumbnails',
  '.spotlight-v100',
  '.temporaryitems',
  '.trashes',
  '.volumeicon.icns',
  'mach_kernel',
  // Windows
  'desktop.ini',
  'ehthumbs.db',
  'ehthumbs_vista.db',
  'thumbs.db',
  // Linux desktops
  '.directory',
  '.xdg-volume-info',
]);

/**
 * Is this no content of anybody's, but the litter of a system? `._name` is where macOS keeps what a file system cannot
 * hold of `name`. Sources show none of it, so nothing has to be looked up to say that it is not there.
 */
export function isSystemLitter(name: string): boolean {
  return name.startsWith('._') || LITTER.has(name.toLowerCase());
}

/** Is it where a system keeps what somebody has thrown away? Asked for like litter, but what is in it is somebody's. */
export function isSystemTrash(name: string): boolean {
  return name.toLowerCase() === '.trashes';
}
