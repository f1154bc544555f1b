import { sendAnswer } from '../http/error-status.ts';
import { CodedError } from '../model/coded-error.ts';
import { authorizeWrite } from './authorize-write.ts';
import type { DavRequest } from './dav-request.ts';

/** MKCOL (RFC 4918 section 9.3). A body would ask for something else than a plain collection; none is understood. */
export async function mkcol(request: DavRequest): Promise<void> {
  const { exchange, vfs, path } = request;
  const { req, res, signal } = exchange;
  const place = await vfs.writePlace(path);
  const permit = await authorizeWrite(request, place, [{ place, isDeep: false, changesParent: true }]);
  const hasBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (hasBody) {
    sendAnswer(exchange, { status: 415, headers: {}, body: 'A new folder is asked for without a body.' });
    return;
  }
  if (place.node !== null) throw request.notAllowed('Something of that name is there already.');
  if (place.parent === null) throw new CodedError('parent-missing', 'There is no folder for it.');
  await place.makeCollection(signal, permit);
  res.writeHead(201, { 'Content-Length': 0 });
  res.end();
}
