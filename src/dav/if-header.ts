import { CodedError } from '../model/coded-error.ts';

/** One thing that has to be so, or with `Not`, must not be (RFC 4918 section 10.4.2). */
export type Condition =
  | { readonly kind: 'token'; readonly token: string; readonly isNegated: boolean }
  | { readonly kind: 'etag'; readonly etag: string; readonly isNegated: boolean };

/** All of its conditions have to hold for one resource. */
export interface ConditionList {
  /** The URL of the resource as it stands in the header; null: that of the request. */
  readonly tag: string | null;
  readonly conditions: readonly Condition[];
}

/** An `If` header. It holds when one of its lists does. */
export interface IfHeader {
  readonly lists: readonly ConditionList[];
  /** Every lock token in it, wherever: with that it is submitted (RFC 4918 section 10.4.1). */
  readonly tokens: ReadonlySet<string>;
}

/** What one resource is like, as far as conditions ask. */
export interface ConditionState {
  /** With its quotes; null when there is no resource, or it has none. */
  readonly etag: string | null;
  /** Tokens of the locks that the resource is under. */
  readonly tokens: ReadonlySet<string>;
}

/** Clients send one list, or one for each resource of a MOVE. */
const MAX_CONDITIONS = 200;

const TOKEN = /\s*(?:<(?<url>[^<>\s]*)>|(?<open>\()|$)/y;
const CONDITION = /\s*(?:(?<not>not)\s*)?(?:<(?<token>[^<>\s]+)>|\[\s*(?<etag>(?:W\/)?"[^"]*")\s*\])/iy;
const CLOSE = /\s*\)/y;

/**
 * Parses an `If` header (RFC 4918 section 10.4.2): lists without a tag, or lists behind the tag of their resource.
 * @throws CodedError `invalid` for what is none.
 */
export function parseIfHeader(header: string): IfHeader {
  const reader = new Reader(header);
  const lists: ConditionList[] = [];
  const tokens = new Set<string>();
  let tag: string | null = null;
  let tagIsUsed = true;
  let count = 0;
  while (!reader.isAtEnd) {
    const { url, open } = reader.next(TOKEN);
    if (url !== undefined) {
      // A tag is followed by a list, and once there are tags, every list has one.
      if (!tagIsUsed || (tag === null && lists.length > 0)) throw malformed();
      tag = url;
      tagIsUsed = false;
    } else if (open !== undefined) {
      const conditions: Condition[] = [];
      do {
        count += 1;
        if (count > MAX_CONDITIONS) throw new CodedError('invalid', 'The If header has too many conditions.');
        conditions.push(readCondition(reader));
      } while (!reader.skips(CLOSE));
      for (const condition of conditions) if (condition.kind === 'token') tokens.add(condition.token);
      lists.push({ tag, conditions });
      tagIsUsed = true;
    }
  }
  if (lists.length === 0 || !tagIsUsed) throw malformed();
  return { lists, tokens };
}

/**
 * Does the header hold? Lists are tried in their order until one does.
 * @param stateOf asked once a list; null stands for the resource of the request.
 */
export async function holds(
  { lists }: IfHeader,
  stateOf: (tag: string | null) => Promise<ConditionState>,
): Promise<boolean> {
  for (const { tag, conditions } of lists) {
    const state = await stateOf(tag);
    if (conditions.every((condition) => isMet(condition, state))) return true;
  }
  return false;
}

function isMet(condition: Condition, state: ConditionState): boolean {
  const isSo =
    condition.kind === 'token'
      ? state.tokens.has(condition.token)
      : state.etag !== null && isSameEtag(condition.etag, state.etag);
  return isSo !== condition.isNegated;
}

/** A weak one is never sure to name the same bytes (RFC 9110 section 8.8.3.2). */
function isSameEtag(asked: string, held: string): boolean {
  return asked === held && !asked.startsWith('W/');
}

function readCondition(reader: Reader): Condition {
  const { not, token, etag } = reader.next(CONDITION);
  const isNegated = not !== undefined;
  if (token !== undefined) return { kind: 'token', token, isNegated };
  if (etag !== undefined) return { kind: 'etag', etag, isNegated };
  throw malformed();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trimEnd();
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The groups of `pattern`, which has to match here. */
  next(pattern: RegExp): Readonly<Record<string, string | undefined>> {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw malformed();
    this.#at = pattern.lastIndex;
    return found.groups ?? {};
  }

  skips(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const isThere = pattern.test(this.#text);
    if (isThere) this.#at = pattern.lastIndex;
    return isThere;
  }
}

function malformed(): CodedError {
  return new CodedError('invalid', 'The If header is malformed.');
}
