import { SaxesParser } from 'saxes';
import { CodedError } from '../model/coded-error.ts';

/** A property by its namespace and local name (RFC 4918 section 4.4). */
export interface PropertyName {
  readonly namespace: string;
  readonly local: string;
}

/** What a PROPFIND asks for (RFC 4918 section 14.20). */
export type PropfindRequest =
  | { readonly kind: 'allprop'; readonly include: readonly PropertyName[] }
  | { readonly kind: 'propname' }
  | { readonly kind: 'prop'; readonly names: readonly PropertyName[] };

export const DAV_NAMESPACE = 'DAV:';

/** A request body longer than this asks for nothing a client needs. */
export const MAX_PROPFIND_BYTES = 64 * 1024;
const MAX_DEPTH = 32;
const MAX_PROPERTIES = 256;

/**
 * Parses the body of a PROPFIND. An empty one means allprop (RFC 4918 section 9.1).
 * @throws CodedError `invalid` for anything that is not a well-formed propfind document, `too-large` for one that
 *   nests or names too much. Document types are refused: nothing in WebDAV needs one, and entities can hurt.
 */
export function parsePropfind(body: Buffer): PropfindRequest {
  if (body.length === 0) return { kind: 'allprop', include: [] };
  const text = decode(body);
  if (text.trim() === '') return { kind: 'allprop', include: [] };
  const reader = new PropfindReader();
  const parser = new SaxesParser({ xmlns: true, position: false });
  parser.on('error', (error) => {
    throw new CodedError('invalid', 'The request body is not well-formed XML.', { cause: error });
  });
  parser.on('doctype', () => {
    throw new CodedError('invalid', 'The request body must not hold a document type.');
  });
  parser.on('opentag', ({ uri, local }) => reader.open({ namespace: uri, local }));
  parser.on('closetag', () => reader.close());
  parser.write(text).close();
  return reader.result();
}

class PropfindReader {
  readonly #path: PropertyName[] = [];
  readonly #names: PropertyName[] = [];
  #kind: 'allprop' | 'propname' | 'prop' | null = null;
  #hasInclude = false;

  open(name: PropertyName): void {
    this.#path.push(name);
    const depth = this.#path.length;
    if (depth > MAX_DEPTH) throw new CodedError('too-large', 'The request body nests too deep.');
    if (depth === 1 && !isDav(name, 'propfind')) {
      throw new CodedError('invalid', 'The request body must be a DAV: propfind element.');
    }
    if (depth === 2 && name.namespace === DAV_NAMESPACE) this.#choose(name.local);
    if (depth === 3 && (isDav(this.#path[1], 'prop') || isDav(this.#path[1], 'include'))) this.#ask(name);
  }

  close(): void {
    this.#path.pop();
  }

  result(): PropfindRequest {
    if (this.#kind === null) throw new CodedError('invalid', 'The propfind element asks for nothing.');
    if (this.#hasInclude && this.#kind !== 'allprop') {
      throw new CodedError('invalid', 'The include element goes with allprop only.');
    }
    if (this.#kind === 'prop') return { kind: 'prop', names: this.#names };
    return this.#kind === 'allprop' ? { kind: 'allprop', include: this.#names } : { kind: 'propname' };
  }

  #choose(local: string): void {
    if (local === 'include') {
      this.#hasInclude = true;
      return;
    }
    // Elements nobody knows are to be ignored (RFC 4918 section 17).
    if (local !== 'allprop' && local !== 'propname' && local !== 'prop') return;
    if (this.#kind !== null)
      throw new CodedError('invalid', 'The propfind element asks for two things at once.');
    this.#kind = local;
  }

  #ask(name: PropertyName): void {
    if (this.#names.length >= MAX_PROPERTIES) {
      throw new CodedError('too-large', `More than ${MAX_PROPERTIES} properties were asked for.`);
    }
    const isKnown = this.#names.some(
      ({ namespace, local }) => namespace === name.namespace && local === name.local,
    );
    if (!isKnown) this.#names.push(name);
  }
}

function isDav(name: PropertyName | undefined, local: string): boolean {
  return name?.namespace === DAV_NAMESPACE && name.local === local;
}

/**
 * UTF-8 or UTF-16, which RFC 4918 section 19 wants understood, told apart by the byte order mark or by the zero byte
 * beside the first `<` (XML 1.0 appendix F).
 */
function decode(body: Buffer): string {
  const [first, second] = body;
  const isBigEndian = (first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c);
  const isLittleEndian = (first === 0xff && second === 0xfe) || (first === 0x3c && second === 0);
  const encoding = isBigEndian ? 'utf-16be' : isLittleEndian ? 'utf-16le' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(body);
  } catch (cause) {
    throw new CodedError('invalid', 'The request body is neither UTF-8 nor UTF-16.', { cause });
  }
}
