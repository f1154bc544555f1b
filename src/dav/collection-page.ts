import { wholeSecondsMs } from '../http/http-date.ts';
import type { CollectionNode, ListedNode } from '../model/node.ts';
import { BodyWriter } from './body-writer.ts';
import { DavRequest } from './dav-request.ts';
import { escapeXml } from './xml-text.ts';

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  Vary: 'Accept-Encoding',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
};
const STYLE = 'body{font:1rem/1.6 system-ui;margin:2rem}td{padding-right:2rem}a{text-decoration:none}';

/** A list of links, for whoever opens the address in a browser instead of mounting it. */
export async function sendCollectionPage(request: DavRequest, collection: CollectionNode): Promise<void> {
  const { exchange } = request;
  const href = request.hrefOf(collection);
  const title = escapeXml(request.path.isRoot ? 'mediadav' : request.path.toString());
  const body = new BodyWriter(exchange, 200, HEADERS);
  body.add(
    `<!doctype html><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style><h1>${title}</h1>`,
  );
  body.add('<table>');
  if (!request.path.isRoot) body.add(`<tr><td><a href="${request.parentHref()}">../</a></td></tr>`);
  for await (const page of request.vfs.listing(collection)) {
    // A source that cannot be listed fails here, for HEAD as for GET.
    if (exchange.req.method === 'HEAD') {
      exchange.res.writeHead(200, HEADERS);
      exchange.res.end();
      return;
    }
    for (const member of page) {
      body.add(rowOf(DavRequest.memberHref(href, member), member));
      if (body.isFull) await body.flush();
    }
  }
  body.add('</table>');
  await body.end();
}

function rowOf(href: string, node: ListedNode): string {
  const isCollection = node.kind === 'collection';
  const name = escapeXml(isCollection ? `${node.name}/` : node.name);
  const size = isCollection ? '' : node.asset.sizeBytes.toLocaleString('en');
  const modifiedMs = wholeSecondsMs(Math.min(node.modifiedMs, Date.now()));
  const time = new Date(modifiedMs).toISOString().slice(0, 16).replace('T', ' ');
  return `<tr><td><a href="${href}">${name}</a></td><td align="right">${size}</td><td>${time}</td></tr>`;
}
