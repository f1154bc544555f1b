import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { type Steps, WriteConnection } from '../../../src/catalog/sqlite/write-connection.ts';

it('transactions of several turns that are asked for at once run one after the other', async () => {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE step (name TEXT)');
  const connection = new WriteConnection(database);
  const insert = database.prepare('INSERT INTO step VALUES (?)');
  const twoSteps = (name: string) =>
    function* (): Steps<void> {
      insert.run(`${name} begins`);
      yield;
      insert.run(`${name} ends`);
    };
  await Promise.all([
    ...['one', 'two', 'three'].map((name) => connection.transactionInSteps(twoSteps(name))),
    connection.run(() => insert.run('a statement of its own')),
  ]);
  const names = database
    .prepare('SELECT name FROM step')
    .all()
    .map(({ name }) => name);
  const pairs = names.filter((name) => name !== 'a statement of its own');
  expect(pairs).toEqual(['one', 'two', 'three'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  expect(names.indexOf('a statement of its own') % 2).toBe(0);
  database.close();
});
