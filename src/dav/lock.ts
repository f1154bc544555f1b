import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { LockRecord } from '../catalog/lock-store.ts';
import { readBody } from '../http/body.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { WritePlace } from '../vfs/write-place.ts';
import { authorizeWrite } from './authorize-write.ts';
import { lockedBy } from './check-locks.ts';
import type { DavRequest } from './dav-request.ts';
import { lockDiscovery } from './lock-discovery.ts';
import { readLockDepth, readLockToken, readTimeoutMs } from './lock-headers.ts';
import { type LockInfo, parseLockInfo } from './lock-request.ts';
import { sendFailures, XML_HEADERS, XML_PREAMBLE } from './multistatus.ts';
import { PreconditionError } from './precondition-error.ts';
import { checkShownAsNamed } from './shown-name.ts';
import { readSubmission } from './submission.ts';
import { MAX_XML_BYTES } from './xml-request.ts';

/** LOCK (RFC 4918 section 9.10): a new lock, or with an empty body more time for one. */
export async function lock(request: DavRequest): Promise<void> {
  const { exchange, vfs, path } = request;
  const place = await vfs.writePlace(path);
  const info = parseLockInfo(await readBody(exchange, { limitBytes: MAX_XML_BYTES }));
  if (info === null) await refresh(request, place);
  else await take(request, place, info);
}

/** UNLOCK (RFC 4918 section 9.11), through any resource that the lock is on. */
export async function unlock(request: DavRequest): Promise<void> {
  const { exchange, vfs, path, stores } = request;
  const token = readLockToken(request);
  const place = await vfs.writePlace(path);
  await authorizeWrite(request, place, []);
  const held = await stores.locks.covering(place.key, stores.now());
  const isHeld = held.some((each) => each.token === token);
  if (!isHeld || !(await stores.locks.release(token))) throw noSuchLock(409);
  exchange.res.writeHead(204);
  exchange.res.end();
}

async function take(request: DavRequest, place: WritePlace, info: LockInfo): Promise<void> {
  const { stores, exchange } = request;
  const depth = readLockDepth(request);
  const isNew = place.node === null;
  // A name that nothing has yet comes into its collection with the lock; what is there is not changed by it.
  await authorizeWrite(request, place, isNew ? [{ place, isDeep: false, changesParent: true }] : []);
  if (isNew && place.parent === null) throw new CodedError('parent-missing', 'There is no folder for it.');
  if (isNew) await checkShownAsNamed(place);
  const nowMs = stores.now();
  const wanted: LockRecord = {
    ...{ token: `urn:uuid:${randomUUID()}`, path: place.key, depth, ...info },
    ...{ user: exchange.user, expiresMs: nowMs + readTimeoutMs(request) },
  };
  // Not between the last look of an upload at the locks and its showing.
  const inTheWay = await place.undisturbed(() => stores.locks.take(wanted, nowMs));
  if (inTheWay.length > 0) {
    refuse(request, inTheWay, place.key);
    return;
  }
  if (isNew) await makeEmpty(request, place, wanted.token);
  send(request, [wanted], isNew ? 201 : 200, { 'Lock-Token': `<${wanted.token}>` });
}

/** RFC 4918 section 9.10.4: locking a name that nothing has makes an empty resource of it. */
async function makeEmpty({ stores, exchange }: DavRequest, place: WritePlace, token: string): Promise<void> {
  const content = Readable.from([]);
  const claims = { sizeBytes: 0, digests: {}, modifiedMs: null };
  try {
    await place.put(content, { claims, over: 'nothing' }, exchange.signal);
  } catch (error) {
    // Somebody else has put something there in this moment: then that is locked.
    if (codeOf(error) === 'exists') return;
    await stores.locks.release(token);
    throw error;
  } finally {
    content.destroy();
  }
}

/** RFC 4918 section 9.10.2: the token comes in the `If` header, and nothing about the lock changes but its end. */
async function refresh(request: DavRequest, place: WritePlace): Promise<void> {
  const { stores } = request;
  if (request.header('if') === undefined) {
    throw new CodedError(
      'invalid',
      'A LOCK without a body refreshes the lock whose token the If header holds.',
    );
  }
  await authorizeWrite(request, place, []);
  const { tokens: submitted } = await readSubmission(request);
  const nowMs = stores.now();
  const held = await stores.locks.covering(place.key, nowMs);
  const timeoutMs = readTimeoutMs(request);
  const refreshed: LockRecord[] = [];
  for (const { token } of held.filter((each) => submitted.has(each.token))) {
    const lock = await stores.locks.refresh(token, nowMs + timeoutMs, nowMs);
    if (lock !== null) refreshed.push(lock);
  }
  if (refreshed.length === 0) throw noSuchLock(412);
  send(request, refreshed, 200, {});
}

/** RFC 4918 section 9.10.9: what is in the way below the resource is named by a 207, anything else by a 423. */
function refuse(request: DavRequest, inTheWay: readonly LockRecord[], key: string): void {
  const below = inTheWay.filter(({ path }) => path !== key && path.startsWith(key === '/' ? key : `${key}/`));
  const hrefs = [...new Set(inTheWay.map(({ path }) => request.hrefOfKey(path)))];
  if (below.length < inTheWay.length) throw lockedBy(hrefs, [{ local: 'no-conflicting-lock', hrefs }]);
  sendFailures(request.exchange.res, [
    ...hrefs.map((href) => ({ href, status: 423, description: 'Somebody else has locked this.' })),
    { href: request.hrefAt(request.path), status: 424, description: 'Something in it is locked.' },
  ]);
}

function send(
  request: DavRequest,
  locks: readonly LockRecord[],
  status: number,
  headers: Readonly<Record<string, string>>,
): void {
  const { res } = request.exchange;
  const discovery = lockDiscovery(locks, request.stores.now(), (key) => request.hrefOfKey(key));
  const text = `${XML_PREAMBLE}<D:prop xmlns:D="DAV:"><D:lockdiscovery>${discovery}</D:lockdiscovery></D:prop>`;
  res.writeHead(status, { ...XML_HEADERS, ...headers, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}

function noSuchLock(status: 409 | 412): PreconditionError {
  const condition = { local: 'lock-token-matches-request-uri', hrefs: [] };
  return new PreconditionError('precondition', 'There is no such lock on this.', [condition], status);
}
