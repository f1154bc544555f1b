import { type ServerResponse, STATUS_CODES } from 'node:http';
import { escapeXml } from './xml-text.ts';

export const XML_HEADERS = { 'Content-Type': 'application/xml; charset=utf-8', 'Cache-Control': 'no-cache' };
export const XML_PREAMBLE = '<?xml version="1.0" encoding="utf-8"?>\n';

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

/** Sends a short XML document as the whole response. */
export function sendXml(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { ...XML_HEADERS, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}
