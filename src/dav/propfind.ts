import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { readBody } from '../http/body.ts';
import { CodedError } from '../model/coded-error.ts';
import type { CollectionNode, Node } from '../model/node.ts';
import { DavRequest } from './dav-request.ts';
import { allpropWriter, type PropstatWriter, propnameWriter, propWriter } from './live-properties.ts';
import { MAX_PROPFIND_BYTES, type PropfindRequest, parsePropfind } from './propfind-request.ts';

const XML_HEADERS = { 'Content-Type': 'application/xml; charset=utf-8', 'Cache-Control': 'no-cache' };
const PREAMBLE = '<?xml version="1.0" encoding="utf-8"?>\n';
const OPEN = `${PREAMBLE}<D:multistatus xmlns:D="DAV:">`;
const CLOSE = '</D:multistatus>';
const FINITE_DEPTH = `${PREAMBLE}<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>`;

/**
 * PROPFIND (RFC 4918 section 9.1). A collection is written page by page as the socket takes it, from the catalog
 * alone. Depth `infinity`, which is also what an absent Depth means, is refused as section 9.1 allows.
 */
export async function propfind(request: DavRequest): Promise<void> {
  const { exchange } = request;
  const depth = depthOf(request);
  const wanted = parsePropfind(await readBody(exchange, { limitBytes: MAX_PROPFIND_BYTES }));
  if (depth === 'infinity') {
    sendXml(exchange.res, 403, FINITE_DEPTH);
    return;
  }
  const node = await request.node();
  const write = writerFor(wanted);
  const href = request.hrefOf(node);
  if (depth === '0' || node.kind === 'asset') {
    sendXml(exchange.res, 207, OPEN + responseOf(href, node, write) + CLOSE);
    return;
  }
  await sendMembers(request, node, href, write);
}

async function sendMembers(
  request: DavRequest,
  collection: CollectionNode,
  href: string,
  write: PropstatWriter,
): Promise<void> {
  const { res, signal } = request.exchange;
  let text = OPEN + responseOf(href, collection, write);
  // The first page is read before the status is sent: a source that cannot be listed is a 503, not an empty 207.
  for await (const page of request.vfs.members(collection)) {
    for (const member of page) text += responseOf(DavRequest.memberHref(href, member), member, write);
    if (!res.headersSent) res.writeHead(207, XML_HEADERS);
    if (!res.write(text)) await once(res, 'drain', { signal });
    signal.throwIfAborted();
    text = '';
  }
  res.end(CLOSE);
}

function responseOf(href: string, node: Node, write: PropstatWriter): string {
  return `<D:response><D:href>${href}</D:href>${write(node)}</D:response>`;
}

function writerFor(wanted: PropfindRequest): PropstatWriter {
  if (wanted.kind === 'allprop') return allpropWriter(wanted.include);
  return wanted.kind === 'propname' ? propnameWriter() : propWriter(wanted.names);
}

function depthOf(request: DavRequest): '0' | '1' | 'infinity' {
  const depth = request.header('depth')?.trim().toLowerCase() ?? 'infinity';
  if (depth === '0' || depth === '1' || depth === 'infinity') return depth;
  throw new CodedError('invalid', 'Depth must be 0, 1 or infinity.');
}

function sendXml(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { ...XML_HEADERS, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}
