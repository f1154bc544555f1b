import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** The version in this package's own package.json, from the sources as well as from `dist/`. */
export function readVersion(): string {
  const file = findPackageJSON('.', import.meta.url);
  const manifest: unknown = file === undefined ? null : JSON.parse(readFileSync(file, 'utf8'));
  const version = (manifest as { version?: unknown } | null)?.version;
  return typeof version === 'string' ? version : 'unknown';
}
