import type { ServerResponse } from 'node:http';
import type { Node } from '../model/node.ts';
import type { PropstatWriter } from './live-properties.ts';

/** The pieces that every XML answer is made of (RFC 4918 section 13). */
const PREAMBLE = '<?xml version="1.0" encoding="utf-8"?>\n';
export const CLOSE_MULTISTATUS = '</D:multistatus>';

const XML_HEADERS = { 'Content-Type': 'application/xml; charset=utf-8', 'Cache-Control': 'no-cache' };

/** Of a 207, which is also shorter for those who want less (RFC 8144 section 2). */
export function multistatusHeaders(applied: readonly string[]): Record<string, string> {
  return {
    ...XML_HEADERS,
    Vary: 'Accept-Encoding, Brief, Prefer',
    ...(applied.length === 0 ? {} : { 'Preference-Applied': applied.join(', ') }),
  };
}

export function openMultistatus({ declarations }: PropstatWriter): string {
  return `${PREAMBLE}<D:multistatus xmlns:D="DAV:"${declarations}>`;
}

export function responseOf(href: string, node: Node, writer: PropstatWriter): string {
  return `<D:response><D:href>${href}</D:href>${writer.write(node)}</D:response>`;
}

/** A response without properties. @param error elements of `DAV:error`, as XML. */
export function statusResponse(href: string, status: string, error = ''): string {
  const told = error === '' ? '' : `<D:error>${error}</D:error>`;
  return `<D:response><D:href>${href}</D:href><D:status>HTTP/1.1 ${status}</D:status>${told}</D:response>`;
}

/** A failed precondition (RFC 4918 section 16) as the whole answer. */
export function sendPrecondition(res: ServerResponse, status: number, local: string): void {
  const text = `${PREAMBLE}<D:error xmlns:D="DAV:"><D:${local}/></D:error>`;
  res.writeHead(status, { ...XML_HEADERS, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}
