import { Readable } from 'node:stream';
import { type Content, sendContent } from '../http/send-content.ts';
import { type AssetFacts, UNKNOWN_MEDIA } from '../model/asset.ts';
import { CodedError } from '../model/coded-error.ts';
import type { AssetNode } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';
import { isSystemLitter } from '../model/system-litter.ts';
import type { DavMethod, DavRequest } from './dav-request.ts';
import { answerPropfind } from './propfind.ts';

/** Empty files at the top that keep macOS from reading every photo to index it or to draw it small. Listed nowhere. */
const HINTS: ReadonlySet<string> = new Set(['.metadata_never_index', '.ql_disablethumbnails']);
const HINT_MODIFIED_MS = Date.UTC(2020, 0, 1);

/** Is it asked for what systems look for in every folder? Then `answerProbe` answers, from names alone. */
export function isSystemProbe(path: ResourcePath): boolean {
  return path.segments.some(isSystemLitter);
}

/** PROPFIND, GET and HEAD of system litter: there is none, except for the hints, which only the macOS client is given. */
export const answerProbe: DavMethod = async (request) => {
  const { path, exchange } = request;
  const isHint = path.segments.length === 1 && HINTS.has(path.name);
  if (!isHint || request.header('user-agent')?.startsWith('WebDAVFS/') !== true) {
    throw new CodedError('not-found', 'There is nothing of that name.');
  }
  if (exchange.req.method === 'PROPFIND')
    await answerPropfind(
      request,
      async () => hintNode(request),
      (node) => request.vfs.members(node),
    );
  else await sendContent(exchange, HINT_CONTENT);
};

const HINT_FACTS: AssetFacts = {
  ...UNKNOWN_MEDIA,
  ref: { id: '', path: '' },
  version: 'hint',
  sizeBytes: 0,
  contentType: 'application/octet-stream',
  kind: 'other',
  modifiedMs: HINT_MODIFIED_MS,
  createdMs: null,
  statusChangedMs: null,
  digests: {},
};

const HINT_CONTENT: Content = {
  etag: '"hint"',
  modifiedMs: HINT_MODIFIED_MS,
  contentType: HINT_FACTS.contentType,
  sizeBytes: 0,
  open: async () => Readable.from([]),
};

function hintNode({ path: { name } }: DavRequest): AssetNode {
  const times = { modifiedMs: HINT_MODIFIED_MS, createdMs: null, changedSeq: 0 };
  return {
    kind: 'asset',
    id: -1,
    parentId: 0,
    sourceId: 0,
    name,
    storedName: name,
    ...times,
    asset: HINT_FACTS,
    twinId: null,
  };
}
