import { formatInstant, lastModifiedText, wholeSecondsMs } from '../http/http-date.ts';
import type { Digests } from '../model/asset.ts';
import { collectionEtagOf, etagOf, type ListedNode } from '../model/node.ts';
import type { Space } from '../model/space.ts';
import type { PropertyFacts } from './property-facts.ts';
import { NO_STATE, type PropertyState, type WantedState } from './property-states.ts';
import { syncTokenOf } from './sync-token.ts';
import { DAV_NAMESPACE, isDav, type PropertyName } from './xml-request.ts';
import { escapeXml } from './xml-text.ts';

/** A live property (RFC 4918 section 15): its value as XML, or null where the resource does not have it. */
interface LiveProperty {
  readonly namespace: string;
  readonly local: string;
  /** As it is written, with the prefix of its namespace. */
  readonly tag: string;
  /** In the answer to allprop. Others are given only when they are named. */
  readonly isInAllprop: boolean;
  value(node: ListedNode, facts: PropertyFacts, state: PropertyState): string | null;
}

const ROOT_NAME = 'mediadav';
/** Of ownCloud and whatever grew out of it; rclone's vendor `owncloud` asks for checksums by it. */
const OC_NAMESPACE = 'http://owncloud.org/ns';
const OC_PREFIX = 'oc:';

/** In the order they are written. Values are cheap: they come from the node and from what was gathered before. */
const LIVE_PROPERTIES: readonly LiveProperty[] = [
  always('resourcetype', (node) => (node.kind === 'collection' ? '<D:collection/>' : '')),
  // The root has no name of its own; GNOME shows an empty one as it is.
  always('displayname', (node) => escapeXml(node.name === '' ? ROOT_NAME : node.name)),
  always('getcontentlength', (node) => (node.kind === 'asset' ? String(node.asset.sizeBytes) : null)),
  always('getcontenttype', (node) => (node.kind === 'asset' ? escapeXml(node.asset.contentType) : null)),
  always('getetag', (node, facts) =>
    node.kind === 'asset' ? etagOf(node.asset) : collectionEtagOf(node, facts.epoch),
  ),
  always('getlastmodified', (node) => lastModifiedText(node.modifiedMs)),
  always('creationdate', (node) => creationDateOf(node)),
  // Not in RFC 4918, but players and Infuse tell folders by it.
  named('iscollection', (node) => (node.kind === 'collection' ? '1' : '0')),
  // Where nothing can be locked, clients that ask get that said in one empty element.
  named('supportedlock', (_node, _facts, { supportedlock }) => supportedlock),
  named('lockdiscovery', (_node, _facts, { lockdiscovery }) => lockdiscovery),
  named('sync-token', (node, { epoch, head }) =>
    node.kind === 'collection' && head !== null
      ? syncTokenOf(epoch, { collectionId: node.id, cursor: head, listedTo: null })
      : null,
  ),
  named('supported-report-set', (node) =>
    node.kind === 'collection'
      ? '<D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>'
      : '',
  ),
  named('current-user-principal', (_node, { principalHref }) =>
    principalHref === null ? '<D:unauthenticated/>' : `<D:href>${principalHref}</D:href>`,
  ),
  named('quota-available-bytes', (node, { spaces }) => spaceOf(node, spaces, 'availableBytes')),
  named('quota-used-bytes', (node, { spaces }) => spaceOf(node, spaces, 'usedBytes')),
  {
    namespace: OC_NAMESPACE,
    local: 'checksums',
    tag: `${OC_PREFIX}checksums`,
    isInAllprop: false,
    value: (node) => (node.kind === 'asset' ? checksumsOf(node.asset.digests) : null),
  },
];

function always(local: string, value: LiveProperty['value']): LiveProperty {
  return { namespace: DAV_NAMESPACE, local, tag: `D:${local}`, isInAllprop: true, value };
}

function named(local: string, value: LiveProperty['value']): LiveProperty {
  return { ...always(local, value), isInAllprop: false };
}

/** Is it the server's to say what it is? Then no client can change it. */
export function isLiveProperty(name: PropertyName): boolean {
  return BY_NAME.has(keyOf(name));
}

/** What has to be looked up to write these: dead properties are looked up for whoever could mean one. */
export function wantedByNames(names: readonly PropertyName[]): WantedState {
  return {
    locks: names.some((name) => isDav(name, 'lockdiscovery') || isDav(name, 'supportedlock')),
    dead: names.some((name) => !isLiveProperty(name)),
  };
}

/** Does its value come from the digests of an asset, which listings are read without? */
export function isOfDigests({ namespace, local }: PropertyName): boolean {
  return namespace === OC_NAMESPACE && local === 'checksums';
}

const BY_NAME = new Map(LIVE_PROPERTIES.map((property) => [keyOf(property), property]));

/** Writes the `propstat` elements of resources. Made once a request, used once a resource. */
export interface PropstatWriter {
  /** Attributes of the multistatus element that `write` relies on. */
  readonly declarations: string;
  /** @param state default: nothing more is known of it. */
  write(node: ListedNode, state?: PropertyState): string;
}

export interface WriterOptions {
  readonly facts: PropertyFacts;
  /** Say nothing about properties that are not there, instead of 404. */
  readonly omitsMissing: boolean;
}

/** Everything that allprop gives, dead properties too, and what `include` names besides (RFC 4918 section 9.1.6). */
export function allpropWriter(include: readonly PropertyName[], options: WriterOptions): PropstatWriter {
  const offered = LIVE_PROPERTIES.filter((property) => property.isInAllprop);
  const more = include.filter((name) => !offered.some((property) => keyOf(property) === keyOf(name)));
  return writerOf(offered, more, options, true);
}

/** The names alone. */
export function propnameWriter(facts: PropertyFacts): PropstatWriter {
  const write = (node: ListedNode, state: PropertyState = NO_STATE) => {
    const there = LIVE_PROPERTIES.filter((property) => property.value(node, facts, state) !== null);
    const names = there.map(({ tag }) => `<${tag}/>`).join('');
    return found(names + state.dead.map(emptyDeadElement).join(''));
  };
  return { declarations: OC_DECLARATION, write };
}

/** The named properties: those there are with their values, the others as 404. */
export function propWriter(names: readonly PropertyName[], options: WriterOptions): PropstatWriter {
  return writerOf([], names, options, false);
}

/**
 * @param offered properties that are given where they are there; those in `names` are missed where they are not.
 * @param offersDead dead properties are given where they are there, too.
 */
function writerOf(
  offered: readonly LiveProperty[],
  names: readonly PropertyName[],
  { omitsMissing, facts }: WriterOptions,
  offersDead: boolean,
): PropstatWriter {
  const known = names.flatMap((name) => BY_NAME.get(keyOf(name)) ?? []);
  const unknown = names.filter((name) => !BY_NAME.has(keyOf(name)));
  const { declarations, elements } = emptyElements(omitsMissing ? [] : unknown);
  const allMissing = elements.join('');
  const write = (node: ListedNode, state: PropertyState = NO_STATE) => {
    let values = '';
    let missing = allMissing;
    for (const { tag, value: read } of offered) {
      const value = read(node, facts, state);
      if (value !== null) values += elementOf(tag, value);
    }
    for (const { tag, value: read } of known) {
      const value = read(node, facts, state);
      if (value !== null) values += elementOf(tag, value);
      else if (!omitsMissing) missing += `<${tag}/>`;
    }
    if (state.dead.length > 0) {
      const dead = new Map(state.dead.map((property) => [keyOf(property), property.xml]));
      const there = offersDead ? [...dead.values()] : unknown.map((name) => dead.get(keyOf(name)) ?? '');
      values += there.join('');
      const absent = elements.filter((_element, at) => !dead.has(keyOf(unknown[at] ?? NO_NAME)));
      missing = absent.join('') + missing.slice(allMissing.length);
    }
    if (missing === '') return found(values);
    const absent = `<D:propstat><D:prop>${missing}</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>`;
    return values === '' ? absent : found(values) + absent;
  };
  const isOc = known.some(({ namespace }) => namespace === OC_NAMESPACE);
  return { declarations: isOc ? OC_DECLARATION + declarations : declarations, write };
}

const OC_DECLARATION = ` xmlns:${OC_PREFIX.slice(0, -1)}="${OC_NAMESPACE}"`;

function found(values: string): string {
  return `<D:propstat><D:prop>${values}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>`;
}

function elementOf(tag: string, value: string): string {
  return value === '' ? `<${tag}/>` : `<${tag}>${value}</${tag}>`;
}

const NO_NAME: PropertyName = { namespace: '', local: '' };

/** By itself, as its namespace is not known when the answer begins. */
function emptyDeadElement({ namespace, local }: PropertyName): string {
  return namespace === '' ? `<${local}/>` : `<x:${local} xmlns:x="${escapeXml(namespace)}"/>`;
}

/**
 * Unknown properties go back with the namespace and name they came with. A namespace is declared once an answer: a
 * long one, repeated for every property of every member, would make a small request a gigantic answer.
 */
export function emptyElements(names: readonly PropertyName[]): {
  readonly declarations: string;
  /** One a name, in the same order. */
  readonly elements: readonly string[];
} {
  const prefixes = new Map<string, string>([
    [DAV_NAMESPACE, 'D:'],
    ['', ''],
    // Bound to its prefix by definition, and to be bound to no other.
    ['http://www.w3.org/XML/1998/namespace', 'xml:'],
  ]);
  let declarations = '';
  const elements: string[] = [];
  for (const { namespace, local } of names) {
    let prefix = prefixes.get(namespace);
    if (prefix === undefined) {
      prefix = `n${prefixes.size - 2}:`;
      prefixes.set(namespace, prefix);
      declarations += ` xmlns:${prefix.slice(0, -1)}="${escapeXml(namespace)}"`;
    }
    elements.push(`<${prefix}${local}/>`);
  }
  return { declarations, elements };
}

/** RFC 3339 in UTC, to the second, never before 1970 or after now: some clocks write times that no date can hold. */
function creationDateOf(node: ListedNode): string {
  return formatInstant(wholeSecondsMs(Math.min(node.createdMs ?? node.modifiedMs, Date.now())));
}

/** RFC 4331 sections 3 and 4: of collections, and of the source they are in. */
function spaceOf(
  node: ListedNode,
  spaces: ReadonlyMap<number, Space>,
  which: 'availableBytes' | 'usedBytes',
): string | null {
  const space = node.kind === 'collection' ? spaces.get(node.sourceId) : undefined;
  return space === undefined ? null : String(space[which]);
}

/** As ownCloud writes them, in one text; null when none is known yet. */
function checksumsOf({ sha1, md5, sha256 }: Digests = {}): string | null {
  const told = [
    sha1 === undefined ? [] : `SHA1:${sha1}`,
    md5 === undefined ? [] : `MD5:${md5}`,
    sha256 === undefined ? [] : `SHA256:${sha256}`,
  ].flat();
  if (told.length === 0) return null;
  return `<${OC_PREFIX}checksum>${told.join(' ')}</${OC_PREFIX}checksum>`;
}

function keyOf({ namespace, local }: PropertyName): string {
  return `${namespace} ${local}`;
}
