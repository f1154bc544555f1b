import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');

/** What `npm start` hands to Node, so that what people run is what is measured: flags, then the script by its full path. */
export const START_COMMAND: readonly string[] = startCommand();

function startCommand(): string[] {
  const { scripts } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8'));
  const [, ...args] = String(scripts.start).split(' ');
  const script = args.pop() ?? '';
  return [...args, resolve(ROOT, script)];
}
