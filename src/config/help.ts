import { COMMAND_FLAGS, COMMAND_HELP } from './commands.ts';
import { defaultText, type SettingGroup, wrap } from './env-example.ts';
import { flagOf } from './flags.ts';

const INDENT = '      ';
const WIDTH = 100;

const USAGE = `mediadav shows photo folders and Immich albums over WebDAV and HTTP.

  mediadav [COMMAND] [FOLDER…] [flags]
  npm start -- [COMMAND] [FOLDER…] [flags]     the same from a clone

Commands:
${commandLines().join('\n')}

FOLDER is /path or name=/path. Without any folder and Immich server, ./media is shown.

Flags:
  --storage_dir FOLDER   one more folder to show
  --config FILE.yaml     read settings and several sources from a file
  --help, --version

Every setting below is also a flag (dashes and underscores are the same), an environment variable, a line of
.env and, in lower case, a key of the YAML file; the first of these that has it wins.`;

function commandLines(): string[] {
  return Object.entries(COMMAND_HELP).flatMap(([command, help]) => [
    `  ${command.padEnd(9)} ${help}`,
    ...Object.entries(COMMAND_FLAGS)
      .filter(([, flag]) => flag.command === command)
      .map(([name, flag]) => `            --${name.padEnd(14)} ${flag.help}`),
  ]);
}

/** The text of `--help`. */
export function renderHelp(groups: readonly SettingGroup[]): string {
  const parts = [USAGE];
  for (const { title, table } of groups) {
    parts.push('', `${title}:`);
    for (const [name, setting] of Object.entries(table)) {
      const value = setting.isSecret === true ? '' : defaultText(setting);
      parts.push(`  ${name}, --${flagOf(name)}${value === '' ? '' : `   (default ${value})`}`);
      for (const line of wrap(setting.help, WIDTH - INDENT.length)) parts.push(INDENT + line);
    }
  }
  return `${parts.join('\n')}\n`;
}
