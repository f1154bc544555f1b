import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import dotenv from 'dotenv';
import type { Problem } from './config-error.ts';
import { reasonOf } from './place.ts';

/** The variables in `.env` of a folder; none when there is no such file. Never puts them into the environment. */
export function readEnvFile(folder: string, problems: Problem[]): Readonly<Record<string, string>> {
  const file = join(folder, '.env');
  try {
    return dotenv.parse(readFileSync(file));
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing) {
      problems.push({ name: file, where: null, text: `cannot be read: ${reasonOf(error)}` });
    }
    return {};
  }
}
