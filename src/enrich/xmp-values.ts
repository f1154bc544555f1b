/** Namespaces of the values that are looked up. Files are free in the prefixes they use for them. */
const NAMESPACES = {
  exif: 'http://ns.adobe.com/exif/1.0/',
  photoshop: 'http://ns.adobe.com/photoshop/1.0/',
  tiff: 'http://ns.adobe.com/tiff/1.0/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
} as const;

export type XmpName = `${keyof typeof NAMESPACES}:${string}`;

/** Text beyond this is not searched. */
const MAX_XMP_CHARACTERS = 1024 * 1024;

/**
 * Simple values of an XMP packet: attributes and elements are two ways to write the same. This is a search and no
 * XML parser, so broken and hostile packets cost no more than whole ones.
 */
export class XmpValues {
  readonly #text: string;
  readonly #prefixes = new Map<string, string>();

  constructor(packet: string | null) {
    this.#text = (packet ?? '').slice(0, MAX_XMP_CHARACTERS);
    for (const [name, uri] of Object.entries(NAMESPACES)) {
      const escaped = uri.replaceAll('.', '\\.');
      const declared = new RegExp(`xmlns:([\\w.-]{1,40})\\s{0,9}=\\s{0,9}["']${escaped}["']`).exec(
        this.#text,
      )?.[1];
      if (declared !== undefined) this.#prefixes.set(name, declared.replaceAll('.', '\\.'));
    }
  }

  /** The value under a name such as `photoshop:DateCreated`, without blanks around it; null when it has none. */
  value(name: XmpName): string | null {
    const [namespace = '', property = ''] = name.split(':');
    const prefix = this.#prefixes.get(namespace);
    if (prefix === undefined) return null;
    const qualified = `${prefix}:${property}`;
    const attribute = new RegExp(`\\s${qualified}\\s{0,9}=\\s{0,9}(?:"([^"<]{1,200})"|'([^'<]{1,200})')`);
    const list = '(?:\\s{0,99}<rdf:(?:Seq|Bag|Alt)>\\s{0,99}<rdf:li[^<>]{0,99}>)?';
    const element = new RegExp(`<${qualified}(?:\\s[^<>]{0,99})?>${list}([^<]{1,200})<`);
    const match = attribute.exec(this.#text) ?? element.exec(this.#text);
    return match === null ? null : ((match[1] ?? match[2])?.trim() ?? null) || null;
  }
}
