import { SaxesParser, type SaxesTagNS } from 'saxes';
import { CodedError } from '../model/coded-error.ts';

/** An element or property by its namespace and local name (RFC 4918 section 4.4). */
export interface PropertyName {
  readonly namespace: string;
  readonly local: string;
}

export const DAV_NAMESPACE = 'DAV:';

/** A request body longer than this asks for nothing a client needs. */
export const MAX_XML_BYTES = 64 * 1024;
const MAX_DEPTH = 32;
const MAX_PROPERTIES = 256;

/** An element as it stands in the body, with its attributes. */
export type XmlElement = SaxesTagNS;

/** Gets the elements of a body one by one. */
export interface XmlReader {
  /** @param path names of the elements from the root to the one that begins. */
  open(path: readonly PropertyName[], element: XmlElement): void;
  /** Text directly in the innermost element; may come in parts. */
  text?(part: string, path: readonly PropertyName[]): void;
  /** @param path to the element that ends. */
  close?(path: readonly PropertyName[]): void;
}

/**
 * Reads a request body that is not empty.
 * @throws CodedError `invalid` for what is no well-formed XML, `too-large` for what nests too deep. Document types are
 *   refused: nothing in WebDAV needs one, and entities can hurt.
 */
export function readXml(text: string, reader: XmlReader): void {
  const path: PropertyName[] = [];
  const parser = new SaxesParser({ xmlns: true, position: false });
  parser.on('error', (error) => {
    throw new CodedError('invalid', 'The request body is not well-formed XML.', { cause: error });
  });
  parser.on('doctype', () => {
    throw new CodedError('invalid', 'The request body must not hold a document type.');
  });
  parser.on('opentag', (element) => {
    path.push({ namespace: element.uri, local: element.local });
    if (path.length > MAX_DEPTH) throw new CodedError('too-large', 'The request body nests too deep.');
    reader.open(path, element);
  });
  const tellText = (part: string) => {
    if (path.length > 0) reader.text?.(part, path);
  };
  parser.on('text', tellText);
  parser.on('cdata', tellText);
  parser.on('closetag', () => {
    reader.close?.(path);
    path.pop();
  });
  parser.write(text).close();
}

/** The properties a request names: each once, and not more than any client asks for. */
export class NamedProperties {
  readonly names: PropertyName[] = [];

  /** @throws CodedError `too-large`. */
  add(name: PropertyName): void {
    if (this.names.length >= MAX_PROPERTIES) {
      throw new CodedError('too-large', `More than ${MAX_PROPERTIES} properties were asked for.`);
    }
    const isKnown = this.names.some(
      ({ namespace, local }) => namespace === name.namespace && local === name.local,
    );
    if (!isKnown) this.names.push(name);
  }
}

export function isDav(name: PropertyName | undefined, local: string): boolean {
  return name?.namespace === DAV_NAMESPACE && name.local === local;
}

/**
 * UTF-8 or UTF-16, which RFC 4918 section 19 wants understood, told apart by the byte order mark or by the zero byte
 * beside the first `<` (XML 1.0 appendix F).
 * @throws CodedError `invalid` for bytes that are neither.
 */
export function decodeXml(body: Buffer): string {
  const [first, second] = body;
  const isBigEndian = (first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c);
  const isLittleEndian = (first === 0xff && second === 0xfe) || (first === 0x3c && second === 0);
  const encoding = isBigEndian ? 'utf-16be' : isLittleEndian ? 'utf-16le' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(body);
  } catch (cause) {
    throw new CodedError('invalid', 'The request body is neither UTF-8 nor UTF-16.', { cause });
  }
}
