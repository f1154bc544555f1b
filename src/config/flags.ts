import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { SettingTable } from '../model/setting.ts';
import { boolean } from '../model/setting-parser.ts';
import { COMMAND_FLAG_TYPES, COMMANDS, type Command, commandOf } from './commands.ts';
import type { Problem } from './config-error.ts';
import { type Given, isBlank, type Layer } from './layers.ts';
import { nearestName } from './unknown-names.ts';

/** A folder named on the command line: it must exist. */
export interface DirectoryArgument {
  readonly text: string;
  /** `argument` or `flag --storage_dir`. */
  readonly where: string;
}

/** What the command line says. */
export interface Flags {
  readonly command: Command | 'help' | 'version';
  /** The YAML file, as written. */
  readonly configFile: string | null;
  readonly directories: readonly DirectoryArgument[];
  readonly layer: Layer;
  /** Flags that are no settings: see `readCommandOptions`. */
  readonly commandFlags: ReadonlyMap<string, string>;
}

const OWN_FLAGS: ParseArgsOptionsConfig = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  config: { type: 'string' },
  'storage-dir': { type: 'string' },
};

/** A part of the command line; `index` counts arguments. */
type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/**
 * Reads the arguments after the name of the program. Every setting is a flag: `--webdav-port 80` and
 * `--webdav_port=80` mean `WEBDAV_PORT`; one that is true or false may stand alone. `--help` and `--version`
 * win over everything else, so that they work while something is wrong.
 */
export function readFlags(argv: readonly string[], settings: SettingTable, problems: Problem[]): Flags {
  return new FlagReader(argv, settings, problems).read();
}

/** `WEBDAV_PORT` is `webdav-port` on the command line. */
export function flagOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

class FlagReader {
  readonly #argv: readonly string[];
  readonly #settings: SettingTable;
  readonly #problems: Problem[];
  readonly #options: ParseArgsOptionsConfig = { ...OWN_FLAGS, ...COMMAND_FLAG_TYPES };
  readonly #layer = new Map<string, Given>();
  readonly #commandFlags = new Map<string, string>();
  readonly #directories: DirectoryArgument[] = [];
  #command: Flags['command'] = 'serve';
  #configFile: string | null = null;
  #isFirstWord = true;
  /** Arguments up to this index belong to a flag that is done with. */
  #doneIndex = -1;

  constructor(argv: readonly string[], settings: SettingTable, problems: Problem[]) {
    this.#argv = argv;
    this.#settings = settings;
    this.#problems = problems;
    for (const [name, setting] of Object.entries(settings)) {
      this.#options[flagOf(name)] = { type: setting.parse === boolean ? 'boolean' : 'string' };
    }
  }

  read(): Flags {
    const args = foldFlags(this.#argv);
    const { tokens } = parseArgs({
      args,
      options: this.#options,
      strict: false,
      tokens: true,
      allowPositionals: true,
    });
    for (const [position, token] of tokens.entries()) {
      if (token.index <= this.#doneIndex) continue;
      if (token.kind === 'positional') this.#readWord(token.value);
      else if (token.kind === 'option') this.#readFlag(token, tokens[position + 1]);
    }
    return {
      command: this.#command,
      configFile: this.#configFile,
      directories: this.#directories,
      layer: this.#layer,
      commandFlags: this.#commandFlags,
    };
  }

  #readWord(word: string): void {
    const isCommand = this.#isFirstWord && COMMANDS.includes(word);
    this.#isFirstWord = false;
    if (isCommand && this.#command === 'serve') this.#command = commandOf(word);
    if (isCommand || isBlank(word)) return;
    const [name = ''] = word.split('=', 1);
    // `PORT=80` after the command: the value may be a secret, so it must not end up as the name of a folder.
    if (
      name !== word &&
      settingOf(name) in this.#settings &&
      (name === settingOf(name) || /[_-]/.test(name))
    ) {
      this.#fail(name, `is a setting: write it as --${flagOf(name)}`);
      return;
    }
    this.#directories.push({ text: word, where: 'argument' });
  }

  #readFlag(token: OptionToken, next: Token | undefined): void {
    const flag = this.#flagAsWritten(token);
    const option = Object.hasOwn(this.#options, token.name) ? this.#options[token.name] : undefined;
    if (option === undefined) {
      const nearest = nearestName(token.name, Object.keys(this.#options));
      this.#fail(flag, `is not a flag of mediadav; the nearest is --${nearest}`);
      // What follows may be its value, even a secret: not a folder to complain about.
      this.#doneIndex = next?.kind === 'positional' ? next.index : token.index;
      return;
    }
    if (token.name === 'help' || token.name === 'version') {
      if (this.#command !== 'help') this.#command = token.name;
      return;
    }
    const value = option.type === 'boolean' ? this.#switchOf(token, next) : token.value;
    if (value === undefined || (value.startsWith('--') && token.inlineValue !== true)) {
      this.#fail(flag, 'needs a value');
      this.#doneIndex = next?.kind === 'positional' ? next.index : token.index;
      return;
    }
    if (!isBlank(value)) this.#take(token.name, value, flag);
  }

  /** A switch may stand alone, hold its value after `=`, or have it as the next word. */
  #switchOf(token: OptionToken, next: Token | undefined): string {
    if (token.value !== undefined) return token.value;
    if (next?.kind !== 'positional' || next.index !== token.index + 1 || !isBoolean(next.value))
      return 'true';
    this.#doneIndex = next.index;
    return next.value;
  }

  #take(option: string, value: string, flag: string): void {
    const where = `flag ${flag}`;
    if (option === 'storage-dir') {
      this.#directories.push({ text: value, where });
    } else if (option === 'config') {
      if (this.#configFile !== null) this.#fail(flag, 'is given more than once');
      this.#configFile = value;
    } else if (option in COMMAND_FLAG_TYPES) {
      if (this.#commandFlags.has(option)) this.#fail(flag, 'is given more than once');
      this.#commandFlags.set(option, value);
    } else {
      const name = settingOf(option);
      if (this.#layer.has(name)) this.#fail(flag, 'is given more than once');
      this.#layer.set(name, { text: value, kind: 'flag', where });
    }
  }

  /** Without the value; of `-pSECRET` only the first letter is surely none of it. */
  #flagAsWritten({ index, rawName }: OptionToken): string {
    const argument = this.#argv[index] ?? rawName;
    return argument.startsWith('--') ? (argument.split('=', 1)[0] ?? rawName) : argument.slice(0, 2);
  }

  #fail(name: string, text: string): void {
    this.#problems.push({ name, where: null, text });
  }
}

function settingOf(flag: string): string {
  return flag.toUpperCase().replaceAll('-', '_');
}

/** `--Storage_Dir=x` as `--storage-dir=x`; what follows `--` alone stays. */
function foldFlags(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, index) => {
    if (!argument.startsWith('--') || (end !== -1 && index >= end)) return argument;
    const [flag = ''] = argument.split('=', 1);
    return flagOf(flag) + argument.slice(flag.length);
  });
}

function isBoolean(text: string): boolean {
  try {
    boolean(text);
    return true;
  } catch {
    return false;
  }
}
