import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalProvider } from '../../providers/local/provider.ts';
import { providerSuite } from './provider-suite.ts';

providerSuite('local', async () => {
  const home = await mkdtemp(join(tmpdir(), 'mediadav-local-'));
  const root = join(home, 'photos');
  await mkdir(join(root, 'a', 'b'), { recursive: true });
  await writeFile(join(root, 'top.jpg'), 'top');
  await writeFile(join(root, 'a', 'small.jpg'), 'small');
  await writeFile(join(root, 'a', 'b', 'empty.jpg'), '');
  await writeFile(join(root, 'a', 'b', 'large.mp4'), randomBytes(3_000_000));
  return {
    provider: createLocalProvider({ path: root }),
    bytesOf: (facts) => readFile(join(root, facts.ref.path)),
    openStreams: async () => {
      const targets = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      return targets.filter((target) => target.startsWith(root)).length;
    },
    outage: async (isOut) => {
      const away = join(home, 'unmounted');
      await (isOut ? rename(root, away) : rename(away, root));
    },
    remove: (facts) => rm(join(root, facts.ref.path)),
    dispose: () => rm(home, { recursive: true, force: true }),
  };
});
