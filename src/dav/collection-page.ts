import { once } from 'node:events';
import type { CollectionNode, Node } from '../model/node.ts';
import { DavRequest } from './dav-request.ts';
import { escapeXml } from './xml-text.ts';

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
  'X-Content-Type-Options': 'nosniff',
};
const STYLE = 'body{font:1rem/1.6 system-ui;margin:2rem}td{padding-right:2rem}a{text-decoration:none}';

/** A list of links, for whoever opens the address in a browser instead of mounting it. */
export async function sendCollectionPage(request: DavRequest, collection: CollectionNode): Promise<void> {
  const { req, res, signal } = request.exchange;
  if (req.method === 'HEAD') {
    res.writeHead(200, HEADERS);
    res.end();
    return;
  }
  const href = request.hrefOf(collection);
  const title = escapeXml(request.path.isRoot ? 'mediadav' : request.path.toString());
  let text = `<!doctype html><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style><h1>${title}</h1>`;
  text += '<table>';
  if (!request.path.isRoot) text += '<tr><td><a href="../">../</a></td></tr>';
  for await (const page of request.vfs.members(collection)) {
    for (const member of page) text += rowOf(DavRequest.memberHref(href, member), member);
    if (!res.headersSent) res.writeHead(200, HEADERS);
    if (!res.write(text)) await once(res, 'drain', { signal });
    signal.throwIfAborted();
    text = '';
  }
  res.end('</table>');
}

function rowOf(href: string, node: Node): string {
  const isCollection = node.kind === 'collection';
  const name = escapeXml(isCollection ? `${node.name}/` : node.name);
  const size = isCollection ? '' : node.asset.sizeBytes.toLocaleString('en');
  const time = new Date(node.modifiedMs).toISOString().slice(0, 16).replace('T', ' ');
  return `<tr><td><a href="${href}">${name}</a></td><td align="right">${size}</td><td>${time}</td></tr>`;
}
