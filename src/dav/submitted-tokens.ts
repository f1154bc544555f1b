import { CodedError, codeOf } from '../model/coded-error.ts';
import { etagOf, type Node } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';
import type { DavRequest } from './dav-request.ts';
import { readAddress } from './destination.ts';
import { type ConditionState, holds, parseIfHeader } from './if-header.ts';

const NO_TOKENS: ReadonlySet<string> = new Set();
/** A resource of another server, or of none: nothing is known of it. */
const UNKNOWN: ConditionState = { etag: null, tokens: NO_TOKENS };

/**
 * Weighs the `If` header of a request (RFC 4918 section 10.4).
 * @returns the lock tokens that it submits: whoever sends one holds the lock, whoever they are.
 * @throws CodedError `precondition` when it does not hold; `invalid` when it is malformed.
 */
export async function submittedTokens(request: DavRequest): Promise<ReadonlySet<string>> {
  const text = request.header('if');
  if (text === undefined) return NO_TOKENS;
  const header = parseIfHeader(text);
  const isMet = await holds(header, async (tag) => {
    if (tag === null) return await stateOf(request, request.path);
    const path = readAddress(tag, request);
    return path === null ? UNKNOWN : await stateOf(request, path);
  });
  if (!isMet) throw new CodedError('precondition', 'What the If header expects is not so.');
  return header.tokens;
}

async function stateOf({ vfs, stores }: DavRequest, path: ResourcePath): Promise<ConditionState> {
  const node = await nodeAt(vfs, path);
  const locks = await stores.locks.covering(await vfs.keyOf(path, node), stores.now());
  return {
    etag: node?.kind === 'asset' ? etagOf(node.asset) : null,
    tokens: new Set(locks.map(({ token }) => token)),
  };
}

async function nodeAt(vfs: DavRequest['vfs'], path: ResourcePath): Promise<Node | null> {
  try {
    return await vfs.resolve(path);
  } catch (error) {
    if (codeOf(error) === 'not-found') return null;
    throw error;
  }
}
