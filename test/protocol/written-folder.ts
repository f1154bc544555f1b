import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type ChangeFeed, ChangeFollower, httpFeed } from './change-follower.ts';
import { writeFiles } from './dav-app.ts';
import { sha1Of } from './disk-listing.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

/** Contents by path; null for a folder. Folders of files need not be named. */
export type Contents = Readonly<Record<string, string | Uint8Array | null>>;

/** Clients upload some time after they were told to. Less than a test may take, so that the difference is shown. */
const UPLOADED_MS = 20_000;
/** Shorter than an upload takes: a name that is there only meanwhile would be told. */
const FOLLOW_EVERY_MS = 10;

/** The real program over one folder that may be written to, and somebody who reads its change feed all the while. */
export class WrittenFolder {
  readonly root: string;
  readonly server: MediadavProcess;
  readonly #work: string;
  readonly #follower: ChangeFollower;
  readonly #following: Promise<void>;
  readonly #namesTold: Set<string>;
  #isStopped = false;

  private constructor(work: string, root: string, server: MediadavProcess) {
    this.#work = work;
    this.root = root;
    this.server = server;
    this.#namesTold = new Set();
    this.#follower = new ChangeFollower(
      noting(
        httpFeed(() => server.url),
        this.#namesTold,
      ),
    );
    this.#following = this.#follow();
    // Told by `stop`, and until then by the follower that knows nothing new.
    this.#following.catch(() => undefined);
  }

  /**
   * Shown as `/media/`.
   * @param settings beside those that it takes.
   */
  static async start(
    files: Readonly<Record<string, string | Buffer>> = {},
    settings: Readonly<Record<string, string>> = {},
  ): Promise<WrittenFolder> {
    const work = await mkdtemp(join(tmpdir(), 'mediadav-written-'));
    const root = join(work, 'disk');
    await mkdir(root);
    await writeFiles(root, files);
    const env = { LOCAL_PATHS: `media=${root}`, LOCAL_WRITABLE: 'true', ...settings };
    return new WrittenFolder(work, root, await startProcess({ env }));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    try {
      await this.#following;
    } finally {
      await this.server.stop();
      await rm(this.#work, { recursive: true });
    }
  }

  /** An empty folder of this machine beside the one that is served. */
  async localFolder(): Promise<string> {
    return await mkdtemp(join(this.#work, 'local-'));
  }

  /** Waits until the disk holds exactly this, byte for byte, hidden names and all, and the change feed tells the same. */
  async expectToHold(wanted: Contents): Promise<void> {
    const sizes = sizesOf(wanted);
    const differences = async () => ({
      disk: differencesOf(await sizesBelow(this.root), sizes),
      feed: differencesOf(this.#follower.tree(), sizes),
    });
    const none = { disk: [], feed: [] };
    const isSame = async () => JSON.stringify(await differences()) === JSON.stringify(none);
    await until(isSame, UPLOADED_MS).catch(async () => expect(await differences()).toEqual(none));
    for (const [path, content] of Object.entries(wanted)) {
      if (content === null) continue;
      expect(sha1Of(await readFile(join(this.root, path))), path).toBe(sha1Of(Buffer.from(content)));
    }
  }

  /** The id that the change feed gives to what is at this path. */
  idOf(path: string): string {
    const id = this.#follower.ids().get(path);
    if (id === undefined) throw new Error(`the change feed does not tell of ${path}`);
    return id;
  }

  /** What the change feed has told since the start, also of what went again, that has none of these names. */
  toldBeside(...names: readonly string[]): string[] {
    return [...this.#namesTold].filter((name) => !names.includes(name));
  }

  async modifiedSeconds(path: string): Promise<number> {
    return Math.floor((await stat(join(this.root, path))).mtimeMs / 1000);
  }

  async #follow(): Promise<void> {
    for (; !this.#isStopped; await sleep(FOLLOW_EVERY_MS)) await this.#follower.follow();
  }
}

/** The same feed; the names it tells are added to `names`, without that of the source. */
function noting(feed: ChangeFeed, names: Set<string>): ChangeFeed {
  return {
    listing: () => feed.listing(),
    page: async (cursor) => {
      const page = await feed.page(cursor);
      for (const { name, parentId } of page.updated) if (parentId !== null) names.add(name);
      return page;
    },
  };
}

function sizesOf(contents: Contents): Map<string, number | null> {
  const sizes = new Map<string, number | null>();
  for (const [path, content] of Object.entries(contents)) {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth += 1) sizes.set(names.slice(0, depth).join('/'), null);
    sizes.set(path, content === null ? null : Buffer.from(content).length);
  }
  return sizes;
}

/** Null for a folder. */
async function sizesBelow(root: string): Promise<Map<string, number | null>> {
  const sizes = new Map<string, number | null>();
  for (const path of await readdir(root, { recursive: true })) {
    // What is being written may have its own name by now.
    const stats = await stat(join(root, path)).catch(() => null);
    if (stats !== null) sizes.set(path, stats.isDirectory() ? null : stats.size);
  }
  return sizes;
}

function differencesOf(
  found: ReadonlyMap<string, number | null>,
  wanted: ReadonlyMap<string, number | null>,
): string[] {
  const paths = new Set([...found.keys(), ...wanted.keys()]);
  const isDifferent = (path: string) => !found.has(path) || found.get(path) !== wanted.get(path);
  const sizeIn = (tree: ReadonlyMap<string, number | null>, path: string) =>
    tree.has(path) ? (tree.get(path) ?? 'a folder') : 'nothing';
  return [...paths]
    .filter(isDifferent)
    .sort()
    .map((path) => `${path}: ${sizeIn(found, path)}, not ${sizeIn(wanted, path)}`);
}
