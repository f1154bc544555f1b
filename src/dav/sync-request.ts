import { CodedError } from '../model/coded-error.ts';
import type { Reach } from '../vfs/tree-changes.ts';
import {
  decodeXml,
  isDav,
  NamedProperties,
  type PropertyName,
  readXml,
  type XmlReader,
} from './xml-request.ts';

/** What a REPORT asks for (RFC 3253 section 3.6); of all kinds only one is known here. */
export type ReportRequest = SyncRequest | { readonly kind: 'unknown' };

/** RFC 6578 section 6.1. */
export interface SyncRequest {
  readonly kind: 'sync-collection';
  /** `''`: everything, from the start. */
  readonly token: string;
  /** Null where the request leaves it to `Depth`, as those from before the RFC do (its appendix A). */
  readonly reach: Reach | null;
  /** Responses the client wants at most; null: all. */
  readonly limit: number | null;
  readonly names: readonly PropertyName[];
}

const REACHES: Readonly<Record<string, Reach>> = { 1: 'members', infinite: 'descendants' };

/** @throws CodedError `invalid`, `too-large`: see `readXml`. */
export function parseReport(body: Buffer): ReportRequest {
  const reader = new ReportReader();
  readXml(decodeXml(body), reader);
  return reader.result();
}

class ReportReader implements XmlReader {
  readonly #named = new NamedProperties();
  readonly #texts = new Map<string, string>();
  #isSync = false;
  #hasProp = false;

  open(path: readonly PropertyName[]): void {
    const [root, element, inner] = path;
    if (path.length === 1) this.#isSync = isDav(root, 'sync-collection');
    if (path.length === 2 && isDav(element, 'prop')) this.#hasProp = true;
    if (path.length === 3 && isDav(element, 'prop') && inner !== undefined) this.#named.add(inner);
    const key = keyOf(path);
    if (key !== null && !this.#texts.has(key)) this.#texts.set(key, '');
  }

  text(part: string, path: readonly PropertyName[]): void {
    const key = keyOf(path);
    if (key !== null) this.#texts.set(key, (this.#texts.get(key) ?? '') + part);
  }

  result(): ReportRequest {
    if (!this.#isSync) return { kind: 'unknown' };
    const token = this.#texts.get('sync-token')?.trim();
    if (token === undefined || !this.#hasProp) {
      throw new CodedError('invalid', 'A sync-collection needs a sync-token and a prop element.');
    }
    const level = this.#texts.get('sync-level')?.trim();
    const reach = level === undefined ? null : REACHES[level];
    if (reach === undefined) throw new CodedError('invalid', 'The sync-level must be 1 or infinite.');
    const names = this.#named.names;
    return {
      kind: 'sync-collection',
      token,
      reach,
      limit: readLimit(this.#texts.get('limit/nresults')),
      names,
    };
  }
}

/** Where a text that counts stands; null for all others. */
function keyOf([root, element, inner, ...more]: readonly PropertyName[]): string | null {
  if (!isDav(root, 'sync-collection') || more.length > 0) return null;
  if (inner === undefined) {
    return isDav(element, 'sync-token') || isDav(element, 'sync-level') ? (element?.local ?? null) : null;
  }
  return isDav(element, 'limit') && isDav(inner, 'nresults') ? 'limit/nresults' : null;
}

/** RFC 5323 section 5.17: a number of responses. */
function readLimit(text: string | undefined): number | null {
  if (text === undefined) return null;
  const limit = /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : 0;
  if (limit === 0) throw new CodedError('invalid', 'The limit must be a number above 0.');
  return limit;
}
