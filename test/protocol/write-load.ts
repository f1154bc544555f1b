import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from './restart-changes.ts';

/** Contents by path below the folder of a lane, `FOLDER` for a folder. */
type Tree = ReadonlyMap<string, string>;

/** What a request makes of the files if it is carried out. */
interface Step {
  readonly method: 'PUT' | 'MOVE' | 'COPY' | 'DELETE' | 'MKCOL';
  readonly path: string;
  readonly destination?: string;
  readonly body?: string;
  readonly after: Tree;
}

const FOLDER = '/';
const NAMES = 5;
const ALBUMS = ['album 1', 'album 2'];
/** Of the longest content: some take several writes, and all of them are there in a moment. */
const MAX_WORDS = 30_000;

/**
 * One client that writes to a folder of its own, one request after the other, and knows what has to be there: what was
 * answered is done; what was under way when the server was killed may be done or not, each file of it old or new.
 */
export class WriteLane {
  readonly #folder: string;
  readonly #random: Random;
  #files: Tree = new Map();
  /** What was sent last, while it is not answered. */
  #pending: Step | null = null;
  #serial = 0;
  #answered = 0;

  /** @param folder its name, in the mount as on the disk. */
  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
  }

  get pendingMethod(): Step['method'] | null {
    return this.#pending?.method ?? null;
  }

  get answered(): number {
    return this.#answered;
  }

  /**
   * Writes until the server is gone. Throws when an answer is none that a writer may get.
   * @param onAnswer called after each.
   */
  async write(url: string, onAnswer: () => void): Promise<void> {
    for (;;) {
      const step = this.#next();
      this.#pending = step;
      const headers = step.destination === undefined ? {} : { Destination: this.#url(url, step.destination) };
      const sent = { method: step.method, headers, body: step.body ?? null };
      const status = await fetch(this.#url(url, step.path), sent).then(
        async (answer) => {
          await answer.body?.cancel();
          return answer.status;
        },
        // The server was killed: nothing else ends a request here.
        () => null,
      );
      if (status === null) return;
      if (status !== 201 && status !== 204) {
        throw new Error(`${step.method} ${step.path} → ${step.destination} was answered ${status}`);
      }
      this.#answered += 1;
      this.#files = step.after;
      this.#pending = null;
      onAnswer();
    }
  }

  /**
   * What on the disk is neither old nor new; nothing when all is well. Goes on from what is there.
   * @returns `wasDone`: the request that was under way has changed something; null: none was.
   */
  async compare(root: string): Promise<{ readonly faults: string[]; readonly wasDone: boolean | null }> {
    const there = await this.#read(root);
    const [before, after] = [this.#files, this.#pending?.after ?? this.#files];
    const paths = new Set([...there.keys(), ...before.keys(), ...after.keys()]);
    const faults = [...paths].filter((path) => {
      const content = there.get(path);
      return content !== before.get(path) && content !== after.get(path);
    });
    const isOld = isSame(there, before);
    this.#files = there;
    const wasDone = this.#pending === null ? null : !isOld;
    this.#pending = null;
    const described = faults.map((path) => `${this.#folder}/${path}: ${there.get(path)?.slice(0, 30)}`);
    return { faults: described, wasDone };
  }

  #next(): Step {
    const random = this.#random.between(0, 100);
    const [album, other] = random % 2 < 1 ? ALBUMS : [...ALBUMS].reverse();
    if (album === undefined || other === undefined) throw new Error('there are two albums');
    const hasAlbum = this.#files.has(album);
    if (random < 5 && hasAlbum) return this.#remove(album);
    if (random < 12 && hasAlbum) return this.#journey('MOVE', album, other);

    const name = `${Math.floor(this.#random.between(0, NAMES))}.jpg`;
    const isInAlbum = this.#random.between(0, 2) < 1;
    if (isInAlbum && !hasAlbum) return this.#makeFolder(album);
    const place = isInAlbum ? `${album}/${name}` : name;
    const files = [...this.#files.keys()].filter((path) => path.endsWith('.jpg'));
    if (random < 45 || files.length === 0) return this.#put(place);
    const from = this.#random.oneOf(files);
    if (random < 66) return this.#remove(from);
    return from === place ? this.#put(place) : this.#journey(random < 92 ? 'MOVE' : 'COPY', from, place);
  }

  #put(path: string): Step {
    this.#serial += 1;
    const body = `${this.#folder} ${this.#serial} `.repeat(1 + this.#random.between(0, MAX_WORDS));
    return { method: 'PUT', path, body, after: new Map([...this.#files, [path, body]]) };
  }

  #makeFolder(path: string): Step {
    return { method: 'MKCOL', path, after: new Map([...this.#files, [path, FOLDER]]) };
  }

  /** Of a file, or of an album. */
  #remove(path: string): Step {
    const after = new Map([...this.#files].filter(([each]) => !isWithin(each, path)));
    return { method: 'DELETE', path, after };
  }

  #journey(method: 'MOVE' | 'COPY', from: string, to: string): Step {
    const after = new Map(this.#remove(to).after);
    for (const [path, content] of this.#files) {
      if (!isWithin(path, from)) continue;
      after.set(to + path.slice(from.length), content);
      if (method === 'MOVE') after.delete(path);
    }
    return { method, path: from, destination: to, after };
  }

  #url(url: string, path: string): string {
    return `${url}/media/${this.#folder}/${path.split('/').map(encodeURIComponent).join('/')}`;
  }

  async #read(root: string): Promise<Tree> {
    const folder = join(root, this.#folder);
    const tree = new Map<string, string>();
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const content = entry.isFile() ? await readFile(path, 'utf8') : FOLDER;
      tree.set(path.slice(folder.length + 1), content);
    }
    return tree;
  }
}

function isWithin(path: string, other: string): boolean {
  return path === other || path.startsWith(`${other}/`);
}

function isSame(some: Tree, others: Tree): boolean {
  return some.size === others.size && [...some].every(([path, content]) => others.get(path) === content);
}
