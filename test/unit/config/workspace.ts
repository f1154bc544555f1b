import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ConfigError, readAppConfig, type ServeConfig } from '../../../src/settings.ts';

/** A folder to start mediadav in, gone when the test is over. */
export class Workspace {
  readonly cwd = realpathSync(mkdtempSync(join(tmpdir(), 'mediadav-config-')));

  constructor() {
    onTestFinished(() => rmSync(this.cwd, { recursive: true, force: true }));
  }

  path(...parts: string[]): string {
    return join(this.cwd, ...parts);
  }

  file(name: string, content: string): this {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    return this;
  }

  folder(name: string): this {
    mkdirSync(this.path(name), { recursive: true });
    return this;
  }

  /** The configuration of a server started here; `~` is the folder `home`. */
  read(given: { argv?: string[]; env?: Record<string, string> } = {}): ServeConfig {
    const env = { HOME: this.path('home'), ...given.env };
    const config = readAppConfig({ argv: given.argv ?? [], env, cwd: this.cwd });
    if (config.command !== 'serve') throw new Error(`expected serve, got ${config.command}`);
    return config;
  }

  /** What mediadav says instead of starting. */
  complaint(given: { argv?: string[]; env?: Record<string, string> } = {}): string {
    try {
      this.read(given);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    throw new Error('expected a ConfigError');
  }
}

/** The problem lines of a complaint, without the head line. */
export function problemsIn(complaint: string): string[] {
  return complaint
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/^ {2}- /, ''));
}
