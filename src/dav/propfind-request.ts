import { CodedError } from '../model/coded-error.ts';
import {
  DAV_NAMESPACE,
  decodeXml,
  isDav,
  NamedProperties,
  type PropertyName,
  readXml,
  type XmlReader,
} from './xml-request.ts';

/** What a PROPFIND asks for (RFC 4918 section 14.20). */
export type PropfindRequest =
  | { readonly kind: 'allprop'; readonly include: readonly PropertyName[] }
  | { readonly kind: 'propname' }
  | { readonly kind: 'prop'; readonly names: readonly PropertyName[] };

/**
 * Parses the body of a PROPFIND. An empty one means allprop (RFC 4918 section 9.1).
 * @throws CodedError `invalid` for anything that is not a well-formed propfind document, `too-large` for one that
 *   nests or names too much.
 */
export function parsePropfind(body: Buffer): PropfindRequest {
  if (body.length === 0) return { kind: 'allprop', include: [] };
  const text = decodeXml(body);
  if (text.trim() === '') return { kind: 'allprop', include: [] };
  const reader = new PropfindReader();
  readXml(text, reader);
  return reader.result();
}

class PropfindReader implements XmlReader {
  readonly #named = new NamedProperties();
  #kind: 'allprop' | 'propname' | 'prop' | null = null;
  #hasInclude = false;

  open(path: readonly PropertyName[]): void {
    const [root, asked, name] = path;
    if (path.length === 1 && !isDav(root, 'propfind')) {
      throw new CodedError('invalid', 'The request body must be a DAV: propfind element.');
    }
    if (path.length === 2 && asked?.namespace === DAV_NAMESPACE) this.#choose(asked.local);
    if (path.length === 3 && name !== undefined && (isDav(asked, 'prop') || isDav(asked, 'include'))) {
      this.#named.add(name);
    }
  }

  result(): PropfindRequest {
    if (this.#kind === null) throw new CodedError('invalid', 'The propfind element asks for nothing.');
    if (this.#hasInclude && this.#kind !== 'allprop') {
      throw new CodedError('invalid', 'The include element goes with allprop only.');
    }
    const { names } = this.#named;
    if (this.#kind === 'prop') return { kind: 'prop', names };
    return this.#kind === 'allprop' ? { kind: 'allprop', include: names } : { kind: 'propname' };
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
}
