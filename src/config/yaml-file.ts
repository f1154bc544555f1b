import { readFileSync } from 'node:fs';
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Problem } from './config-error.ts';
import { type Given, isBlank, type Layer } from './layers.ts';
import { type Place, reasonOf, resolvePath } from './place.ts';
import { nearestName } from './unknown-names.ts';

/** What a configuration file says. */
export interface YamlFile {
  /** The path as written, for messages; null when there is no file. */
  readonly where: string | null;
  /** Settings of the top level, by upper-case name. */
  readonly layer: Layer;
  /** `watches:` names of folders and their paths. */
  readonly watches: ReadonlyMap<string, string>;
  /** `exclude:` glob patterns for every source. */
  readonly exclude: readonly string[];
  readonly entries: readonly YamlEntry[];
}

/** One entry of `sources:`. */
export interface YamlEntry {
  /** For messages: `source "family"`, or `source 2` when it has no name. */
  readonly label: string;
  readonly where: string;
  /** All keys as written. */
  readonly keys: readonly string[];
  /** Values by upper-case name, without `exclude`. */
  readonly layer: Layer;
  readonly exclude: readonly string[];
}

/** Texts only: what `0123` or `yes` means is for the parser of the setting to say. */
type Value = string | null | readonly Value[] | ReadonlyMap<string, Value>;

/** What no file says. */
export const NO_YAML: YamlFile = {
  where: null,
  layer: new Map(),
  watches: new Map(),
  exclude: [],
  entries: [],
};
/** Deeper than any configuration; an alias may contain itself. */
const DEEPEST = 8;

/** Reasons of the YAML parser in words that quote nothing of the file, which may hold secrets. */
const REASONS: Readonly<Record<string, string>> = {
  BAD_INDENT: 'the indentation is wrong',
  TAB_AS_INDENT: 'a tab stands where spaces belong',
  DUPLICATE_KEY: 'a key stands there for the second time',
  MISSING_CHAR: 'a quotation mark, bracket or comma is missing',
  BAD_SCALAR_START: 'a value that starts with such a character needs quotation marks',
  BLOCK_AS_IMPLICIT_KEY: 'a value that holds ": " needs quotation marks',
  MULTIPLE_DOCS: 'a second document starts',
};

/**
 * Reads the file of `--config`. Knows every setting by its lower-case name, and `watches`, `exclude` and
 * `sources`; any other key is a problem.
 * @param written the path as written; it is also how messages call the file.
 */
export function readYamlFile(
  written: string,
  settingNames: readonly string[],
  place: Place,
  problems: Problem[],
): YamlFile {
  const path = resolvePath(written, place);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push({
      name: '--config',
      where: null,
      text: `names a file that cannot be read: ${path} (${reasonOf(error)})`,
    });
    return NO_YAML;
  }
  return new YamlReader(written, settingNames, problems).read(text);
}

class YamlReader {
  readonly #where: string;
  readonly #settingNames: readonly string[];
  readonly #problems: Problem[];

  constructor(where: string, settingNames: readonly string[], problems: Problem[]) {
    this.#where = where;
    this.#settingNames = settingNames;
    this.#problems = problems;
  }

  read(text: string): YamlFile {
    const lines = new LineCounter();
    const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, lineCounter: lines });
    const error = document.errors[0];
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      const reason = REASONS[error.code];
      this.#problems.push({
        name: this.#where,
        where: null,
        text: `is not valid YAML at line ${line}, column ${col}${reason === undefined ? '' : `: ${reason}`}`,
      });
      return NO_YAML;
    }
    const top = toValue(document.contents, document, 0);
    if (top === null) return NO_YAML;
    if (!(top instanceof Map)) {
      this.#problems.push({
        name: this.#where,
        where: null,
        text: 'must hold lines of the form "key: value"',
      });
      return NO_YAML;
    }
    return this.#readTop(top);
  }

  #readTop(top: ReadonlyMap<string, Value>): YamlFile {
    const known = [...this.#settingNames.map((name) => name.toLowerCase()), 'watches', 'exclude', 'sources'];
    const layer = new Map<string, Given>();
    for (const [key, value] of top) {
      if (key === 'watches' || key === 'exclude' || key === 'sources') continue;
      if (known.includes(key)) this.#put(layer, key, value, key);
      else this.#fail(key, `is not a key of this file; the nearest is ${nearestName(key, known)}`);
    }
    return {
      where: this.#where,
      layer,
      watches: this.#readWatches(top.get('watches') ?? null),
      exclude: this.#readList(top.get('exclude') ?? null, 'exclude'),
      entries: this.#readEntries(top.get('sources') ?? null),
    };
  }

  #readWatches(value: Value): ReadonlyMap<string, string> {
    const watches = new Map<string, string>();
    if (value === null) return watches;
    if (!(value instanceof Map)) {
      this.#fail('watches', 'must hold lines of the form "name: /path"');
      return watches;
    }
    for (const [name, path] of value) {
      if (typeof path === 'string' && !isBlank(path)) watches.set(name, path);
      else this.#fail(`watches: ${name}`, 'must be the path of a folder');
    }
    return watches;
  }

  #readEntries(value: Value): readonly YamlEntry[] {
    if (value === null) return [];
    if (!Array.isArray(value)) {
      this.#fail('sources', 'must be a list: each source starts with "- "');
      return [];
    }
    const entries: YamlEntry[] = [];
    for (const [index, fields] of (value as readonly Value[]).entries()) {
      if (!(fields instanceof Map)) {
        this.#fail(`source ${index + 1}`, 'must hold lines of the form "key: value"');
        continue;
      }
      const name: Value = fields.get('name') ?? null;
      const label = typeof name === 'string' ? `source "${name}"` : `source ${index + 1}`;
      const layer = new Map<string, Given>();
      for (const [key, field] of fields) {
        if (key !== 'exclude') this.#put(layer, key, field, `${key} of ${label}`);
      }
      const exclude = this.#readList(fields.get('exclude') ?? null, `exclude of ${label}`);
      entries.push({ label, where: this.#where, keys: [...fields.keys()], layer, exclude });
    }
    return entries;
  }

  #readList(value: Value, name: string): readonly string[] {
    if (value === null) return [];
    const list: readonly Value[] = Array.isArray(value) ? value : [value];
    const texts = list.filter((part) => typeof part === 'string' && !isBlank(part));
    if (texts.length !== list.length) this.#fail(name, 'must be a list of patterns such as "**/*.tmp"');
    return texts as readonly string[];
  }

  /** A list becomes the comma list that the same setting is elsewhere. */
  #put(layer: Map<string, Given>, key: string, value: Value, name: string): void {
    const isList = Array.isArray(value);
    const parts: readonly Value[] = (isList ? value : [value]).filter((part: Value) => part !== null);
    if (!parts.every((part) => typeof part === 'string')) {
      this.#fail(name, 'must be one value or a list of values');
    } else if (isList && parts.some((part) => part.includes(','))) {
      this.#fail(name, 'must not hold a comma within one value of the list');
    } else if (!isBlank(parts.join(','))) {
      layer.set(key.toUpperCase(), { text: parts.join(','), kind: 'file', where: this.#where });
    }
  }

  #fail(name: string, text: string): void {
    this.#problems.push({ name, where: this.#where, text });
  }
}

/** Maps, lists and texts of the file; a plain `null`, `~` or nothing is null. */
function toValue(node: unknown, document: Document, depth: number): Value {
  if (depth > DEEPEST) return null;
  if (isAlias(node)) return toValue(node.resolve(document), document, depth + 1);
  if (isSeq(node)) return node.items.map((part) => toValue(part, document, depth + 1));
  if (isMap(node)) {
    const map = new Map<string, Value>();
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const key = toValue(pair.key, document, depth + 1);
      map.set(typeof key === 'string' ? key : '', toValue(pair.value, document, depth + 1));
    }
    return map;
  }
  if (!isScalar(node)) return null;
  const isNull = node.type === 'PLAIN' && /^(~|null|)$/i.test(node.source ?? '');
  return isNull ? null : String(node.value);
}
