import { answerOf } from '../http/error-status.ts';
import type { ResourceFailure } from '../vfs/write-place.ts';
import type { DavRequest } from './dav-request.ts';
import { sendFailures } from './multistatus.ts';

/** 207 with all that could not be done (RFC 4918 section 13), or else an empty answer. */
export function sendOutcome(
  request: DavRequest,
  failures: readonly ResourceFailure[],
  status: 201 | 204,
): void {
  const { res, id } = request.exchange;
  if (failures.length === 0) {
    res.writeHead(status, status === 201 ? { 'Content-Length': 0 } : {});
    res.end();
    return;
  }
  const statuses = failures.map(({ path, error }) => ({
    href: request.hrefAt(path),
    status: answerOf(error, id)?.status ?? 500,
    description: error.message,
  }));
  sendFailures(res, statuses);
}
