import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { envExampleText } from '../src/settings.ts';

test('.env.example says what the settings say (npm run env-example writes it anew)', () => {
  expect(readFileSync(new URL('../.env.example', import.meta.url), 'utf8')).toBe(envExampleText());
});
