import { readBody } from '../http/body.ts';
import type { CollectionNode, ListedNode, Node } from '../model/node.ts';
import { isSearchNode } from '../vfs/search-tree.ts';
import { BodyWriter } from './body-writer.ts';
import { DavRequest } from './dav-request.ts';
import {
  allpropWriter,
  isOfDigests,
  type PropstatWriter,
  propnameWriter,
  propWriter,
  wantedByNames,
} from './live-properties.ts';
import {
  CLOSE_MULTISTATUS,
  multistatusHeaders,
  openMultistatus,
  responseOf,
  sendPrecondition,
} from './multistatus.ts';
import { gatherFacts } from './property-facts.ts';
import { PropertyStates, type WantedState } from './property-states.ts';
import { type PropfindHeaders, readPropfindHeaders } from './propfind-headers.ts';
import { type PropfindRequest, parsePropfind } from './propfind-request.ts';
import type { ListingKey } from './rendered-listings.ts';
import { readSubmission } from './submission.ts';
import { isDav, MAX_XML_BYTES, type PropertyName } from './xml-request.ts';

/**
 * PROPFIND (RFC 4918 section 9.1). A collection is written piece by piece as the socket takes it, from the catalog
 * alone. Depth `infinity`, which is also what an absent Depth means, is refused as section 9.1 allows.
 */
export async function propfind(request: DavRequest): Promise<void> {
  const node = () => request.node();
  await answerPropfind(request, node, (collection, wanted) =>
    needsDigests(wanted) ? request.vfs.members(collection) : request.vfs.listing(collection),
  );
}

/**
 * The same for a resource that need not be in the tree.
 * @param members of a collection, a page at a time, with what is needed for the properties that are wanted.
 */
export async function answerPropfind(
  request: DavRequest,
  nodeOf: () => Promise<Node>,
  members: (collection: CollectionNode, wanted: PropfindRequest) => AsyncGenerator<readonly ListedNode[]>,
): Promise<void> {
  const { exchange } = request;
  const headers = readPropfindHeaders(request);
  const wanted = parsePropfind(await readBody(exchange, { limitBytes: MAX_XML_BYTES }));
  if (headers.depth === 'infinity') {
    sendPrecondition(exchange.res, 403, 'propfind-finite-depth');
    return;
  }
  const node = await nodeOf();
  await readSubmission(request);
  const writer = await writerFor(request, node, wanted, headers);
  const states = new PropertyStates(request, wantedState(wanted));
  const body = new BodyWriter(exchange, 207, multistatusHeaders(headers.applied));
  const href = request.hrefOf(node);
  body.add(openMultistatus(writer));
  if (!headers.omitsRoot || node.kind === 'asset') {
    body.add(responseOf(href, node, writer, await states.ofRequested(node)));
  }
  if (headers.depth === '1' && node.kind === 'collection') {
    // The first page is read before the status is sent: a source that cannot be listed is a 503, not an empty 207.
    const rendering = { href, writer, states, collection: node };
    const render = (refuse: () => void) => renderMembers(members(node, wanted), rendering, refuse);
    const key = listingKeyOf(request, node, wanted, headers, href);
    const pieces = key === null ? render(() => undefined) : request.listings.pieces(key, render);
    for await (const piece of pieces) {
      body.add(piece);
      if (body.isFull) await body.flush();
    }
  }
  body.add(CLOSE_MULTISTATUS);
  await body.end();
}

interface Rendering {
  /** Of the collection. */
  readonly href: string;
  readonly collection: CollectionNode;
  readonly writer: PropstatWriter;
  readonly states: PropertyStates;
}

/**
 * The responses of all members, in pieces as they are sent.
 * @param refuse called when a member's time is yet to come: until then it is shown as now, which is another one each time;
 *   and for the folder of searches, which changes with none of the catalog.
 */
async function* renderMembers(
  pages: AsyncGenerator<readonly ListedNode[]>,
  { href, collection, writer, states }: Rendering,
  refuse: () => void,
): AsyncGenerator<string> {
  const startedMs = Date.now();
  let piece = '';
  for await (const page of pages) {
    const stateOf = await states.ofMembers(collection, page);
    for (const member of page) {
      if (Math.max(member.modifiedMs, member.createdMs ?? 0) > startedMs || isSearchNode(member)) refuse();
      piece += responseOf(DavRequest.memberHref(href, member), member, writer, stateOf(member));
      if (piece.length < BodyWriter.PIECE_CHARS) continue;
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

/** Values that change by themselves, with nothing changed in the collection. */
const RESTLESS = [
  'lockdiscovery',
  'supportedlock',
  'sync-token',
  'quota-available-bytes',
  'quota-used-bytes',
];
/** A request that names this much is no client's that asks again. */
const MAX_SHAPE_CHARS = 4_000;

/** What the members' part of the answer depends on; null where that is more than can be told. */
function listingKeyOf(
  { stores, exchange }: DavRequest,
  collection: CollectionNode,
  wanted: PropfindRequest,
  { omitsMissing }: PropfindHeaders,
  href: string,
): ListingKey | null {
  // The root above all sources, system litter and searches are in no catalog.
  if (collection.sourceId < 1 || isSearchNode(collection) || wanted.kind === 'propname') return null;
  if (namesIn(wanted).some((name) => RESTLESS.some((local) => isDav(name, local)))) return null;
  const shape = JSON.stringify([collection.id, href, wanted, omitsMissing, exchange.user]);
  if (shape.length > MAX_SHAPE_CHARS) return null;
  return { shape, state: `${collection.stateSeq}/${stores.properties.revision}` };
}

async function writerFor(
  request: DavRequest,
  node: Node,
  wanted: PropfindRequest,
  { omitsMissing }: PropfindHeaders,
): Promise<PropstatWriter> {
  const facts = await gatherFacts(request, node, namesIn(wanted));
  if (wanted.kind === 'propname') return propnameWriter(facts);
  if (wanted.kind === 'allprop') return allpropWriter(wanted.include, { omitsMissing, facts });
  return propWriter(wanted.names, { omitsMissing, facts });
}

/** Who asks for all properties, or for the names of all, asks for dead ones too. */
function wantedState(wanted: PropfindRequest): WantedState {
  const named = wantedByNames(namesIn(wanted));
  return wanted.kind === 'prop' ? named : { ...named, dead: true };
}

/** A listing is read without digests, in a fraction of the time; who asks for names alone asks for theirs, too. */
function needsDigests(wanted: PropfindRequest): boolean {
  return wanted.kind === 'propname' || namesIn(wanted).some(isOfDigests);
}

function namesIn(wanted: PropfindRequest): readonly PropertyName[] {
  if (wanted.kind === 'propname') return [];
  return wanted.kind === 'allprop' ? wanted.include : wanted.names;
}
