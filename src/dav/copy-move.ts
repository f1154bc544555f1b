import { sendAnswer } from '../http/error-status.ts';
import { CodedError } from '../model/coded-error.ts';
import type { Over, Permit } from '../model/write.ts';
import type { WritePlace } from '../vfs/write-place.ts';
import { authorizeWrite, type IntendedChange, permitByLocks } from './authorize-write.ts';
import type { DavRequest } from './dav-request.ts';
import { readDestination } from './destination.ts';
import { sendOutcome } from './outcome.ts';
import { copyProperties, settleCopy, settleMove } from './settle-journey.ts';
import { checkShownAsNamed } from './shown-name.ts';

interface Journey {
  readonly from: WritePlace;
  readonly to: WritePlace;
  readonly over: Over;
  /** `Depth` is not 0. */
  readonly isDeep: boolean;
}

/** COPY (RFC 4918 section 9.8): all of it or nothing. */
export async function copy(request: DavRequest): Promise<void> {
  const journey = await readJourney(request, await request.vfs.copyPlace(request.path));
  if (journey === null) return;
  const { from, to, over, isDeep } = journey;
  const change = { place: to, isDeep: true, changesParent: to.node === null };
  const permit = await authorizeJourney(request, journey, [change]);
  const failures = await from.copyTo(to, { over, isDeep, permit }, request.exchange.signal);
  if (failures.length === 0) await settleCopy(request, from, to);
  sendOutcome(request, failures, to.node === null ? 201 : 204);
}

/** MOVE (RFC 4918 section 9.9), in one step wherever the disk can. */
export async function move(request: DavRequest): Promise<void> {
  const journey = await readJourney(request, await request.vfs.writePlace(request.path));
  if (journey === null) return;
  const { from, to, over, isDeep } = journey;
  if (!isDeep && from.node?.kind === 'collection') {
    throw new CodedError('invalid', 'A folder is moved with everything in it: Depth must be infinity.');
  }
  if (from.isFixed) throw new CodedError('denied', 'The settings of this server say what is here: it stays.');
  const removal: IntendedChange = { place: from, isDeep: true, changesParent: true };
  const permit = await authorizeJourney(request, journey, [
    removal,
    { place: to, isDeep: true, changesParent: to.node === null },
  ]);
  if (await isLocked(request, from)) await checkShownAsNamed(to);
  const mayRemove = await permitByLocks(request, [removal]);
  const onCopied = () => copyProperties(request, from, to);
  const failures = await from.moveTo(to, { over, permit, onCopied, mayRemove }, request.exchange.signal);
  if (failures.length === 0) await settleMove(request, from, to);
  sendOutcome(request, failures, to.node === null ? 201 : 204);
}

/** Itself, or something in it. */
async function isLocked({ stores }: DavRequest, { key }: WritePlace): Promise<boolean> {
  const covering = await stores.locks.covering(key, stores.now());
  if (covering.some(({ path }) => path === key)) return true;
  return (await stores.locks.below(key, stores.now())).length > 0;
}

/** Null: it was answered already. */
async function readJourney(request: DavRequest, from: WritePlace): Promise<Journey | null> {
  const { exchange, vfs } = request;
  const overwrite = (request.header('overwrite') ?? 'T').trim().toUpperCase();
  if (overwrite !== 'T' && overwrite !== 'F') throw new CodedError('invalid', 'Overwrite must be T or F.');
  const depth = (request.header('depth') ?? 'infinity').trim().toLowerCase();
  if (depth !== '0' && depth !== 'infinity') throw new CodedError('invalid', 'Depth must be 0 or infinity.');
  const destination = readDestination(request);
  if (destination === null) {
    const body = 'The destination is not on this server, or not in this mount.';
    sendAnswer(exchange, { status: 502, headers: {}, body });
    return null;
  }
  if (from.node === null) throw new CodedError('not-found', 'There is nothing of that name.');
  const to = await vfs.writePlace(destination);
  return { from, to, over: overwrite === 'T' ? 'anything' : 'nothing', isDeep: depth === 'infinity' };
}

async function authorizeJourney(
  request: DavRequest,
  { from, to, over }: Journey,
  changes: readonly IntendedChange[],
): Promise<Permit> {
  // By the one text for each place: a resource has several names, and would be copied into itself by another one.
  if (isWithin(to.key, from.key) || isWithin(from.key, to.key)) {
    throw new CodedError('denied', 'Source and destination are the same, or one lies within the other.');
  }
  const permit = await authorizeWrite(request, from, changes);
  if (to.node !== null && over === 'nothing') {
    throw new CodedError('precondition', 'Something is at the destination already.');
  }
  if (to.isFixed) throw new CodedError('denied', 'The settings of this server say what is there: it stays.');
  if (to.parent === null) throw new CodedError('parent-missing', 'There is no folder at the destination.');
  return permit;
}

/** Both as `WritePlace.key`. */
function isWithin(key: string, other: string): boolean {
  return key === other || other === '/' || key.startsWith(`${other}/`);
}
