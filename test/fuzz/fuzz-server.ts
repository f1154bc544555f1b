import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFiles } from '../protocol/dav-app.ts';
import { type MediadavProcess, startProcess } from '../protocol/mediadav-process.ts';

/** The real program over a folder that may be written to and one that may not, with things beside them to guard. */
export interface FuzzServer {
  readonly davPort: number;
  readonly apiPort: number;
  /** Stands in every file outside of the sources, and nowhere else. */
  readonly secret: string;
  isAlive(): boolean;
  /** What happened outside of what may be written to, or in the server's own eyes. */
  violations(): Promise<string[]>;
  stop(): Promise<void>;
}

const SECRET = 'nobody-may-read-this-4711';

export async function startFuzzServer(): Promise<FuzzServer> {
  const work = await mkdtemp(join(tmpdir(), 'mediadav-fuzz-'));
  await writeFiles(work, {
    'photos/a.jpg': 'content of a',
    'photos/sub/b.jpg': 'content of b',
    'scratch/stays.jpg': 'never named by any input',
    'scratch/a.jpg': 'content of a',
    'scratch/sub/b.jpg': 'content of b',
    'outside/secret.txt': SECRET,
    'scratch-other/a.jpg': SECRET,
    'secret.txt': SECRET,
  });
  const dataDir = join(work, 'home', 'data');
  await mkdir(dataDir, { recursive: true });
  const config = join(dataDir, 'mediadav.yaml');
  await writeFile(
    config,
    `sources:
  - { name: photos, type: local, path: ${join(work, 'photos')} }
  - { name: scratch, type: local, path: ${join(work, 'scratch')}, writable: true }
`,
  );
  const server = await startProcess({ dataDir, args: ['--config', config], env: { LOG_LEVEL: 'info' } });
  const guarded = ['photos', 'outside', 'scratch-other', 'secret.txt'];
  const before = await digestsOf(work, guarded);
  const known = await readdir(work);
  return {
    davPort: Number(new URL(server.webdavUrl).port),
    apiPort: Number(new URL(server.url).port),
    secret: SECRET,
    isAlive: () => isAlive(server),
    async violations() {
      const after = await digestsOf(work, guarded);
      const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
        (path) => before.get(path) !== after.get(path),
      );
      const added = (await readdir(work)).filter((name) => !known.includes(name));
      const errors = server.log.filter(({ level }) => level === 'error').slice(0, 5);
      return [
        ...changed.map((path) => `${path} was changed, and must not be`),
        ...added.map((name) => `${name} appeared outside of the sources`),
        ...errors.map((entry) => `the log holds a bug: ${JSON.stringify(entry)}`),
      ];
    },
    async stop() {
      const exitCode = await server.stop();
      await rm(work, { recursive: true, force: true });
      if (exitCode !== 0) throw new Error(`the server ended with ${exitCode}`);
    },
  };
}

function isAlive({ pid }: MediadavProcess): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // That is what not being alive looks like.
    return false;
  }
}

/** Path to what is in it and when it was written, below these. */
async function digestsOf(work: string, names: readonly string[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const name of names) {
    const entries = (await stat(join(work, name))).isDirectory()
      ? (await readdir(join(work, name), { recursive: true })).map((entry) => join(name, entry))
      : [];
    for (const path of [name, ...entries]) {
      const found = await stat(join(work, path));
      const content = found.isFile() ? await readFile(join(work, path)) : '';
      digests.set(path, `${createHash('sha1').update(content).digest('hex')} ${found.mtimeMs}`);
    }
  }
  return digests;
}
