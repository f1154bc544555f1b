import { CodedError, codeOf } from '../model/coded-error.ts';
import { etagOf, type Node } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';
import type { DavRequest } from './dav-request.ts';
import { readAddress } from './destination.ts';
import { type ConditionState, holds, parseIfHeader } from './if-header.ts';

const NO_TOKENS: ReadonlySet<string> = new Set();
/** A resource of another server, or of none: nothing is known of it. */
const UNKNOWN: ConditionState = { etag: null, tokens: NO_TOKENS };

/** What an `If` header has submitted. */
export interface Submission {
  /** Of locks: whoever sends one holds the lock, whoever they are. */
  readonly tokens: ReadonlySet<string>;
  /**
   * Weighs the entity-tags in it once more, before something is changed for good. Locks that have ended meanwhile do not
   * matter, if nobody else has taken one. Rejects `precondition`.
   */
  weighAgain(): Promise<void>;
}

const NOTHING_SUBMITTED: Submission = { tokens: NO_TOKENS, weighAgain: async () => undefined };

/**
 * Weighs the `If` header of a request (RFC 4918 section 10.4).
 * @throws CodedError `precondition` when it does not hold; `invalid` when it is malformed.
 */
export async function readSubmission(request: DavRequest): Promise<Submission> {
  const text = request.header('if');
  if (text === undefined) return NOTHING_SUBMITTED;
  const header = parseIfHeader(text);
  const tokensByTag = new Map<string | null, ReadonlySet<string>>();
  const weigh = async () => {
    const isMet = await holds(header, async (tag) => {
      const path = tag === null ? request.path : readAddress(tag, request);
      if (path === null) return UNKNOWN;
      const { etag, tokens } = await stateOf(request, path);
      const tokensThen = tokensByTag.get(tag) ?? tokens;
      tokensByTag.set(tag, tokensThen);
      return { etag, tokens: tokensThen };
    });
    if (!isMet) throw new CodedError('precondition', 'What the If header expects is not so.');
  };
  await weigh();
  return { tokens: header.tokens, weighAgain: weigh };
}

async function stateOf({ vfs, stores }: DavRequest, path: ResourcePath): Promise<ConditionState> {
  const node = await nodeNow(vfs, path);
  const locks = await stores.locks.covering(await vfs.keyOf(path, node), stores.now());
  return {
    etag: node?.kind === 'asset' ? etagOf(node.asset) : null,
    tokens: new Set(locks.map(({ token }) => token)),
  };
}

/** What is at a path at this moment; null: nothing. */
export async function nodeNow(vfs: DavRequest['vfs'], path: ResourcePath): Promise<Node | null> {
  try {
    return await vfs.resolve(path);
  } catch (error) {
    if (codeOf(error) === 'not-found') return null;
    throw error;
  }
}
