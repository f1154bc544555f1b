import { readBody } from '../http/body.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { CollectionNode } from '../model/node.ts';
import { encodeSegment } from '../model/resource-path.ts';
import type { Reach, TreeChange, TreeState } from '../vfs/tree-changes.ts';
import { BodyWriter } from './body-writer.ts';
import type { DavRequest } from './dav-request.ts';
import { type PropstatWriter, propWriter, wantedByNames } from './live-properties.ts';
import {
  CLOSE_MULTISTATUS,
  multistatusHeaders,
  openMultistatus,
  responseOf,
  sendPrecondition,
  statusResponse,
} from './multistatus.ts';
import { gatherFacts } from './property-facts.ts';
import { type PropertyState, PropertyStates } from './property-states.ts';
import { readPreferences } from './propfind-headers.ts';
import { parseReport, type SyncRequest } from './sync-request.ts';
import { parseSyncToken, syncTokenOf } from './sync-token.ts';
import { MAX_XML_BYTES } from './xml-request.ts';

/** REPORT (RFC 3253 section 3.6). The only one is sync-collection, of collections. */
export async function report(request: DavRequest): Promise<void> {
  const { exchange } = request;
  const wanted = parseReport(await readBody(exchange, { limitBytes: MAX_XML_BYTES }));
  const node = await request.node();
  if (wanted.kind === 'unknown' || node.kind !== 'collection') {
    sendPrecondition(exchange.res, 403, 'supported-report');
    return;
  }
  const reach = reachOf(wanted, request.header('depth'));
  const state = wanted.token === '' ? null : parseSyncToken(request.vfs.epoch, wanted.token);
  if (state === null && wanted.token !== '') {
    sendPrecondition(exchange.res, 403, 'valid-sync-token');
    return;
  }
  await sendChanges(request, node, { wanted, reach, state });
}

interface Asked {
  readonly wanted: SyncRequest;
  readonly reach: Reach;
  readonly state: TreeState | null;
}

/**
 * RFC 6578 section 3: a response for each place that changed, one with 404 for each that is gone, then the token to ask
 * with the next time. Written piece by piece, from one page of the change log at a time.
 */
async function sendChanges(request: DavRequest, node: CollectionNode, asked: Asked): Promise<void> {
  const { exchange, vfs } = request;
  const { wanted } = asked;
  const { omitsMissing, applied } = readPreferences(request);
  const facts = await gatherFacts(request, node, wanted.names);
  const writer = propWriter(wanted.names, { omitsMissing, facts });
  const states = new PropertyStates(request, wantedByNames(wanted.names));
  const changes = vfs.changes.since(node, asked.state, asked.reach);
  let step: IteratorResult<readonly TreeChange[], TreeState>;
  try {
    step = await changes.next();
  } catch (error) {
    if (codeOf(error) !== 'cursor-expired') throw error;
    sendPrecondition(exchange.res, 403, 'valid-sync-token');
    return;
  }
  const body = new BodyWriter(exchange, 207, multistatusHeaders(applied));
  const href = request.hrefOf(node);
  body.add(openMultistatus(writer));
  let leftCount = wanted.limit ?? Number.POSITIVE_INFINITY;
  let state = asked.state;
  while (step.done !== true) {
    const told = step.value.slice(0, leftCount);
    const stateOf = await states.ofChanges(node, told);
    for (const change of told) {
      body.add(responseOfChange(href, change, writer, stateOf(change)));
      if (body.isFull) await body.flush();
    }
    state = told.at(-1)?.state ?? state;
    if (step.value.length > leftCount) break;
    leftCount -= step.value.length;
    exchange.signal.throwIfAborted();
    step = await changes.next();
  }
  if (step.done === true) {
    state = step.value;
  } else {
    // Section 3.6: more is to come with the next request.
    await changes.return(state as TreeState);
    body.add(statusResponse(href, '507 Insufficient Storage', '<D:number-of-matches-within-limits/>'));
  }
  body.add(`<D:sync-token>${syncTokenOf(vfs.epoch, state as TreeState)}</D:sync-token>`);
  body.add(CLOSE_MULTISTATUS);
  await body.end();
}

function responseOfChange(
  href: string,
  change: TreeChange,
  writer: PropstatWriter,
  state: PropertyState,
): string {
  const path = href + change.path.map(encodeSegment).join('/') + (change.isCollection ? '/' : '');
  if (change.node === null) return statusResponse(path, '404 Not Found');
  return responseOf(path, change.node, writer, state);
}

/** Section 3.3: `Depth` is 0 or absent; what is older than the RFC says by it what sync-level says today. */
function reachOf({ reach }: SyncRequest, depth: string | undefined): Reach {
  const text = depth?.trim().toLowerCase() ?? '0';
  if (reach !== null && text === '0') return reach;
  if (reach === null && text === '1') return 'members';
  if (reach === null && text === 'infinity') return 'descendants';
  throw new CodedError('invalid', 'The request needs a sync-level, and Depth 0.');
}
