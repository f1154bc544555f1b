import { sep } from 'node:path';

/** Folders that systems make for themselves. Hidden names (with a leading dot) are left out beside these. */
const SYSTEM_FOLDERS = new Set([
  '$RECYCLE.BIN',
  '#recycle',
  '@eaDir',
  '@Recycle',
  'lost+found',
  'System Volume Information',
]);

export function isSystemFolder(name: string): boolean {
  return SYSTEM_FOLDERS.has(name);
}

/** Names that are there without a person having put anything there: a folder with no others counts as empty. */
export function isSystemName(name: string): boolean {
  return name.startsWith('.') || SYSTEM_FOLDERS.has(name);
}

/** Is `path` the root or below it? Both are absolute and resolved. */
export function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
