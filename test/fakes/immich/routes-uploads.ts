import { bodyOf, type Call, type Route } from './call.ts';
import { HttpError } from './errors.ts';
import { extensionOf } from './media-types.ts';
import type { AssetInit, Visibility } from './model.ts';
import { readMultipart } from './multipart.ts';
import { json, type Reply } from './reply.ts';
import { Fields } from './validate.ts';

export const UPLOAD_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/assets', permission: 'asset.upload', handle: upload },
  { method: 'POST', path: '/assets/bulk-upload-check', permission: 'asset.upload', handle: bulkCheck },
];

/** Hex or base64, as base64. */
function checksumText(text: string): string {
  return /^[0-9a-f]{40}$/i.test(text) ? Buffer.from(text, 'hex').toString('base64') : text;
}

function bulkCheck(call: Call): Reply {
  const { library, user } = call;
  const assets = bodyOf(call, (fields) => fields.raw('assets')) as { id: string; checksum: string }[];
  const results = assets.map(({ id, checksum }) => {
    const known = library.assetByChecksum(user.id, checksumText(checksum));
    if (known === undefined) return { id, action: 'accept' };
    return {
      id,
      action: 'reject',
      reason: 'duplicate',
      assetId: known.id,
      isTrashed: known.deletedAt !== null,
    };
  });
  return json({ results });
}

async function upload(call: Call): Promise<Reply> {
  const { library, user, traits, request } = call;
  const announced = request.headers['x-immich-checksum'];
  if (announced !== undefined) {
    // A known checksum ends it here; the body is not even read. One that is not known is not compared with the content either.
    const known = library.assetByChecksum(user.id, checksumText(String(announced)));
    if (known !== undefined) return json({ status: 'duplicate', id: known.id }, 200);
  }
  const { fields, files } = await readMultipart(request, (fileName, before) => {
    const isFieldChecked = traits.upload.filenameField === 'checked';
    const name = (isFieldChecked ? before.get('filename') : undefined) ?? fileName;
    const { video, image } = traits.mediaTypes;
    if (![...video, ...image].includes(extensionOf(name))) {
      throw new HttpError(400, `Unsupported file type ${name}`);
    }
  });
  const init = readInit(call, fields);
  const file = files.get('assetData');
  if (file?.fileName === undefined) throw new HttpError(400, 'File is required');
  if (file.bytes.length === 0 && traits.upload.refusesEmpty) throw new HttpError(400, 'File is empty');
  // Before the checksum is looked for, as the real one does: a duplicate counts, too.
  const used = [...library.assets.values()]
    .filter(({ ownerId }) => ownerId === user.id)
    .reduce((sum, { content }) => sum + content.size, 0);
  if (user.quotaBytes !== undefined && used + file.bytes.length > user.quotaBytes) {
    throw new HttpError(400, 'Quota has been exceeded!');
  }
  const nameField = traits.upload.filenameField === 'ignored' ? undefined : fields.get('filename');
  const asset = { owner: user, name: nameField ?? file.fileName, content: file.bytes, ...init };
  return store(call, asset);
}

function readInit({ traits }: Call, given: ReadonlyMap<string, string>): Partial<AssetInit> {
  const fields = new Fields(Object.fromEntries(given), traits);
  const device = traits.upload.needsDevice
    ? { deviceAssetId: fields.text('deviceAssetId'), deviceId: fields.text('deviceId') }
    : {};
  const fileCreatedAt = fields.date('fileCreatedAt', true) ?? 0;
  const fileModifiedAt = fields.date('fileModifiedAt', true) ?? 0;
  const isFavorite = fields.boolean('isFavorite') ?? false;
  const livePhotoVideoId = fields.uuid('livePhotoVideoId');
  const visibility = traits.asset.hasVisibility
    ? fields.choice('visibility', ['archive', 'timeline', 'hidden', 'locked'])
    : oldVisibility(fields);
  fields.check();
  return {
    ...device,
    fileCreatedAt,
    fileModifiedAt,
    isFavorite,
    ...(livePhotoVideoId === undefined ? {} : { livePhotoVideoId }),
    ...(visibility === undefined ? {} : { visibility: visibility as Visibility }),
  };
}

function oldVisibility(fields: Fields): Visibility | undefined {
  if (fields.boolean('isVisible') === false) return 'hidden';
  return fields.boolean('isArchived') === true ? 'archive' : undefined;
}

/** Unique by owner and content, the trash included: a duplicate of a trashed asset stays in the trash. */
function store({ library, user }: Call, init: AssetInit): Reply {
  const checksum = library.checksumOfContent(init.content);
  const known = library.assetByChecksum(user.id, checksum);
  if (known !== undefined) return json({ status: 'duplicate', id: known.id }, 200);
  const asset = library.upload(init);
  const part = library.assets.get(init.livePhotoVideoId ?? '');
  if (part !== undefined) library.updateAsset(part, { visibility: 'hidden' });
  return json({ id: asset.id, status: 'created' }, 201);
}
