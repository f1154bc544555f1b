import { type Content, sendContent } from '../http/send-content.ts';
import { type AssetNode, etagOf } from '../model/node.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { sendCollectionPage } from './collection-page.ts';
import type { DavRequest } from './dav-request.ts';

/** GET and HEAD (RFC 9110 sections 9.3.1 and 9.3.2). A collection answers with a plain page for browsers. */
export async function get(request: DavRequest): Promise<void> {
  const node = await request.node();
  if (node.kind === 'collection') await sendCollectionPage(request, node);
  else await sendContent(request.exchange, contentOf(node, request.vfs, request.exchange.signal));
}

function contentOf(node: AssetNode, vfs: Vfs, signal: AbortSignal): Content {
  const { asset } = node;
  return {
    etag: etagOf(asset),
    modifiedMs: asset.modifiedMs,
    contentType: asset.contentType,
    sizeBytes: asset.sizeBytes,
    open: (range, openSignal) => vfs.open(node, range, openSignal),
    readShort: (range, readSignal) => vfs.readShort(node, range, readSignal),
    openFile: (openSignal) => vfs.openFile(node, openSignal),
    refresh: async () => contentOf(await vfs.refresh(node, signal), vfs, signal),
  };
}
