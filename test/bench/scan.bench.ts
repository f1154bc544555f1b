import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { readAppConfig } from '../../src/settings.ts';
import { addMember } from '../../src/source-member.ts';
import { QUIET_LOGGER } from '../fakes/quiet-logger.ts';
import { type Comparison, compare } from './measure.ts';

const FOLDERS = 1_000;
const FILES_EACH = 100;

/**
 * Reading a tree of 100,000 small files into the catalog, without their contents, against `find` printing it. Opening
 * and closing the catalog is part of it, as it is of `mediadav scan`.
 */
export async function benchScan(): Promise<Comparison[]> {
  const home = mkdtempSync(join(tmpdir(), 'mediadav-bench-scan-'));
  try {
    const tree = join(home, 'tree');
    makeTree(tree);
    const find = { name: 'find -printf', run: () => printTree(tree) };
    let round = 0;
    const scanInto = async (database: string) => {
      const count = await scanTree(tree, join(home, database));
      if (count !== FOLDERS * FILES_EACH) throw new Error(`the scan found ${count} files`);
    };
    const first = () => scanInto(`first-${round++}.db`);
    await scanInto('again.db');
    return [
      await compare('first scan of 100,000 files in 1,000 folders', first, { ...find, atMost: 8 }),
      await compare('rescan of the same, unchanged', () => scanInto('again.db'), { ...find, atMost: 4 }),
    ];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function makeTree(tree: string): void {
  for (let folder = 0; folder < FOLDERS; folder++) {
    const path = join(tree, `year ${folder % 10}`, `folder ${folder}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < FILES_EACH; file++) {
      writeFileSync(join(path, `IMG_${String(file).padStart(5, '0')}.jpg`), `photo ${file}`);
    }
  }
}

/** @returns how many files the catalog holds then. */
async function scanTree(tree: string, database: string): Promise<number> {
  const config = readAppConfig({ argv: ['scan', tree], env: {}, cwd: tmpdir() });
  const source = config.command === 'scan' ? config.sources[0] : undefined;
  if (source === undefined) throw new Error('not a scan of one source');
  const catalog = openSqliteCatalog(database, 'windows');
  try {
    const { ingest } = await addMember(source, { catalog, logger: QUIET_LOGGER, names: 'windows' });
    await ingest.scan();
    const { assetCount, lastError } = await ingest.status();
    await ingest.close();
    if (lastError !== null) throw new Error(lastError.message);
    return assetCount;
  } finally {
    await catalog.close();
  }
}

async function printTree(tree: string): Promise<void> {
  const child = spawn('find', [tree, '-printf', '%p %s %T@ %i\\n'], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`find ended with ${code}`);
}
