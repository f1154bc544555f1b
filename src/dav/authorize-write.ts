import { weighConditions } from '../http/conditions.ts';
import { checkOrigin } from '../http/origin-check.ts';
import { CodedError } from '../model/coded-error.ts';
import { etagOf, type Node } from '../model/node.ts';
import type { Permit } from '../model/write.ts';
import type { WritePlace } from '../vfs/write-place.ts';
import { checkLocks } from './check-locks.ts';
import type { DavRequest } from './dav-request.ts';
import { nodeNow, readSubmission } from './submission.ts';

/** What a request is about to change. */
export interface IntendedChange {
  readonly place: WritePlace;
  /** Also everything below it. */
  readonly isDeep: boolean;
  /** The name comes or goes, so that the collection it is in is changed too. */
  readonly changesParent: boolean;
}

/** Headers that `weighConditions` goes by where something is written. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-unmodified-since'];

/** A collection has no entity-tag; only `*` can be said of it. */
const NO_ETAG = 'W/""';

/**
 * The one place where it is decided whether a request may change what it is about to: called by every writing method
 * before it reads a body and before it changes anything.
 * @param target the requested resource: conditions are about it (RFC 9110 section 13.1), of a COPY too, which leaves it
 *   as it is. Apache does the same.
 * @returns asks about locks and conditions again: a lock that somebody else takes while an upload comes in counts, and so
 *   does what others change while a write waits for its turn.
 * @throws CodedError `denied` for a page of another site; `precondition` when `If-Match` and the like do not hold;
 *   `locked` when the token of a lock was not sent.
 */
export async function authorizeWrite(
  request: DavRequest,
  target: WritePlace,
  changes: readonly IntendedChange[],
): Promise<Permit> {
  const { exchange } = request;
  const { node } = target;
  checkOrigin(exchange);
  weigh(request, node);
  const submission = await readSubmission(request);
  const check = () => checkLocks(request, changes, submission.tokens);
  await check();
  return async () => {
    if (CONDITIONS.some((name) => exchange.req.headers[name] !== undefined)) {
      weigh(request, await nodeNow(request.vfs, target.path));
    }
    await submission.weighAgain();
    await check();
  };
}

/**
 * Asks about locks alone, by the tokens of the request: for what goes after the request has itself changed what its
 * conditions were about.
 */
export async function permitByLocks(
  request: DavRequest,
  changes: readonly IntendedChange[],
): Promise<Permit> {
  const { tokens } = await readSubmission(request);
  return () => checkLocks(request, changes, tokens);
}

function weigh({ exchange: { req } }: DavRequest, node: Node | null): void {
  if (weighConditions(req.method ?? '', req.headers, node && validatorsOf(node)) !== 'failed') return;
  throw new CodedError('precondition', 'What is there now is not what the request expects.');
}

function validatorsOf(node: Node): { etag: string; modifiedMs: number } {
  const etag = node.kind === 'asset' ? etagOf(node.asset) : NO_ETAG;
  return { etag, modifiedMs: node.modifiedMs };
}
