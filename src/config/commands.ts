import type { ParseArgsOptionsConfig } from 'node:util';
import { messageOf } from '../model/coded-error.ts';
import { boolean, oneOf, wholeNumber } from '../model/setting-parser.ts';
import type { Problem } from './config-error.ts';

/** What mediadav can be told to do, and the one line of `--help` for it. `start` is another word for `serve`. */
export const COMMAND_HELP = {
  serve: 'Shows the sources over WebDAV and HTTP. What is meant when no command is given.',
  scan: 'Reads every source once into the catalog, then ends. Not while a server runs.',
  changes: 'Prints what has changed since a cursor, one JSON object a line.',
  list: 'Prints all media with their digests, one JSON object a line.',
} as const;

export type Command = keyof typeof COMMAND_HELP;

/** Words that may stand before the folders; without one, `serve` is meant. */
export const COMMANDS: readonly string[] = ['serve', 'start', 'scan', 'changes', 'list'];

/** The command that a word of `COMMANDS` stands for. */
export function commandOf(word: string): Command {
  return word === 'start' ? 'serve' : (word as Command);
}

/** Which of them read the sources, and so take folders. */
export function takesFolders(command: Command): boolean {
  return command === 'serve' || command === 'scan';
}

/** What each command can be told beside settings. */
export interface CommandOptions {
  readonly serve: object;
  readonly scan: {
    /** A source that is empty now loses all that it held. */
    readonly acceptsEmpty: boolean;
  };
  readonly changes: {
    /** Goes on for ever. */
    readonly follows: boolean;
    /** The last change that is known already; 0 prints everything. */
    readonly cursor: number;
  };
  readonly list: {
    /** The digest that entries are keyed by. */
    readonly hash: 'sha256' | 'sha1' | 'md5';
  };
}

interface CommandFlag {
  readonly command: Command;
  readonly type: 'boolean' | 'string';
  readonly help: string;
}

export const COMMAND_FLAGS: Readonly<Record<string, CommandFlag>> = {
  'accept-empty': {
    command: 'scan',
    type: 'boolean',
    help: 'a source that is empty now loses all that it held; by default that counts as an outage',
  },
  follow: { command: 'changes', type: 'boolean', help: 'goes on with what happens from now on' },
  cursor: {
    command: 'changes',
    type: 'string',
    help: 'only what came after this one; default 0: everything',
  },
  hash: {
    command: 'list',
    type: 'string',
    help: 'sha256 (default), sha1 or md5: what the entries are keyed by',
  },
};

/** For `parseArgs`. */
export const COMMAND_FLAG_TYPES: ParseArgsOptionsConfig = Object.fromEntries(
  Object.entries(COMMAND_FLAGS).map(([flag, { type }]) => [flag, { type }]),
);

/** Reads the values of a command's own flags, as they were written, by the name of the flag. */
export function readCommandOptions<C extends Command>(
  command: C,
  given: ReadonlyMap<string, string>,
  problems: Problem[],
): CommandOptions[C] {
  for (const flag of given.keys()) {
    const owner = COMMAND_FLAGS[flag]?.command;
    if (owner === undefined || owner === command) continue;
    problems.push({ name: `--${flag}`, where: null, text: `belongs to "mediadav ${owner}"` });
  }
  const read = <T>(flag: string, parse: (text: string) => T, fallback: T): T => {
    const text = given.get(flag);
    if (text === undefined) return fallback;
    try {
      return parse(text);
    } catch (error) {
      problems.push({ name: `--${flag}`, where: null, text: messageOf(error) });
      return fallback;
    }
  };
  const readers: { readonly [Each in Command]: () => CommandOptions[Each] } = {
    serve: () => ({}),
    scan: () => ({ acceptsEmpty: read('accept-empty', boolean, false) }),
    changes: () => ({
      follows: read('follow', boolean, false),
      cursor: read('cursor', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0),
    }),
    list: () => ({ hash: read('hash', oneOf(['sha256', 'sha1', 'md5']), 'sha256') }),
  };
  return readers[command]();
}
