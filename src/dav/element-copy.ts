import type { XmlElement } from './xml-request.ts';
import { escapeXml } from './xml-text.ts';

/** What an element inherits from those around it. */
export interface ElementScope {
  /** Prefix to namespace; `''` is the default one. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** `xml:lang`, or null. */
  readonly language: string | null;
}

const NO_SCOPE: ElementScope = { namespaces: new Map(), language: null };

/** What is in force where an element begins, for those that are in it. */
export class ScopeStack {
  readonly #scopes: ElementScope[] = [NO_SCOPE];

  get current(): ElementScope {
    return this.#scopes.at(-1) ?? NO_SCOPE;
  }

  enter({ ns, attributes }: XmlElement): void {
    const { namespaces, language } = this.current;
    const declared = Object.entries(ns ?? {});
    this.#scopes.push({
      namespaces: declared.length === 0 ? namespaces : new Map([...namespaces, ...declared]),
      language: attributes['xml:lang']?.value ?? language,
    });
  }

  leave(): void {
    this.#scopes.pop();
  }
}

/**
 * Writes one element down as it came, so that it can stand anywhere: with every namespace and the language it was
 * under. Prefixes stay as they are, because values may refer to them (RFC 4918 section 4.3). Comments and processing
 * instructions are left out, which the same section allows.
 */
export class ElementCopy {
  #xml = '';
  #text = '';
  readonly #open: string[] = [];
  #isTagOpen = false;

  /** @param scope of the element's parent. */
  constructor(root: XmlElement, scope: ElementScope) {
    this.#write(root);
    for (const [prefix, namespace] of scope.namespaces) {
      const name = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
      if (root.attributes[name] === undefined && !(prefix === '' && namespace === '')) {
        this.#xml += ` ${name}="${escapeXml(namespace)}"`;
      }
    }
    if (scope.language !== null && root.attributes['xml:lang'] === undefined) {
      this.#xml += ` xml:lang="${escapeXml(scope.language)}"`;
    }
  }

  open(element: XmlElement): void {
    this.#endTag();
    this.#write(element);
  }

  text(text: string): void {
    if (text === '') return;
    this.#endTag();
    this.#text += text;
    this.#xml += escapeXml(text);
  }

  /** Ends the innermost element. @returns true when that was the element itself. */
  close(): boolean {
    const name = this.#open.pop() ?? '';
    this.#xml += this.#isTagOpen ? '/>' : `</${name}>`;
    this.#isTagOpen = false;
    return this.#open.length === 0;
  }

  /** The whole element. */
  get xml(): string {
    return this.#xml;
  }

  /** All text in it. */
  get textContent(): string {
    return this.#text;
  }

  #write({ name, attributes }: XmlElement): void {
    this.#xml += `<${name}`;
    for (const { name: attribute, value } of Object.values(attributes)) {
      this.#xml += ` ${attribute}="${escapeXml(value)}"`;
    }
    this.#open.push(name);
    this.#isTagOpen = true;
  }

  #endTag(): void {
    if (this.#isTagOpen) this.#xml += '>';
    this.#isTagOpen = false;
  }
}
