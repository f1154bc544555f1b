import { CodedError } from './coded-error.ts';

/** A URL longer than this is no path of ours: 64 segments of the longest name would not fit. */
const MAX_PATH_LENGTH = 16 * 1024;
const MAX_SEGMENTS = 256;

/**
 * The one path type: decoded, checked segments below the root of the mounted tree. Made once at the edge from
 * a request target or an href, then handed inwards; nothing behind the edge splits or decodes a path.
 */
export class ResourcePath {
  static readonly ROOT = new ResourcePath([]);
  readonly segments: readonly string[];

  private constructor(segments: readonly string[]) {
    this.segments = segments;
  }

  /**
   * Parses an absolute path of a URL (RFC 3986 section 3.3), without query, still percent-encoded. A trailing
   * slash, doubled slashes and `.` segments change nothing.
   * @throws CodedError `invalid` for bad escapes, `..`, NUL, an encoded slash, or an absurd length.
   */
  static parse(encoded: string): ResourcePath {
    if (encoded.length > MAX_PATH_LENGTH) throw new CodedError('invalid', 'The path is too long.');
    if (!encoded.startsWith('/')) throw new CodedError('invalid', 'The path must start with "/".');
    const segments: string[] = [];
    for (const part of encoded.split('/')) {
      if (part === '') continue;
      const segment = decodeSegment(part);
      if (segment === '.') continue;
      segments.push(segment);
    }
    if (segments.length > MAX_SEGMENTS) throw new CodedError('invalid', 'The path has too many segments.');
    return segments.length === 0 ? ResourcePath.ROOT : new ResourcePath(segments);
  }

  /** From names that are already decoded, such as those of the catalog. */
  static of(segments: readonly string[]): ResourcePath {
    return segments.length === 0 ? ResourcePath.ROOT : new ResourcePath([...segments]);
  }

  get isRoot(): boolean {
    return this.segments.length === 0;
  }

  /** The last segment; `''` for the root. */
  get name(): string {
    return this.segments.at(-1) ?? '';
  }

  /** The collection this path is in; the root is its own parent. */
  get parent(): ResourcePath {
    return ResourcePath.of(this.segments.slice(0, -1));
  }

  child(name: string): ResourcePath {
    return new ResourcePath([...this.segments, name]);
  }

  /**
   * One text for a place, whatever Unicode form a client typed it in: `/` between decoded segments, none at the end
   * (except the root, `/`).
   */
  get key(): string {
    return `/${this.segments.join('/').normalize('NFC')}`;
  }

  /** Percent-encoded, starting with `/` and without a trailing slash (except the root). */
  encode(): string {
    return `/${this.segments.map(encodeSegment).join('/')}`;
  }

  toString(): string {
    return `/${this.segments.join('/')}`;
  }
}

/**
 * One segment, percent-encoded for an href. Also the five sub-delims that encodeURIComponent leaves alone, so
 * that the text needs no further escaping in XML, HTML or a shell line.
 */
export function encodeSegment(name: string): string {
  // Most names of photos need no escape at all, and this runs once a member of every listing.
  if (/^[\w.~-]*$/.test(name)) return name;
  return encodeURIComponent(name.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function decodeSegment(part: string): string {
  let segment: string;
  try {
    segment = decodeURIComponent(part);
  } catch (cause) {
    throw new CodedError('invalid', 'The path has a malformed percent escape.', { cause });
  }
  if (segment === '..') throw new CodedError('invalid', 'The path must not hold "..".');
  if (segment.includes('/') || segment.includes('\0')) {
    throw new CodedError('invalid', 'A name in the path holds a slash or a NUL.');
  }
  return segment;
}
