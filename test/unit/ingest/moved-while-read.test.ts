import { mkdir, mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLocalProvider } from '../../../providers/local/provider.ts';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import type { Provider, ScanCall } from '../../../src/provider/provider.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { shownPaths } from '../shown-paths.ts';

/** More than a walk reads ahead: what is last is neither read nor watched before the walk comes near it. */
const BETWEEN = 20;

/** Long enough for hints to have been followed, and for what is gone to have been waited for. */
const SETTLE_MS = 500;

let work: string;
let root: string;
let catalog: Catalog;
let ingest: SourceIngest;
/** Called after a walk, a scan's or a look's, has told the member of that name. */
let afterTelling: (name: string) => Promise<void>;

const on = (path: string) => join(root, path);

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-moved-'));
  root = join(work, 'photos');
  afterTelling = async () => undefined;
  catalog = openSqliteCatalog(join(work, 'catalog.db'), 'windows');
  const filter = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
  const source = new Source({
    ...{ name: 'test', provider: listenedTo(createLocalProvider({ path: root })), filter },
    logger: QUIET_LOGGER,
  });
  const layout = { layouts: ['folders' as const], splitsByType: false };
  ingest = new SourceIngest({ source, catalog, layout, logger: QUIET_LOGGER });
});
afterEach(async () => {
  await ingest.close();
  await catalog.close();
  await rm(work, { recursive: true, force: true });
});

/** The provider itself; only that the test hears what it tells. */
function listenedTo(provider: Provider): Provider {
  const heard = async function* <T extends { kind: string; name?: string }>(events: AsyncIterable<T>) {
    for await (const event of events) {
      yield event;
      await afterTelling(event.name ?? '');
    }
  };
  const scan = provider.scan.bind(provider);
  const look = provider.look?.bind(provider);
  provider.scan = (call: ScanCall) => heard(scan(call));
  if (look !== undefined) provider.look = (path, call) => heard(look(path, call));
  return provider;
}

async function paths(): Promise<string[]> {
  return (await shownPaths(catalog.reader, (await ingest.prepare()).rootId)).filter(
    (path) => !path.includes('between'),
  );
}

async function untilPaths(...wanted: string[]): Promise<void> {
  for (const deadlineMs = Date.now() + 5_000; Date.now() < deadlineMs; await sleep(10)) {
    if ((await paths()).join() === wanted.join()) return;
  }
  expect(await paths()).toEqual(wanted);
}

/** Below `top`, which ends with a slash or is empty: `a` with two photos, and `z`, far behind it. */
async function makeFolders(top: string): Promise<void> {
  await mkdir(on(`${top}a`), { recursive: true });
  await writeFile(on(`${top}a/goes.jpg`), 'goes');
  await writeFile(on(`${top}a/stays.jpg`), 'stays');
  await mkdir(on(`${top}z`));
  for (let count = 10; count < 10 + BETWEEN; count += 1) await mkdir(on(`${top}between ${count}`));
}

/** Once `a` was read: a photo in it goes, and `a` goes to where nobody looks or listens yet. */
function removeAndMove(top: string): void {
  let isDone = false;
  afterTelling = async (name) => {
    if (name !== 'between 10' || isDone) return;
    isDone = true;
    await unlink(on(`${top}a/goes.jpg`));
    await rename(on(`${top}a`), on(`${top}z/moved`));
  };
}

it('a file that goes from a folder that a scan has read, and meets again elsewhere, is removed', async () => {
  await makeFolders('');
  removeAndMove('');
  ingest.watch();
  await ingest.scan();
  await untilPaths('z', 'z/moved', 'z/moved/stays.jpg');
});

it('also when it is not a scan that reads but a look where a hint leads', async () => {
  await mkdir(root);
  await writeFile(on('first.jpg'), 'first');
  ingest.watch();
  await ingest.scan();
  removeAndMove('new/');
  await makeFolders('../new/');
  await rename(join(work, 'new'), on('new'));
  await untilPaths('first.jpg', 'new', 'new/z', 'new/z/moved', 'new/z/moved/stays.jpg');
});

it('a file that is met where it went first, and then where it was when that was read ahead, is not lost', async () => {
  await mkdir(on('a/in'), { recursive: true });
  await mkdir(on('b'));
  await writeFile(on('b/goes.jpg'), 'goes');
  let isDone = false;
  afterTelling = async (name) => {
    if (name !== 'a' || isDone) return;
    isDone = true;
    // While `a` has its turn, `b` is read ahead; what is in `a` comes before it, and is not listened to yet.
    await sleep(200);
    await rename(on('b/goes.jpg'), on('a/in/goes.jpg'));
  };
  ingest.watch();
  await ingest.scan();
  await sleep(SETTLE_MS);
  await untilPaths('a', 'a/in', 'a/in/goes.jpg', 'b');
});
