import { reprDigestHeader } from '../http/repr-digest.ts';
import { type Content, sendContent } from '../http/send-content.ts';
import { type AssetNode, etagOf } from '../model/node.ts';
import { sendCollectionPage } from './collection-page.ts';
import type { DavRequest } from './dav-request.ts';
import { readSubmission } from './submission.ts';

/** GET and HEAD (RFC 9110 sections 9.3.1 and 9.3.2). A collection answers with a plain page for browsers. */
export async function get(request: DavRequest): Promise<void> {
  const node = await request.node();
  await readSubmission(request);
  if (node.kind === 'collection') await sendCollectionPage(request, node);
  else await sendContent(request.exchange, contentOf(request, node));
}

function contentOf(request: DavRequest, node: AssetNode): Content {
  const { asset } = node;
  const { vfs, exchange } = request;
  return {
    etag: etagOf(asset),
    modifiedMs: asset.modifiedMs,
    contentType: asset.contentType,
    sizeBytes: asset.sizeBytes,
    headers: reprDigestHeader(asset.digests, request.header('want-repr-digest')),
    open: (range, openSignal) => vfs.open(node, range, openSignal),
    readShort: (range, readSignal) => vfs.readShort(node, range, readSignal),
    openFile: (openSignal) => vfs.openFile(node, openSignal),
    openPieces: (range, openSignal) => vfs.openPieces(node, range, openSignal),
    refresh: async () => contentOf(request, await vfs.refresh(node, exchange.signal)),
  };
}
