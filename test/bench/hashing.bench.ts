import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { Enricher } from '../../src/enrich/enricher.ts';
import { WorkerPool } from '../../src/enrich/worker-pool.ts';
import type { Digests } from '../../src/model/asset.ts';
import { ALL_DIGESTS } from '../../src/model/running-digests.ts';
import { readAppConfig } from '../../src/settings.ts';
import { addMember } from '../../src/source-member.ts';
import { QUIET_LOGGER } from '../fakes/quiet-logger.ts';
import { compare, hasProgram } from './measure.ts';
import type { Comparison } from './result.ts';

const run = promisify(execFile);
const MB = 1024 * 1024;
const FILES = 16;
/** Of hashing at once, on both sides. */
const THREADS = 2;
/** Beside the one that warms up. */
const ROUNDS = 3;
/** A rate of 0.9 and 0.27 of the peer's, as times. */
const ONE_AT_MOST = 1 / 0.9;
const THREE_AT_MOST = 1 / 0.27;

/** Digests of a few large files by the enricher's threads, as after a first scan, against `openssl` on the same files. */
export async function benchHashing({ isQuick }: { readonly isQuick: boolean }): Promise<Comparison[]> {
  if (!(await hasProgram('openssl'))) throw new Error('openssl is needed as the peer: install it');
  const totalMb = isQuick ? 512 : 4_096;
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-hashing-'));
  const pool = new WorkerPool({ size: THREADS });
  try {
    const folder = join(home, 'films');
    const list = await makeFiles(folder, totalMb / FILES);
    const openssl = {
      name: `openssl dgst -sha256, ${THREADS} at a time`,
      run: () => run('xargs', ['-a', list, '-P', `${THREADS}`, '-n', '1', 'openssl', 'dgst', '-sha256']),
    };
    const against = async (name: string, algorithms: readonly (keyof Digests)[], atMost: number) => {
      const runs = await preparedRuns({ home, folder, pool, algorithms });
      try {
        return await compare(name, () => hashAll(runs), { ...openssl, atMost }, ROUNDS);
      } finally {
        for (const { close } of runs.all) await close();
      }
    };
    const size = `${totalMb.toLocaleString('en')} MB`;
    return [
      await against(`SHA-256 of ${size}`, ['sha256'], ONE_AT_MOST),
      await against(`SHA-256, SHA-1 and MD5 of ${size} in one pass`, ALL_DIGESTS, THREE_AT_MOST),
    ];
  } finally {
    await pool.close();
    await rm(home, { recursive: true, force: true });
  }
}

interface Run {
  readonly enricher: Enricher;
  readonly close: () => Promise<void>;
}

interface Runs {
  readonly all: readonly Run[];
  /** How many were used up. */
  used: number;
}

interface RunOptions {
  readonly home: string;
  readonly folder: string;
  readonly pool: WorkerPool;
  readonly algorithms: readonly (keyof Digests)[];
}

/** Catalogs that know the files but not their digests, one for each round: what was read once is not read again. */
async function preparedRuns({ home, folder, pool, algorithms }: RunOptions): Promise<Runs> {
  const all: Run[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const config = readAppConfig({
      ...{ argv: ['serve', folder], cwd: home },
      env: { DATA_DIR: join(home, `data-${algorithms.length}-${round}`) },
    });
    const [source] = config.command === 'serve' ? config.sources : [];
    if (config.command !== 'serve' || source === undefined) throw new Error('there is no source');
    const catalog = openSqliteCatalog(config.catalog.databaseFile, 'windows');
    const member = await addMember(source, { catalog, logger: QUIET_LOGGER, names: 'windows' });
    await member.ingest.scan();
    const enricher = new Enricher({
      ...{
        source: member.source,
        sourceId: member.sourceId,
        catalog,
        pool,
        logger: QUIET_LOGGER,
        algorithms,
      },
    });
    const close = async () => {
      await enricher.close();
      await member.ingest.close();
      await catalog.close();
    };
    all.push({ enricher, close });
  }
  return { all, used: 0 };
}

async function hashAll(runs: Runs): Promise<void> {
  const enricher = runs.all[runs.used++]?.enricher;
  if (enricher === undefined) throw new Error('more rounds than catalogs');
  enricher.wake();
  await enricher.idle();
  const { filesDone } = enricher.progress();
  if (filesDone !== FILES) throw new Error(`${filesDone} files were read`);
}

/** @returns the file that lists them, one a line. */
async function makeFiles(folder: string, sizeMb: number): Promise<string> {
  await mkdir(folder);
  const block = Buffer.allocUnsafe(MB);
  const paths = Array.from({ length: FILES }, (_, index) => join(folder, `film-${index}.mp4`));
  for (const path of paths) {
    const file = await open(path, 'wx');
    for (let written = 0; written < sizeMb; written++) await file.write(randomFillSync(block));
    await file.close();
  }
  const list = `${folder}.txt`;
  await writeFile(list, `${paths.join('\n')}\n`);
  return list;
}
