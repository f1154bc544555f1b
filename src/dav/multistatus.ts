import { type ServerResponse, STATUS_CODES } from 'node:http';
import { answerOf } from '../http/error-status.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ListedNode } from '../model/node.ts';
import type { PropstatWriter } from './live-properties.ts';
import type { PreconditionError } from './precondition-error.ts';
import type { PropertyState } from './property-states.ts';
import { escapeXml } from './xml-text.ts';

/** The pieces that every XML answer is made of (RFC 4918 section 13). */
export const XML_PREAMBLE = '<?xml version="1.0" encoding="utf-8"?>\n';
export const CLOSE_MULTISTATUS = '</D:multistatus>';

export const XML_HEADERS = { 'Content-Type': 'application/xml; charset=utf-8', 'Cache-Control': 'no-cache' };

/** Of a 207, which is also shorter for those who want less (RFC 8144 section 2). */
export function multistatusHeaders(applied: readonly string[]): Record<string, string> {
  return {
    ...XML_HEADERS,
    Vary: 'Accept-Encoding, Brief, Prefer',
    ...(applied.length === 0 ? {} : { 'Preference-Applied': applied.join(', ') }),
  };
}

export function openMultistatus({ declarations }: PropstatWriter): string {
  return `${XML_PREAMBLE}<D:multistatus xmlns:D="DAV:"${declarations}>`;
}

export function responseOf(
  href: string,
  node: ListedNode,
  writer: PropstatWriter,
  state?: PropertyState,
): string {
  return `<D:response><D:href>${href}</D:href>${writer.write(node, state)}</D:response>`;
}

/** A response without properties. @param error elements of `DAV:error`, as XML. */
export function statusResponse(href: string, status: string, error = ''): string {
  const told = error === '' ? '' : `<D:error>${error}</D:error>`;
  return `<D:response><D:href>${href}</D:href><D:status>HTTP/1.1 ${status}</D:status>${told}</D:response>`;
}

/** One response of a multistatus about a resource as a whole (RFC 4918 section 13). */
export interface ResourceStatus {
  /** Percent-encoded. */
  readonly href: string;
  readonly status: number;
  readonly description: string;
}

/** A short multistatus that tells what a method could not do; what it could do is not told. */
export function sendFailures(res: ServerResponse, failures: readonly ResourceStatus[]): void {
  const responses = failures.map(({ href, status, description }) => {
    const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`;
    const text = `<D:responsedescription>${escapeXml(description)}</D:responsedescription>`;
    return `<D:response><D:href>${href}</D:href><D:status>${line}</D:status>${text}</D:response>`;
  });
  sendXml(res, 207, `${XML_PREAMBLE}<D:multistatus xmlns:D="DAV:">${responses.join('')}</D:multistatus>`);
}

/** A failed precondition (RFC 4918 section 16) as the whole answer. */
export function sendPrecondition(res: ServerResponse, status: number, local: string): void {
  sendXml(res, status, `${XML_PREAMBLE}<D:error xmlns:D="DAV:"><D:${local}/></D:error>`);
}

/** The same for one that was thrown. */
export function sendPreconditionError({ res, id }: Exchange, error: PreconditionError): void {
  const status = error.status ?? answerOf(error, id)?.status ?? 500;
  sendXml(res, status, XML_PREAMBLE + error.xml);
}

/** Sends a short XML document as the whole response. */
export function sendXml(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { ...XML_HEADERS, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}
