import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createLocalProvider } from '../../providers/local/provider.ts';
import type { AssetFacts } from '../../src/model/asset.ts';
import { providerSuite } from './provider-suite.ts';
import { watchingSuite } from './watching-suite.ts';
import { type WritingUnderTest, writingSuite } from './writing-suite.ts';

providerSuite('local', createLocal);
watchingSuite('local', createLocal);
writingSuite('local', createLocal);

async function createLocal() {
  const home = await mkdtemp(join(tmpdir(), 'mediadav-local-'));
  const root = join(home, 'photos');
  await mkdir(join(root, 'a', 'b'), { recursive: true });
  await writeFile(join(root, 'top.jpg'), 'top');
  await writeFile(join(root, 'a', 'small.jpg'), 'small');
  await writeFile(join(root, 'a', 'b', 'empty.jpg'), '');
  await writeFile(join(root, 'a', 'b', 'large.mp4'), randomBytes(3_000_000));
  return {
    provider: createLocalProvider({ path: root, writer: 'abc' }) as WritingUnderTest['provider'],
    everything: async () => {
      const found: Record<string, string | null> = {};
      for (const name of (await readdir(root, { recursive: true })).sort()) {
        const isFile = (await stat(join(root, name))).isFile();
        found[name] = isFile ? await readFile(join(root, name), 'latin1') : null;
      }
      return found;
    },
    bytesOf: (facts: AssetFacts) => readFile(join(root, facts.ref.path)),
    openStreams: async () => {
      const targets = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      return targets.filter((target) => target.startsWith(root)).length;
    },
    outage: async (isOut: boolean) => {
      const away = join(home, 'unmounted');
      await (isOut ? rename(root, away) : rename(away, root));
    },
    remove: (facts: AssetFacts) => rm(join(root, facts.ref.path)),
    editor: {
      put: async (path: string, bytes: string) => {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), bytes);
      },
      move: (from: string, to: string) => rename(join(root, from), join(root, to)),
      remove: (path: string) => rm(join(root, path), { recursive: true }),
    },
    dispose: () => rm(home, { recursive: true, force: true }),
  };
}
