import type { ServerResponse } from 'node:http';
import { readBody } from '../http/body.ts';
import type { CollectionNode, ListedNode } from '../model/node.ts';
import { BodyWriter } from './body-writer.ts';
import { DavRequest } from './dav-request.ts';
import { allpropWriter, type PropstatWriter, propnameWriter, propWriter } from './live-properties.ts';
import { type PropfindHeaders, readPropfindHeaders } from './propfind-headers.ts';
import { MAX_PROPFIND_BYTES, type PropfindRequest, parsePropfind } from './propfind-request.ts';

const XML_HEADERS = { 'Content-Type': 'application/xml; charset=utf-8', 'Cache-Control': 'no-cache' };
const PREAMBLE = '<?xml version="1.0" encoding="utf-8"?>\n';
const CLOSE = '</D:multistatus>';
const FINITE_DEPTH = `${PREAMBLE}<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>`;

/**
 * PROPFIND (RFC 4918 section 9.1). A collection is written piece by piece as the socket takes it, from the catalog
 * alone. Depth `infinity`, which is also what an absent Depth means, is refused as section 9.1 allows.
 */
export async function propfind(request: DavRequest): Promise<void> {
  const { exchange } = request;
  const headers = readPropfindHeaders(request);
  const wanted = parsePropfind(await readBody(exchange, { limitBytes: MAX_PROPFIND_BYTES }));
  if (headers.depth === 'infinity') {
    sendXml(exchange.res, 403, FINITE_DEPTH);
    return;
  }
  const node = await request.node();
  const writer = writerFor(wanted, headers);
  if (headers.depth === '0' || node.kind === 'asset') {
    sendXml(exchange.res, 207, openOf(writer) + responseOf(request.hrefOf(node), node, writer) + CLOSE);
    return;
  }
  await sendMembers(request, node, writer, headers);
}

async function sendMembers(
  request: DavRequest,
  collection: CollectionNode,
  writer: PropstatWriter,
  { omitsRoot }: PropfindHeaders,
): Promise<void> {
  const href = request.hrefOf(collection);
  const body = new BodyWriter(request.exchange, 207, XML_HEADERS);
  body.add(openOf(writer));
  if (!omitsRoot) body.add(responseOf(href, collection, writer));
  // The first page is read before the status is sent: a source that cannot be listed is a 503, not an empty 207.
  for await (const page of request.vfs.listing(collection)) {
    for (const member of page) {
      body.add(responseOf(DavRequest.memberHref(href, member), member, writer));
      if (body.isFull) await body.flush();
    }
  }
  body.add(CLOSE);
  body.end();
}

function openOf({ declarations }: PropstatWriter): string {
  return `${PREAMBLE}<D:multistatus xmlns:D="DAV:"${declarations}>`;
}

function responseOf(href: string, node: ListedNode, writer: PropstatWriter): string {
  return `<D:response><D:href>${href}</D:href>${writer.write(node)}</D:response>`;
}

function writerFor(wanted: PropfindRequest, { omitsMissing }: PropfindHeaders): PropstatWriter {
  if (wanted.kind === 'propname') return propnameWriter();
  if (wanted.kind === 'allprop') return allpropWriter(wanted.include, { omitsMissing });
  return propWriter(wanted.names, { omitsMissing });
}

function sendXml(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { ...XML_HEADERS, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}
