import { lstatSync } from 'node:fs';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Numbers that are the same for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, but not, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[this.below(from.length)];
  }
}

type Kind = 'file' | 'folder';
/** How often an operation is drawn, against the sum of all. */
type Weighted = readonly [weight: number, name: string, run: () => Promise<void>];

/** So large does the tree grow before more is removed than made. */
const MANY = 1_500;
const BURST_FILES = 200;

/**
 * Does to a folder what people and programs do, at random. Knows only what is where, as far as it needs to pick the
 * next victim; how large anything is, the disk tells.
 */
export class RandomFolder {
  readonly #root: string;
  /** A place outside of the root on the same disk. */
  readonly #outside: string;
  readonly #dice: Dice;
  readonly #tree = new Map<string, Kind>();
  readonly #away: string[] = [];
  readonly #locked: string[] = [];
  readonly #operations: readonly Weighted[];
  readonly #moves: readonly Weighted[];
  readonly #counts = new Map<string, number>();
  #made = 0;
  #sparesLinks = false;

  constructor(root: string, outside: string, dice: Dice) {
    this.#root = root;
    this.#outside = outside;
    this.#dice = dice;
    this.#moves = [
      [14, 'rename a file', () => this.#renameWithin('file')],
      [14, 'move a file', () => this.#move('file')],
      [6, 'rename a folder', () => this.#renameWithin('folder')],
      [6, 'move a folder', () => this.#move('folder')],
      [5, 'swap two names', () => this.#swap()],
    ];
    this.#operations = [
      ...this.#moves,
      [24, 'create', () => this.#create()],
      [10, 'write', () => this.#write()],
      [12, 'append', () => this.#append()],
      [4, 'append in pieces', () => this.#appendInPieces()],
      [14, 'delete a file', () => this.#deleteFile()],
      [8, 'make a folder', () => this.#makeFolder()],
      [4, 'delete a folder', () => this.#deleteFolder()],
      [4, 'replace a folder by a file', () => this.#replace('folder')],
      [4, 'replace a file by a folder', () => this.#replace('file')],
      [5, 'replace a file atomically', () => this.#replaceAtomically()],
      [4, 'delete and make anew', () => this.#deleteAndMakeAnew()],
      [5, 'touch', () => this.#touch()],
      [1, 'burst', () => this.#burst()],
      [5, 'deep new tree', () => this.#deepTree()],
      [5, 'hard link', () => this.#hardLink()],
      [3, 'move a tree out', () => this.#moveOut()],
      [3, 'move a tree in', () => this.#moveIn()],
      [3, 'lock or unlock a folder', () => this.#lock()],
      [2, 'hidden file', () => this.#hidden()],
    ];
  }

  /** The root is never left empty: an empty one counts as an unmounted disk. */
  async begin(): Promise<void> {
    await mkdir(this.#outside, { recursive: true });
    await mkdir(this.#root, { recursive: true });
    await writeFile(join(this.#root, 'stays.jpg'), 'stays');
  }

  async step(): Promise<void> {
    await this.#draw(this.#operations);
  }

  /** Something that every node survives, under the same id. Leaves alone what is known by its path: hard links. */
  async moveSomething(): Promise<void> {
    this.#sparesLinks = true;
    await this.#draw(this.#moves);
    this.#sparesLinks = false;
  }

  /** Undoes what would keep others from reading. */
  async unlockAll(): Promise<void> {
    for (const path of this.#locked.splice(0)) await chmod(this.#on(path), 0o755);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  async #draw(operations: readonly Weighted[]): Promise<void> {
    let left = this.#dice.next() * operations.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, name, run] of operations) {
      left -= weight;
      if (left >= 0) continue;
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
      await run();
      return;
    }
  }

  async #create(): Promise<void> {
    if (this.#tree.size > MANY) return await this.#deleteFolder();
    const path = this.#newPath(this.#anyFolder(), 'file');
    await writeFile(this.#on(path), this.#bytes());
    this.#tree.set(path, 'file');
  }

  async #write(): Promise<void> {
    const path = this.#any('file');
    if (path !== null) await writeFile(this.#on(path), this.#bytes());
  }

  async #append(): Promise<void> {
    const path = this.#any('file');
    if (path !== null) await appendFile(this.#on(path), this.#bytes());
  }

  async #appendInPieces(): Promise<void> {
    const path = this.#any('file');
    if (path === null) return;
    for (let pieces = 1 + this.#dice.below(5); pieces > 0; pieces -= 1) {
      await appendFile(this.#on(path), this.#bytes());
      await sleep(this.#dice.below(20));
    }
  }

  async #deleteFile(): Promise<void> {
    const path = this.#any('file');
    if (path === null) return;
    await unlink(this.#on(path));
    this.#tree.delete(path);
  }

  async #makeFolder(): Promise<void> {
    const path = this.#newPath(this.#anyFolder(), 'folder');
    await mkdir(this.#on(path));
    this.#tree.set(path, 'folder');
  }

  async #deleteFolder(): Promise<void> {
    const path = this.#any('folder');
    if (path === null) return;
    await rm(this.#on(path), { recursive: true });
    this.#forget(path);
  }

  async #renameWithin(kind: Kind): Promise<void> {
    const path = this.#any(kind);
    if (path === null) return;
    const above = dirname(path);
    await this.#moveTo(path, this.#newPath(above === '.' ? '' : above, kind));
  }

  async #move(kind: Kind): Promise<void> {
    const path = this.#any(kind);
    const folder = this.#anyFolder();
    if (path === null || isWithin(path, folder)) return;
    await this.#moveTo(path, this.#newPath(folder, kind));
  }

  async #swap(): Promise<void> {
    const kind: Kind = this.#dice.next() < 0.6 ? 'file' : 'folder';
    const [one, other] = [this.#any(kind), this.#any(kind)];
    if (one === null || other === null || isWithin(one, other) || isWithin(other, one)) return;
    const between = this.#newPath('', kind);
    await this.#moveTo(one, between);
    await this.#moveTo(other, one);
    await this.#moveTo(between, other);
  }

  async #replace(kind: Kind): Promise<void> {
    const path = this.#any(kind);
    if (path === null) return;
    await rm(this.#on(path), { recursive: true });
    this.#forget(path);
    if (kind === 'folder') {
      await writeFile(this.#on(path), this.#bytes());
      this.#tree.set(path, 'file');
      return;
    }
    await mkdir(this.#on(path));
    this.#tree.set(path, 'folder');
    await writeFile(this.#on(`${path}/inside.jpg`), this.#bytes());
    this.#tree.set(`${path}/inside.jpg`, 'file');
  }

  /** As editors save. */
  async #replaceAtomically(): Promise<void> {
    const path = this.#any('file');
    if (path === null) return;
    const between = `${dirname(this.#on(path))}/.save-${this.#made++}`;
    await writeFile(between, this.#bytes());
    await rename(between, this.#on(path));
  }

  async #deleteAndMakeAnew(): Promise<void> {
    const path = this.#any('file');
    if (path === null) return;
    await unlink(this.#on(path));
    await writeFile(this.#on(path), this.#bytes());
  }

  async #touch(): Promise<void> {
    const path = this.#any(this.#dice.next() < 0.8 ? 'file' : 'folder');
    const seconds = 1_600_000_000 + this.#dice.below(100_000_000);
    if (path !== null) await utimes(this.#on(path), seconds, seconds);
  }

  async #burst(): Promise<void> {
    const folder = this.#newPath(this.#anyFolder(), 'folder');
    await mkdir(this.#on(folder));
    this.#tree.set(folder, 'folder');
    for (let at = 0; at < BURST_FILES; at += 1) {
      const path = `${folder}/burst ${at}.jpg`;
      await writeFile(this.#on(path), this.#bytes());
      this.#tree.set(path, 'file');
    }
  }

  async #deepTree(): Promise<void> {
    let path = this.#newPath(this.#anyFolder(), 'folder');
    const made = [path];
    for (let depth = 2 + this.#dice.below(5); depth > 0; depth -= 1) {
      path = `${path}/deep ${depth}`;
      made.push(path);
    }
    await mkdir(this.#on(path), { recursive: true });
    for (const folder of made) {
      this.#tree.set(folder, 'folder');
      const file = `${folder}/at once.jpg`;
      await writeFile(this.#on(file), this.#bytes());
      this.#tree.set(file, 'file');
    }
  }

  async #hardLink(): Promise<void> {
    const path = this.#any('file');
    if (path === null) return;
    const other = this.#newPath(this.#anyFolder(), 'file');
    await link(this.#on(path), this.#on(other));
    this.#tree.set(other, 'file');
  }

  async #moveOut(): Promise<void> {
    const path = this.#any('folder');
    if (path === null || this.#locked.length > 0) return;
    const name = `away ${this.#made++}`;
    await rename(this.#on(path), join(this.#outside, name));
    this.#forget(path);
    this.#away.push(name);
  }

  async #moveIn(): Promise<void> {
    const name = this.#away.pop();
    if (name === undefined) return;
    const path = this.#newPath(this.#anyFolder(), 'folder');
    await rename(join(this.#outside, name), this.#on(path));
    await this.#learn(path);
  }

  async #lock(): Promise<void> {
    if (this.#locked.length > 0) return await this.unlockAll();
    const path = this.#any('folder');
    if (path === null) return;
    await chmod(this.#on(path), 0o000);
    this.#locked.push(path);
    // Whoever is not root can do nothing below it now, this class included.
    await sleep(this.#dice.below(100));
    await this.unlockAll();
  }

  async #hidden(): Promise<void> {
    const path = `${this.#on(this.#anyFolder())}/.hidden-${this.#made++}`;
    await writeFile(path, this.#bytes());
    if (this.#dice.next() < 0.5) await unlink(path);
  }

  async #moveTo(from: string, to: string): Promise<void> {
    await rename(this.#on(from), this.#on(to));
    for (const [path, kind] of [...this.#tree]) {
      if (!isWithin(from, path)) continue;
      this.#tree.delete(path);
      this.#tree.set(`${to}${path.slice(from.length)}`, kind);
    }
  }

  async #learn(path: string): Promise<void> {
    this.#tree.set(path, 'folder');
    for (const entry of await readdir(this.#on(path), { withFileTypes: true })) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory()) await this.#learn(below);
      else if (!entry.name.startsWith('.')) this.#tree.set(below, 'file');
    }
  }

  #forget(path: string): void {
    for (const known of [...this.#tree.keys()]) if (isWithin(path, known)) this.#tree.delete(known);
  }

  #any(kind: Kind): string | null {
    const path = this.#dice.pick([...this.#tree].filter(([, each]) => each === kind))?.[0] ?? null;
    const isSpared = path !== null && kind === 'file' && this.#sparesLinks;
    return isSpared && lstatSync(this.#on(path)).nlink > 1 ? null : path;
  }

  /** The root is one of them, and not too deep ones. */
  #anyFolder(): string {
    const path = this.#dice.next() < 0.2 ? '' : (this.#any('folder') ?? '');
    return path.split('/').length > 12 ? '' : path;
  }

  /** A name that was never used or, now and then, one that was. */
  #newPath(folder: string, kind: Kind): string {
    const number = this.#dice.next() < 0.7 ? this.#made++ : this.#dice.below(this.#made + 1);
    const name = kind === 'file' ? `IMG ${number}.jpg` : `Folder ${number}`;
    const path = folder === '' ? name : `${folder}/${name}`;
    return this.#tree.has(path) ? this.#newPath(folder, kind) : path;
  }

  #bytes(): Buffer {
    return Buffer.alloc(this.#dice.below(3000), this.#dice.below(256));
  }

  #on(path: string): string {
    return join(this.#root, path);
  }
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** What a follower should know of a folder: size by path, null for a folder. Hidden names do not count. */
export async function treeOnDisk(root: string): Promise<Map<string, number | null>> {
  const tree = new Map<string, number | null>();
  const visit = async (folder: string): Promise<void> => {
    for (const { name } of await readdir(join(root, folder), { withFileTypes: true })) {
      if (name.startsWith('.')) continue;
      const path = folder === '' ? name : `${folder}/${name}`;
      const stats = await stat(join(root, path));
      tree.set(path, stats.isDirectory() ? null : stats.size);
      if (stats.isDirectory()) await visit(path);
    }
  };
  await visit('');
  return tree;
}
