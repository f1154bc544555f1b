import picomatch from 'picomatch';
import { extensionOf, mediaKindOf } from '../model/content-type.ts';
import { lastNameOf } from '../model/name.ts';
import { isSystemLitter } from '../model/system-litter.ts';

export interface PathFilterOptions {
  /** Lower-case extensions without dot. */
  readonly excludedExtensions: readonly string[];
  /** Globs over the path within the source; one without a slash is compared with the name alone. */
  readonly excludedGlobs: readonly string[];
  /** False: only images, videos, audio and raw files. */
  readonly showsAllFiles: boolean;
}

/** Decides what of a source is shown. Paths are relative, with `/` between segments. */
export interface PathFilter {
  acceptsAsset(path: string): boolean;
  entersCollection(path: string): boolean;
}

export function createPathFilter(options: PathFilterOptions): PathFilter {
  const excluded = new Set(options.excludedExtensions);
  const matchers = options.excludedGlobs.map((glob) =>
    picomatch(glob, { dot: true, nocase: true, basename: !glob.includes('/') }),
  );
  const isExcluded = (path: string) => matchers.some((matches) => matches(path));
  return {
    acceptsAsset(path) {
      const name = lastNameOf(path);
      if (isSystemLitter(name) || excluded.has(extensionOf(name))) return false;
      if (!options.showsAllFiles && mediaKindOf(name) === 'other') return false;
      return !isExcluded(path);
    },
    entersCollection: (path) => !isSystemLitter(lastNameOf(path)) && !isExcluded(path),
  };
}
