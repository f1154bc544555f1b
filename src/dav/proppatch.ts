import type { PropertyChange } from '../catalog/property-store.ts';
import { readBody } from '../http/body.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { Node } from '../model/node.ts';
import type { Permit } from '../model/write.ts';
import type { WritePlace } from '../vfs/write-place.ts';
import { authorizeWrite } from './authorize-write.ts';
import { agreesWith, readChecksums } from './checksum-claims.ts';
import type { DavRequest } from './dav-request.ts';
import { isTimeProperty, MICROSOFT_NAMESPACE, readTimeMs } from './file-time.ts';
import { emptyElements, isLiveProperty, isOfDigests } from './live-properties.ts';
import { sendXml, XML_PREAMBLE } from './multistatus.ts';
import { type PropertyInstruction, parseProppatch } from './proppatch-request.ts';
import { MAX_XML_BYTES } from './xml-request.ts';

/** What became of one instruction. */
type Result = 'done' | 'protected' | 'conflict' | 'no-space' | 'denied';

const STATUS_LINES: Readonly<Record<Result | 'dependent', string>> = {
  done: '200 OK',
  protected: '403 Forbidden',
  denied: '403 Forbidden',
  conflict: '409 Conflict',
  'no-space': '507 Insufficient Storage',
  dependent: '424 Failed Dependency',
};

/**
 * PROPPATCH (RFC 4918 section 9.2): everything or nothing. What the server computes is protected; what clients mean by
 * the time of a file sets it; all else is kept as it came.
 */
export async function proppatch(request: DavRequest): Promise<void> {
  const { exchange, vfs, path } = request;
  const place = await vfs.writePlace(path);
  const { node } = place;
  if (node === null) throw new CodedError('not-found', 'There is nothing of that name.');
  const permit = await authorizeWrite(request, place, [{ place, isDeep: false, changesParent: false }]);
  const instructions = parseProppatch(await readBody(exchange, { limitBytes: MAX_XML_BYTES }));
  const results: Result[] = instructions.map((instruction) => judge(instruction, node));
  if (isDone(results)) {
    const failure = await apply(request, { place, node, permit }, instructions);
    if (failure !== null) results[failure.at] = failure.result;
  }
  send(request, node, instructions, results);
}

function isDone(results: readonly Result[]): boolean {
  return results.every((result) => result === 'done');
}

function judge(instruction: PropertyInstruction, node: Node): Result {
  if (isTimeProperty(instruction)) {
    if (instruction.xml === null) return 'protected';
    return readTimeMs(instruction.text) === null ? 'conflict' : 'done';
  }
  if (isOfDigests(instruction)) return judgeChecksums(instruction, node);
  return isLiveProperty(instruction) ? 'protected' : 'done';
}

/**
 * Newer rclones set the checksums they know along with a time, because ownCloud forgets them then. Here they come from the content
 * itself, so there is nothing to be kept; but whoever takes it for another content is told.
 */
function judgeChecksums({ xml, text }: PropertyInstruction, node: Node): Result {
  if (xml === null || node.kind !== 'asset') return 'protected';
  const claimed = readChecksums(text);
  return claimed !== null && agreesWith(node.asset.digests, claimed) ? 'done' : 'conflict';
}

/** @returns the instruction that failed, for which all others were undone; null when all were followed. */
async function apply(
  { stores, exchange }: DavRequest,
  { place, node, permit }: { readonly place: WritePlace; readonly node: Node; readonly permit: Permit },
  instructions: readonly PropertyInstruction[],
): Promise<{ readonly at: number; readonly result: Result } | null> {
  const changes = instructions.filter(isToBeKept);
  const before = (await stores.properties.of([node.id])).get(node.id) ?? [];
  if (changes.length > 0) {
    const isKept = await keep(place, () => stores.properties.update(node.id, changes));
    if (isKept !== 'done') return { at: instructions.findIndex(isToBeKept), result: isKept };
  }
  // Several names of one time: the last of them counts.
  const at = instructions.findLastIndex(isTimeProperty);
  const timeMs = readTimeMs(instructions[at]?.text ?? '');
  if (at === -1 || timeMs === null) return null;
  try {
    await place.setModifiedTime(timeMs, exchange.signal, permit);
    return null;
  } catch (error) {
    const undo = changes.map(({ namespace, local }): PropertyChange => {
      const old = before.find((each) => each.namespace === namespace && each.local === local);
      return { namespace, local, xml: old?.xml ?? null };
    });
    if (undo.length > 0) await stores.properties.update(node.id, undo);
    if (codeOf(error) !== 'denied' && codeOf(error) !== 'unsupported') throw error;
    return { at, result: 'denied' };
  }
}

/**
 * Explorer sets four of its own with each file and does well without them. Kept, they would double its listings, of
 * which it shows nothing beyond a million bytes.
 */
function isToBeKept(instruction: PropertyInstruction): boolean {
  const isOfContent = isTimeProperty(instruction) || isOfDigests(instruction);
  return instruction.namespace !== MICROSOFT_NAMESPACE && !isOfContent;
}

async function keep(place: WritePlace, work: () => Promise<void>): Promise<Result> {
  // The root above all sources is no node that anything could be kept with.
  if (!place.keepsProperties) return 'denied';
  try {
    await work();
    return 'done';
  } catch (error) {
    if (codeOf(error) === 'no-space') return 'no-space';
    throw error;
  }
}

function send(
  request: DavRequest,
  node: Node,
  instructions: readonly PropertyInstruction[],
  results: readonly Result[],
): void {
  const areDone = isDone(results);
  const { declarations, elements } = emptyElements(instructions);
  const groups = new Map<Result | 'dependent', Set<string>>();
  results.forEach((result, at) => {
    const told = areDone || result !== 'done' ? result : 'dependent';
    const names = groups.get(told) ?? new Set();
    groups.set(told, names.add(elements[at] ?? ''));
  });
  const propstats = [...groups].map(([result, names]) => {
    const error = result === 'protected' ? '<D:error><D:cannot-modify-protected-property/></D:error>' : '';
    const status = `<D:status>HTTP/1.1 ${STATUS_LINES[result]}</D:status>`;
    return `<D:propstat><D:prop>${[...names].join('')}</D:prop>${status}${error}</D:propstat>`;
  });
  const href = request.hrefOf(node);
  const response = `<D:response><D:href>${href}</D:href>${propstats.join('')}</D:response>`;
  const text = `${XML_PREAMBLE}<D:multistatus xmlns:D="DAV:"${declarations}>${response}</D:multistatus>`;
  sendXml(request.exchange.res, 207, text);
}
