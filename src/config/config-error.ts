/** One thing that is wrong with the settings. Never holds the value of a secret. */
export interface Problem {
  /** The setting, as people write it where they set it: `PORT`, `url of source "family"`, `--portt`. */
  readonly name: string;
  /** Which layer it came from (`environment`, `.env`, `flag --port`, a file), or null when from none. */
  readonly where: string | null;
  /** Completes "NAME (where) …" and says how to mend it. No full stop. */
  readonly text: string;
}

/**
 * The settings are wrong; nothing was started. Lists every problem, so that nobody has to mend them one start
 * at a time. The process ends with exit code 2.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? 'A setting is wrong' : `${problems.length} settings are wrong`;
    super(
      [`${count}; nothing was started:`, ...problems.map((problem) => `  - ${render(problem)}`)].join('\n'),
    );
    this.problems = problems;
  }
}

function render({ name, where, text }: Problem): string {
  return `${name}${where === null ? '' : ` (${where})`} ${text}.`;
}
