import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dataVersionOf, RecentNodes } from '../../../src/catalog/sqlite/recent-nodes.ts';
import type { Node } from '../../../src/model/node.ts';

let folder: string;
let writing: DatabaseSync;
let reading: DatabaseSync;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-recent-'));
  writing = new DatabaseSync(join(folder, 'x.db'));
  writing.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x)');
  reading = new DatabaseSync(join(folder, 'x.db'), { readOnly: true });
});
afterEach(async () => {
  reading.close();
  writing.close();
  await rm(folder, { recursive: true, force: true });
});

const nodeNamed = (name: string) => ({ name }) as Node;

describe('nodes looked up last', () => {
  it('are looked up anew after a commit, and only then', () => {
    const recent = new RecentNodes(dataVersionOf(reading));
    const look = vi.fn(() => nodeNamed('a'));
    for (let count = 0; count < 3; count++) expect(recent.find('1/a', look)?.name).toBe('a');
    expect(look).toHaveBeenCalledTimes(1);
    writing.exec('BEGIN; INSERT INTO t VALUES (1)');
    recent.find('1/a', look);
    expect(look).toHaveBeenCalledTimes(1);
    writing.exec('COMMIT');
    expect(recent.find('1/a', () => nodeNamed('b'))?.name).toBe('b');
    expect(recent.find('1/a', look)?.name).toBe('b');
  });

  it('are not those that were not there, and not all there ever were', () => {
    const recent = new RecentNodes(dataVersionOf(reading));
    expect(recent.find('1/a', () => null)).toBe(null);
    expect(recent.find('1/a', () => nodeNamed('a'))?.name).toBe('a');
    for (let at = 0; at < 5_000; at++) recent.find(`2/${at}`, () => nodeNamed(`${at}`));
    const look = vi.fn(() => nodeNamed('a'));
    recent.find('1/a', look);
    expect(look).toHaveBeenCalledTimes(1);
    recent.find('2/4999', look);
    expect(look).toHaveBeenCalledTimes(1);
  });
});
