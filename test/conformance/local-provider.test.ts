import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createLocalProvider } from '../../providers/local/provider.ts';
import type { AssetFacts } from '../../src/model/asset.ts';
import { providerSuite } from './provider-suite.ts';
import { watchingSuite } from './watching-suite.ts';

providerSuite('local', createLocal);
watchingSuite('local', createLocal);

async function createLocal() {
  const home = await mkdtemp(join(tmpdir(), 'mediadav-local-'));
  const root = join(home, 'photos');
  await mkdir(join(root, 'a', 'b'), { recursive: true });
  await writeFile(join(root, 'top.jpg'), 'top');
  await writeFile(join(root, 'a', 'small.jpg'), 'small');
  await writeFile(join(root, 'a', 'b', 'empty.jpg'), '');
  await writeFile(join(root, 'a', 'b', 'large.mp4'), randomBytes(3_000_000));
  return {
    provider: createLocalProvider({ path: root }),
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
