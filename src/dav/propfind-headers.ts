import { CodedError } from '../model/coded-error.ts';
import type { DavRequest } from './dav-request.ts';

/** What a client would rather not be sent. */
export interface Preferences {
  /** Nothing about properties that are not there. */
  readonly omitsMissing: boolean;
  /** Those of `Prefer` that were honoured, for `Preference-Applied` (RFC 7240 section 3). */
  readonly applied: readonly string[];
}

/** What the headers of a PROPFIND say. */
export interface PropfindHeaders extends Preferences {
  /** Absent means `infinity` (RFC 4918 section 9.1). */
  readonly depth: '0' | '1' | 'infinity';
  /** The members alone, without the collection itself. */
  readonly omitsRoot: boolean;
}

const MINIMAL = 'return=minimal';
const NOROOT = 'depth-noroot';

/**
 * Reads `Depth`, and what spares a client the parts of an answer it would skip: `Prefer` (RFC 8144) and the older
 * forms by Microsoft, `Depth: 1,noroot` and `Brief: t`. Apple's libraries send `Brief` and `Prefer` together.
 * @throws CodedError `invalid` for any other depth.
 */
export function readPropfindHeaders(request: Pick<DavRequest, 'header'>): PropfindHeaders {
  const [, depth, noroot] =
    /^(0|1|infinity)(, *noroot)?$/i.exec(request.header('depth')?.trim() ?? 'infinity') ?? [];
  if (depth === undefined) throw new CodedError('invalid', 'Depth must be 0, 1 or infinity.');
  const { omitsMissing, applied } = readPreferences(request);
  const prefersNoroot = depth !== '0' && preferencesOf(request.header('prefer')).has(NOROOT);
  return {
    depth: depth.toLowerCase() as PropfindHeaders['depth'],
    omitsRoot: prefersNoroot || (depth !== '0' && noroot !== undefined),
    omitsMissing,
    applied: prefersNoroot ? [...applied, NOROOT] : applied,
  };
}

/** `Prefer: return=minimal` and `Brief: t`, which any method with a multistatus knows. */
export function readPreferences(request: Pick<DavRequest, 'header'>): Preferences {
  const isMinimal = preferencesOf(request.header('prefer')).has(MINIMAL);
  const isBrief = request.header('brief')?.trim().toLowerCase() === 't';
  return { omitsMissing: isBrief || isMinimal, applied: isMinimal ? [MINIMAL] : [] };
}

/** Preferences in lower case, without parameters and quotes (RFC 7240 section 2). */
function preferencesOf(header: string | undefined): ReadonlySet<string> {
  const preferences = (header ?? '').split(',').map((preference) => preference.split(';')[0] ?? '');
  return new Set(preferences.map((preference) => preference.replace(/[\s"]/g, '').toLowerCase()));
}
