import { lastModifiedText } from '../http/http-date.ts';
import { RequestBody } from '../http/request-body.ts';
import type { AssetFacts, Digests } from '../model/asset.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import { etagOf, type Node } from '../model/node.ts';
import type { ContentClaims, Over } from '../model/write.ts';
import type { WritePlace } from '../vfs/write-place.ts';
import { authorizeWrite } from './authorize-write.ts';
import { readChecksums } from './checksum-claims.ts';
import type { DavRequest } from './dav-request.ts';

/** Whether so little fits is known as soon by writing it as by asking. */
const TRIED_BYTES = 256 * 1024;

/**
 * PUT (RFC 9110 section 9.3.4, RFC 4918 section 9.7). Whatever can be refused is refused before the body is asked for.
 * The content shows whole or not at all, and the answer has the validators that the next HEAD gives.
 */
export async function put(request: DavRequest): Promise<void> {
  const { exchange, vfs, path } = request;
  const { signal, res, req } = exchange;
  const place = await vfs.writePlace(path);
  const isNew = place.node === null;
  const permit = await authorizeWrite(request, place, [{ place, isDeep: false, changesParent: isNew }]);
  // A part of a content is not what is to be there then (RFC 9110 section 14.5).
  if (req.headers['content-range'] !== undefined) {
    throw new CodedError(
      'invalid',
      'A part of a file cannot be stored: send all of it, without Content-Range.',
    );
  }
  if (place.node?.kind === 'collection') throw request.notAllowed('There is a folder of that name.');
  if (place.parent === null) throw new CodedError('parent-missing', 'There is no folder for it.');
  const claims = readClaims(request);
  if (claims.sizeBytes !== null && claims.sizeBytes > TRIED_BYTES) {
    await place.checkSpace(claims.sizeBytes, signal);
  }

  const content = new RequestBody(exchange);
  let shown: AssetFacts | null = null;
  const onShown = async (facts: AssetFacts | null) => {
    // Not after the turn: an ETag of what somebody else has put there since would be permission to replace that.
    shown = facts ?? assetOf(await vfs.resolve(path));
  };
  try {
    await place.put(content, { claims, over: overOf(request, place), permit, onShown }, signal);
  } catch (error) {
    // What the request expects was so when it came, and is no longer.
    const isConditional = req.headers['if-match'] !== undefined || req.headers['if-none-match'] !== undefined;
    if (!isConditional || !['changed', 'exists'].includes(codeOf(error))) throw error;
    throw new CodedError('precondition', 'It was changed while it was being sent.', { cause: error });
  } finally {
    content.destroy();
  }
  const stored = shown ?? assetOf(await vfs.resolve(path));
  res.writeHead(isNew ? 201 : 204, {
    ETag: etagOf(stored),
    'Last-Modified': lastModifiedText(stored.modifiedMs),
    ...(claims.modifiedMs === null ? {} : { 'X-OC-MTime': 'accepted' }),
    ...(isNew ? { 'Content-Length': 0 } : {}),
  });
  res.end();
}

function assetOf(node: Node): AssetFacts {
  if (node.kind === 'asset') return node.asset;
  throw new CodedError('changed', 'It was replaced by a folder meanwhile.');
}

/** What may be there when the content has arrived: what the conditions were weighed against, if there are any. */
function overOf({ exchange: { req } }: DavRequest, { node }: WritePlace): Over {
  if (req.headers['if-none-match'] !== undefined && node === null) return 'nothing';
  const isStrict = req.headers['if-match'] !== undefined || req.headers['if-unmodified-since'] !== undefined;
  return isStrict && node?.kind === 'asset' ? { version: node.asset.version } : 'anything';
}

/** What the client says of its content. @throws CodedError `invalid` for what cannot be understood. */
function readClaims(request: DavRequest): ContentClaims {
  // Finder sends in chunks and tells the size beside them.
  const length = request.header('content-length') ?? request.header('x-expected-entity-length');
  if (length !== undefined && !/^\d{1,15}$/.test(length.trim())) {
    throw new CodedError('invalid', 'The length of the content is no number.');
  }
  return {
    sizeBytes: length === undefined ? null : Number(length),
    digests: readDigests(request.header('oc-checksum')),
    modifiedMs: readModifiedTime(request.header('x-oc-mtime')),
  };
}

/** Seconds since 1970, with or without a fraction. */
function readModifiedTime(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^-?\d{1,11}(\.\d+)?$/.test(text.trim())) throw new CodedError('invalid', 'X-OC-Mtime is no time.');
  return Number(text) * 1000;
}

function readDigests(text: string | undefined): Digests {
  const digests = readChecksums(text ?? '');
  if (digests === null) throw new CodedError('invalid', 'OC-Checksum is malformed.');
  return digests;
}
