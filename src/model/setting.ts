/**
 * A setting is data beside its owner: rooms and providers export tables of these, and `config/` alone reads
 * the values from flags, environment, `.env` and YAML.
 */
export interface Setting<T> {
  /** Turns the text into a value. Throws an Error whose message completes "NAME …", e.g. "must be a number". */
  readonly parse: (text: string) => T;
  readonly default: T;
  /** How people write the default, where its value says too little. */
  readonly shownDefault?: string;
  /** One line for `.env.example` and `--help`. */
  readonly help: string;
  /** What `.env.example` shows as value when the default says too little. */
  readonly example?: string;
  /** Its value is never printed. */
  readonly isSecret?: boolean;
}

/** Upper-case names, as in the environment, to settings. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The values of a table: `{ PORT: Setting<number> }` gives `{ PORT: number }`. */
export type SettingValues<T extends SettingTable> = {
  readonly [Name in keyof T]: T[Name] extends Setting<infer Value> ? Value : never;
};
