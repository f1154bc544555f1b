import { formatInstant, lastModifiedText, wholeSecondsMs } from '../http/http-date.ts';
import { etagOf, type ListedNode } from '../model/node.ts';
import { DAV_NAMESPACE, type PropertyName } from './propfind-request.ts';
import { escapeXml } from './xml-text.ts';

/** A live property (RFC 4918 section 15): its value as XML, or null where the resource does not have it. */
interface LiveProperty {
  readonly local: string;
  /** In the answer to allprop. Others are given only when they are named. */
  readonly isInAllprop: boolean;
  value(node: ListedNode): string | null;
}

const ROOT_NAME = 'mediadav';

/** In the order they are written. Values are cheap: they come from the node alone. */
const LIVE_PROPERTIES: readonly LiveProperty[] = [
  {
    local: 'resourcetype',
    isInAllprop: true,
    value: (node) => (node.kind === 'collection' ? '<D:collection/>' : ''),
  },
  // The root has no name of its own; GNOME shows an empty one as it is.
  {
    local: 'displayname',
    isInAllprop: true,
    value: (node) => escapeXml(node.name === '' ? ROOT_NAME : node.name),
  },
  {
    local: 'getcontentlength',
    isInAllprop: true,
    value: (node) => (node.kind === 'asset' ? String(node.asset.sizeBytes) : null),
  },
  {
    local: 'getcontenttype',
    isInAllprop: true,
    value: (node) => (node.kind === 'asset' ? escapeXml(node.asset.contentType) : null),
  },
  {
    local: 'getetag',
    isInAllprop: true,
    value: (node) => (node.kind === 'asset' ? etagOf(node.asset) : null),
  },
  { local: 'getlastmodified', isInAllprop: true, value: (node) => lastModifiedText(node.modifiedMs) },
  {
    local: 'creationdate',
    isInAllprop: true,
    value: (node) => creationDateOf(node),
  },
  // Not in RFC 4918, but players and Infuse tell folders by it.
  { local: 'iscollection', isInAllprop: false, value: (node) => (node.kind === 'collection' ? '1' : '0') },
  // No locks while everything is read-only, and clients that ask get that said in one empty element.
  { local: 'supportedlock', isInAllprop: false, value: () => '' },
  { local: 'lockdiscovery', isInAllprop: false, value: () => '' },
];

const BY_LOCAL = new Map(LIVE_PROPERTIES.map((property) => [property.local, property]));

/** Writes the `propstat` elements of resources. Made once a request, used once a resource. */
export interface PropstatWriter {
  /** Attributes of the multistatus element that `write` relies on. */
  readonly declarations: string;
  write(node: ListedNode): string;
}

export interface WriterOptions {
  /** Say nothing about properties that are not there, instead of 404. */
  readonly omitsMissing: boolean;
}

/** Everything that allprop gives, and what `include` names besides (RFC 4918 section 9.1.6). */
export function allpropWriter(include: readonly PropertyName[], options: WriterOptions): PropstatWriter {
  const offered = LIVE_PROPERTIES.filter((property) => property.isInAllprop);
  const named = include.filter((name) => !isDav(name) || !offered.some(({ local }) => local === name.local));
  return writerOf(offered, named, options);
}

/** The names alone. */
export function propnameWriter(): PropstatWriter {
  const namesOf = (node: ListedNode) => LIVE_PROPERTIES.filter((property) => property.value(node) !== null);
  const write = (node: ListedNode) =>
    found(
      namesOf(node)
        .map(({ local }) => `<D:${local}/>`)
        .join(''),
    );
  return { declarations: '', write };
}

/** The named properties: those there are with their values, the others as 404. */
export function propWriter(names: readonly PropertyName[], options: WriterOptions): PropstatWriter {
  return writerOf([], names, options);
}

/** @param offered properties that are given where they are there; those in `names` are missed where they are not. */
function writerOf(
  offered: readonly LiveProperty[],
  names: readonly PropertyName[],
  { omitsMissing }: WriterOptions,
): PropstatWriter {
  const known = names.flatMap((name) => (isDav(name) ? (BY_LOCAL.get(name.local) ?? []) : []));
  const unknown = names.filter((name) => !(isDav(name) && BY_LOCAL.has(name.local)));
  const { declarations, elements } = emptyElements(omitsMissing ? [] : unknown);
  const write = (node: ListedNode) => {
    let values = '';
    let missing = elements;
    for (const property of offered) {
      const value = property.value(node);
      if (value !== null) values += elementOf(property.local, value);
    }
    for (const property of known) {
      const value = property.value(node);
      if (value !== null) values += elementOf(property.local, value);
      else if (!omitsMissing) missing += `<D:${property.local}/>`;
    }
    if (missing === '') return found(values);
    const absent = `<D:propstat><D:prop>${missing}</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>`;
    return values === '' ? absent : found(values) + absent;
  };
  return { declarations, write };
}

function found(values: string): string {
  return `<D:propstat><D:prop>${values}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>`;
}

function elementOf(local: string, value: string): string {
  return value === '' ? `<D:${local}/>` : `<D:${local}>${value}</D:${local}>`;
}

/**
 * Unknown properties go back with the namespace and name they came with. A namespace is declared once an answer: a
 * long one, repeated for every property of every member, would make a small request a gigantic answer.
 */
function emptyElements(names: readonly PropertyName[]): { declarations: string; elements: string } {
  const prefixes = new Map<string, string>([
    [DAV_NAMESPACE, 'D:'],
    ['', ''],
    // Bound to its prefix by definition, and to be bound to no other.
    ['http://www.w3.org/XML/1998/namespace', 'xml:'],
  ]);
  let declarations = '';
  let elements = '';
  for (const { namespace, local } of names) {
    let prefix = prefixes.get(namespace);
    if (prefix === undefined) {
      prefix = `n${prefixes.size - 2}:`;
      prefixes.set(namespace, prefix);
      declarations += ` xmlns:${prefix.slice(0, -1)}="${escapeXml(namespace)}"`;
    }
    elements += `<${prefix}${local}/>`;
  }
  return { declarations, elements };
}

/** RFC 3339 in UTC, to the second, never before 1970 or after now: some clocks write times that no date can hold. */
function creationDateOf(node: ListedNode): string {
  return formatInstant(wholeSecondsMs(Math.min(node.createdMs ?? node.modifiedMs, Date.now())));
}

function isDav(name: PropertyName): boolean {
  return name.namespace === DAV_NAMESPACE;
}
