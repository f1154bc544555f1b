import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const HERE = dirname(fileURLToPath(import.meta.url));

it('every behaviour that clients rely on has the tests that README.md names', async () => {
  const rows = [
    ...(await readFile(join(HERE, 'README.md'), 'utf8')).matchAll(/^\| (\d+) \|[^|]*\|([^|]*)\|$/gm),
  ];
  expect(rows.map(([, number]) => Number(number))).toEqual(rows.map((_, at) => at + 1));
  expect(rows.length).toBeGreaterThanOrEqual(40);
  for (const [, number, tests = ''] of rows) {
    const named = [...tests.matchAll(/([\w-]+\.test\.ts): `([^`]+)`/g)];
    expect(named.length, `row ${number}`).toBeGreaterThan(0);
    for (const [, file = '', text = ''] of named) {
      const source = await readFile(join(HERE, file), 'utf8');
      expect([number, file, text, source.includes(text)]).toEqual([number, file, text, true]);
    }
  }
});
