import { type Call, idParam, type Route, visibleAsset } from './call.ts';
import { Content } from './content.ts';
import { HttpError } from './errors.ts';
import { TINY_JPEG, TINY_WEBP } from './made-media.ts';
import { extensionOf, mimeOf } from './media-types.ts';
import type { Asset } from './model.ts';
import { type Reply, redirect } from './reply.ts';
import { sendFile } from './send-file.ts';
import { Fields } from './validate.ts';

export const BYTES_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/assets/:id/original', permission: 'asset.download', handle: original },
  { method: 'GET', path: '/assets/:id/thumbnail', permission: 'asset.view', handle: thumbnail },
  { method: 'GET', path: '/assets/:id/video/playback', permission: 'asset.view', handle: playback },
];

const PREVIEW = Content.from(TINY_JPEG);
const THUMBNAIL = Content.from(TINY_WEBP);

function original(call: Call): Reply {
  const asset = assetOr404(call, 'asset.download');
  const { edited } = asset;
  if (call.traits.original.hasEdited && call.query.edited === 'true' && edited !== null) {
    const file = { content: edited, contentType: 'image/jpeg', modifiedAt: asset.updatedAt };
    return sendFile(call, { ...file, fileName: asset.originalFileName, isOriginal: true });
  }
  return sendFile(call, { ...fileOf(call, asset), fileName: asset.originalFileName });
}

function playback(call: Call): Reply {
  return sendFile(call, fileOf(call, assetOr404(call, 'asset.view')));
}

/** On 3.x what may not be seen is a plain 404, for bytes only. */
function assetOr404(call: Call, permission: string): Asset {
  const id = idParam(call);
  const { missingStatus } = call.traits.original;
  try {
    return visibleAsset(call, id, permission);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    if (missingStatus === 404) throw new HttpError(404, 'Not Found');
    throw new HttpError(400, error.message, { 'cache-control': 'none' });
  }
}

function fileOf(call: Call, asset: Asset) {
  if (asset.isOffline) {
    const { failedStatus } = call.traits.original;
    throw new HttpError(failedStatus, failedStatus === 500 ? 'Internal server error' : 'Not Found');
  }
  return {
    content: asset.content,
    contentType: mimeOf(asset.originalFileName),
    modifiedAt: asset.fileModifiedAt,
    isOriginal: true,
  };
}

function thumbnail(call: Call): Reply {
  const { traits } = call;
  const id = idParam(call);
  const fields = new Fields(call.query, traits);
  const size = fields.choice('size', traits.thumbnail.sizes) ?? 'thumbnail';
  fields.check();
  const asset = seenForThumbnail(call, id);
  if (size === 'original' && traits.thumbnail.original === 'refused') {
    throw new HttpError(400, 'May not request original file');
  }
  if (size === 'original' || size === 'fullsize') {
    return redirect(asset.type === 'IMAGE' ? 'original?' : `/api/assets/${id}/thumbnail?size=preview`);
  }
  if (asset.thumbhash === null) throw new HttpError(404, 'Asset media not found');
  const isPreview = size === 'preview';
  const extension = extensionOf(asset.originalFileName);
  const stem = asset.originalFileName.slice(0, asset.originalFileName.length - extension.length);
  return sendFile(call, {
    content: isPreview ? PREVIEW : THUMBNAIL,
    contentType: isPreview ? 'image/jpeg' : 'image/webp',
    modifiedAt: asset.createdAt,
    fileName: `${stem}_${isPreview ? 'preview.jpeg' : 'thumbnail.webp'}`,
    isOriginal: false,
  });
}

function seenForThumbnail(call: Call, id: string): Asset {
  const { missingCacheControl } = call.traits.thumbnail;
  try {
    return visibleAsset(call, id, 'asset.view');
  } catch (error) {
    if (!(error instanceof HttpError) || missingCacheControl === undefined) throw error;
    throw new HttpError(error.status, error.message, { 'cache-control': missingCacheControl });
  }
}
