import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { ResourcePath } from '../../../src/model/resource-path.ts';
import type { PutWrite, TreeWriter } from '../../../src/model/write.ts';
import { ScratchStore } from '../../../src/scratch/scratch-store.ts';
import { ScratchTree } from '../../../src/vfs/scratch-tree.ts';
import { WritePlace } from '../../../src/vfs/write-place.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';

const { signal } = new AbortController();
const LITTER = ResourcePath.parse('/photos/.TemporaryItems/a.jpg');

it('what is moved from the litter of systems into a source stays when somebody has replaced it meanwhile', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mediadav-litter-'));
  const limits = { entries: 10, totalBytes: 10_000, entryBytes: 10_000 };
  const store = new ScratchStore({ file: join(folder, 'scratch.db'), logger: QUIET_LOGGER, limits });
  const put = (content: string) => store.put(LITTER.key, Readable.from([Buffer.from(content)]), null);
  const litter = () => {
    const entry = store.at(LITTER.key);
    return entry === null ? null : text(store.open(entry));
  };
  let meanwhile = async (): Promise<unknown> => undefined;
  const arrived: string[] = [];
  const source = {
    put: async (_path: string, content: Readable, _write: PutWrite) => {
      arrived.push(await text(content));
      await meanwhile();
    },
  } as Partial<TreeWriter> as TreeWriter;
  const path = ResourcePath.parse('/photos/a.jpg');
  const to = new WritePlace({
    ...{ path, node: null, parent: null, sourceId: 1, storedPath: 'a.jpg', key: path.key },
    ...{ writer: source, litter: null, read: null },
  });
  const tree = new ScratchTree(store);
  const move = () => tree.place(LITTER, null).moveTo(to, { over: 'anything' }, signal);

  await put('first');
  meanwhile = () => put('second');
  await expect(move()).rejects.toMatchObject({ code: 'changed' });
  expect(await litter()).toBe('second');
  meanwhile = async () => undefined;
  expect(await move()).toEqual([]);
  expect(arrived).toEqual(['first', 'second']);
  expect(litter()).toBeNull();
  await store.close();
  await rm(folder, { recursive: true });
});
