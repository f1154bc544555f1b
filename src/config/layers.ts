import { readFileSync } from 'node:fs';
import type { Setting, SettingTable, SettingValues } from '../model/setting.ts';
import type { Problem } from './config-error.ts';
import { type Place, reasonOf, resolvePath } from './place.ts';

/** In falling precedence; a default is no layer. */
export type LayerKind = 'flag' | 'environment' | '.env' | 'file';

/** What one layer says of one setting. Never blank: a blank value counts as unset. */
export interface Given {
  readonly text: string;
  readonly kind: LayerKind;
  /** For messages: `flag --port`, `environment`, `.env`, `home.yaml`. */
  readonly where: string;
}

/** Settings by their upper-case name. */
export type Layer = ReadonlyMap<string, Given>;

/** The values of one table and where they come from. */
export interface Reading<T extends SettingTable> {
  /** A setting whose text is wrong has its default here; it is in `failed` too. */
  readonly values: SettingValues<T>;
  /** What the winning layer said; a setting that has its default is absent. */
  readonly given: Layer;
  /** Names with a problem that is already told, so that no second one is made of it. */
  readonly failed: ReadonlySet<string>;
}

export interface ReadOptions {
  readonly place: Place;
  readonly problems: Problem[];
  /** How the setting is called where it stands; default: its name. */
  readonly nameOf?: (name: string) => string;
}

/** The known settings among variables; blank ones count as unset. */
export function layerOf(
  variables: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
  kind: LayerKind,
): Layer {
  const layer = new Map<string, Given>();
  for (const name of known) {
    const text = variables[name];
    if (text !== undefined && !isBlank(text)) layer.set(name, { text, kind, where: kind });
  }
  return layer;
}

/**
 * Takes each setting of `table` from the first layer that has it. A secret `X` may instead stand in the file
 * that `X_FILE` names, if the table has both; the higher layer wins among the two.
 */
export function readTable<T extends SettingTable>(
  table: T,
  layers: readonly Layer[],
  options: ReadOptions,
): Reading<T> {
  const { problems, nameOf = (name) => name } = options;
  const values: Record<string, unknown> = {};
  const given = new Map<string, Given>();
  const failed = new Set<string>();
  const fail = (name: string, where: string, text: string) => {
    failed.add(name);
    problems.push({ name: nameOf(name), where, text });
  };

  for (const [name, setting] of Object.entries(table)) {
    values[name] = setting.default;
    const found = find(name, layers);
    const fileName = `${name}_FILE`;
    const file = setting.isSecret && fileName in table ? find(fileName, layers) : null;
    if (file !== null && (found === null || file.rank <= found.rank)) {
      given.set(name, file.given);
      if (file.rank === found?.rank) {
        fail(name, found.given.where, `and ${nameOf(fileName)} are both set: keep one of them`);
        continue;
      }
      try {
        values[name] = parse(setting, readSecret(file.given.text, options.place));
      } catch (error) {
        failed.add(name);
        fail(fileName, file.given.where, error instanceof Error ? error.message : String(error));
      }
    } else if (found !== null) {
      given.set(name, found.given);
      try {
        values[name] = parse(setting, found.given.text);
      } catch (error) {
        fail(name, found.given.where, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return { values: values as SettingValues<T>, given, failed };
}

export function isBlank(text: string): boolean {
  return text.trim() === '';
}

function find(name: string, layers: readonly Layer[]): { rank: number; given: Given } | null {
  for (const [rank, layer] of layers.entries()) {
    const given = layer.get(name);
    if (given !== undefined) return { rank, given };
  }
  return null;
}

/** Parsers of secrets do not quote them; this holds even if one does. */
function parse(setting: Setting<unknown>, text: string): unknown {
  try {
    return setting.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isLeak = setting.isSecret === true && message.includes(text.trim());
    throw new Error(isLeak ? 'is not valid' : message);
  }
}

/** Editors and `echo` end a file with a line feed that is not part of the secret. */
function readSecret(path: string, place: Place): string {
  const file = resolvePath(path.trim(), place);
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`names a file that cannot be read: ${file} (${reasonOf(error)})`);
  }
  const secret = content.replace(/^\ufeff/, '').replace(/[\r\n]+$/, '');
  if (isBlank(secret)) throw new Error(`names a file that is empty: ${file}`);
  return secret;
}
