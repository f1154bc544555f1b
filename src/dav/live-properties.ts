import { lastModifiedText, wholeSecondsMs } from '../http/http-date.ts';
import { etagOf, type Node } from '../model/node.ts';
import { DAV_NAMESPACE, type PropertyName } from './propfind-request.ts';
import { escapeXml } from './xml-text.ts';

/** A live property (RFC 4918 section 15): its value as XML, or null where the resource does not have it. */
interface LiveProperty {
  readonly local: string;
  /** In the answer to allprop. Others are given only when they are named. */
  readonly isInAllprop: boolean;
  value(node: Node): string | null;
}

/** In the order they are written. Values are cheap: they come from the node alone. */
const LIVE_PROPERTIES: readonly LiveProperty[] = [
  {
    local: 'resourcetype',
    isInAllprop: true,
    value: (node) => (node.kind === 'collection' ? '<D:collection/>' : ''),
  },
  { local: 'displayname', isInAllprop: true, value: (node) => escapeXml(node.name) },
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
  { local: 'getetag', isInAllprop: true, value: (node) => (node.kind === 'asset' ? etagOf(node.asset) : null) },
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

/** Writes the `propstat` elements of one resource. Made once a request, called once a resource. */
export type PropstatWriter = (node: Node) => string;

/** Everything that allprop gives, and what `include` names besides (RFC 4918 section 9.1.6). */
export function allpropWriter(include: readonly PropertyName[]): PropstatWriter {
  const named = include.filter((name) => !(isDav(name) && BY_LOCAL.get(name.local)?.isInAllprop));
  const properties = LIVE_PROPERTIES.filter((property) => property.isInAllprop);
  if (named.length === 0) return (node) => found(valuesOf(properties, node));
  const writeNamed = propWriter(named);
  return (node) => found(valuesOf(properties, node)) + writeNamed(node);
}

/** The names alone. */
export function propnameWriter(): PropstatWriter {
  return (node) =>
    found(
      LIVE_PROPERTIES.filter((property) => property.value(node) !== null)
        .map((property) => `<D:${property.local}/>`)
        .join(''),
    );
}

/** The named properties: those there are with their values, the others as 404. */
export function propWriter(names: readonly PropertyName[]): PropstatWriter {
  const known = names.flatMap((name) => (isDav(name) ? (BY_LOCAL.get(name.local) ?? []) : []));
  const unknown = names
    .filter((name) => !(isDav(name) && BY_LOCAL.has(name.local)))
    .map(emptyElement)
    .join('');
  return (node) => {
    let values = '';
    let missing = unknown;
    for (const property of known) {
      const value = property.value(node);
      if (value === null) missing += `<D:${property.local}/>`;
      else values += elementOf(property.local, value);
    }
    if (missing === '') return found(values);
    const absent = `<D:propstat><D:prop>${missing}</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>`;
    return values === '' ? absent : found(values) + absent;
  };
}

function valuesOf(properties: readonly LiveProperty[], node: Node): string {
  let values = '';
  for (const property of properties) {
    const value = property.value(node);
    if (value !== null) values += elementOf(property.local, value);
  }
  return values;
}

function found(values: string): string {
  return `<D:propstat><D:prop>${values}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>`;
}

function elementOf(local: string, value: string): string {
  return value === '' ? `<D:${local}/>` : `<D:${local}>${value}</D:${local}>`;
}

/** An unknown property goes back with the namespace and name it came with. */
function emptyElement({ namespace, local }: PropertyName): string {
  if (namespace === DAV_NAMESPACE) return `<D:${local}/>`;
  return namespace === '' ? `<${local} xmlns=""/>` : `<x:${local} xmlns:x="${escapeXml(namespace)}"/>`;
}

/** RFC 3339 in UTC, never before 1970. */
function creationDateOf(node: Node): string {
  return new Date(wholeSecondsMs(node.createdMs ?? node.modifiedMs)).toISOString();
}

function isDav(name: PropertyName): boolean {
  return name.namespace === DAV_NAMESPACE;
}
