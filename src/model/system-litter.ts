import type { ResourcePath } from './resource-path.ts';

/**
 * Files and folders that systems leave wherever somebody looks, and ask for in each folder. None of them is a photo, no
 * source shall hold them, and most are never there. Trash folders are not among them: what is thrown away is somebody's.
 * https://developer.apple.com/library/archive/technotes/tn1150 and what Finder, Explorer and Samba are known to write.
 */
const NAMES: ReadonlySet<string> = new Set(
  [
    // macOS
    '.DS_Store',
    '.localized',
    '.hidden',
    '.apdisk',
    '.AppleDB',
    '.AppleDesktop',
    '.AppleDouble',
    '.com.apple.timemachine.donotpresent',
    '.com.apple.timemachine.supported',
    '.DocumentRevisions-V100',
    '.fseventsd',
    '.metadata_never_index',
    '.metadata_never_index_unless_rootfs',
    '.metadata_direct_scope_only',
    '.PKInstallSandboxManager',
    '.ql_disablecache',
    '.ql_disablethumbnails',
    '.Spotlight-V100',
    '.TemporaryItems',
    '.VolumeIcon.icns',
    'Icon\r',
    'mach_kernel',
    'Network Trash Folder',
    'Temporary Items',
    'TheVolumeSettingsFolder',
    // Windows
    'desktop.ini',
    'ehthumbs.db',
    'ehthumbs_vista.db',
    'System Volume Information',
    'Thumbs.db',
    'Thumbs.db:encryptable',
    // KDE
    '.directory',
  ].map((name) => name.toLowerCase()),
);

/** Is it one of those names? Case says nothing: Windows asks in any. */
export function isSystemLitterName(name: string): boolean {
  return name.startsWith('._') || NAMES.has(name.toLowerCase());
}

/** Is it system litter, or in a folder of such? */
export function isSystemLitter(path: ResourcePath): boolean {
  return path.segments.some(isSystemLitterName);
}
