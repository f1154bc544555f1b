import { MAX_PROPERTIES } from '../catalog/property-store.ts';
import { CodedError } from '../model/coded-error.ts';
import { ElementCopy, ScopeStack } from './element-copy.ts';
import {
  DAV_NAMESPACE,
  decodeXml,
  type PropertyName,
  readXml,
  type XmlElement,
  type XmlReader,
} from './xml-request.ts';

/** One thing that a PROPPATCH asks for (RFC 4918 section 14.19). */
export interface PropertyInstruction extends PropertyName {
  /** The property's element, whole and self-contained; null when it is to be removed. */
  readonly xml: string | null;
  /** All text in it. */
  readonly text: string;
}

/**
 * Parses the body of a PROPPATCH: what is to be set and removed, in the order of the document.
 * @throws CodedError `invalid` for what is no propertyupdate document, `too-large` for one that names too much.
 */
export function parseProppatch(body: Buffer): readonly PropertyInstruction[] {
  const reader = new ProppatchReader();
  readXml(decodeXml(body), reader);
  if (reader.instructions.length === 0)
    throw new CodedError('invalid', 'The propertyupdate asks for nothing.');
  return reader.instructions;
}

/** Depth of the elements in `prop`, below `set` or `remove`, below `propertyupdate`. */
const PROPERTY_DEPTH = 4;

class ProppatchReader implements XmlReader {
  readonly instructions: PropertyInstruction[] = [];
  readonly #scopes = new ScopeStack();
  #action: 'set' | 'remove' | null = null;
  #isInProp = false;
  #property: { name: PropertyName; copy: ElementCopy } | null = null;

  open({ length: depth }: readonly PropertyName[], element: XmlElement): void {
    if (this.#property !== null) {
      this.#property.copy.open(element);
      return;
    }
    const isDav = element.uri === DAV_NAMESPACE;
    if (depth === 1 && !(isDav && element.local === 'propertyupdate')) {
      throw new CodedError('invalid', 'The request body must be a DAV: propertyupdate element.');
    }
    // Elements nobody knows are to be ignored (RFC 4918 section 17).
    const isAction = isDav && (element.local === 'set' || element.local === 'remove');
    if (depth === 2) this.#action = isAction ? (element.local as 'set' | 'remove') : null;
    if (depth === 3) this.#isInProp = isDav && element.local === 'prop' && this.#action !== null;
    if (depth === PROPERTY_DEPTH && this.#isInProp) this.#begin(element);
    else this.#scopes.enter(element);
  }

  text(text: string): void {
    this.#property?.copy.text(text);
  }

  close({ length: depth }: readonly PropertyName[]): void {
    if (this.#property === null) {
      this.#scopes.leave();
      if (depth === 2) this.#action = null;
      if (depth === 3) this.#isInProp = false;
      return;
    }
    const { name, copy } = this.#property;
    if (!copy.close()) return;
    this.#property = null;
    const xml = this.#action === 'set' ? copy.xml : null;
    this.instructions.push({ ...name, xml, text: copy.textContent });
  }

  #begin(element: XmlElement): void {
    if (this.instructions.length >= MAX_PROPERTIES) {
      throw new CodedError('too-large', `More than ${MAX_PROPERTIES} properties are to be changed.`);
    }
    const name = { namespace: element.uri, local: element.local };
    this.#property = { name, copy: new ElementCopy(element, this.#scopes.current) };
  }
}
