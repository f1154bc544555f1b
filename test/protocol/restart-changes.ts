import { mkdir, readdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow } from './disk-listing.ts';
import type { SmallLibrary } from './immich-small-library.ts';

/** A sequence that is the same in every run (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** At least `low`, below `high`. */
  between(low: number, high: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return low + (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * (high - low);
  }

  oneOf<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.between(0, values.length))];
    if (value === undefined) throw new Error('there is nothing to choose from');
    return value;
  }
}

/** `folder 7/photo 12.jpg` and so on, small and all different. */
export async function plantTree(root: string, folders: number, filesEach: number): Promise<void> {
  for (let folder = 0; folder < folders; folder += 1) {
    const path = join(root, `folder ${folder}`);
    await mkdir(path, { recursive: true });
    const names = Array.from({ length: filesEach }, (_, file) => `photo ${file}.jpg`);
    await Promise.all(names.map((name) => writeFile(join(path, name), `${folder} ${name}`)));
  }
}

/** Changes a tree on disk as people do, one thing at a time, and remembers which places it has touched. */
export class ChangingTree {
  readonly #root: string;
  readonly #random: Random;
  readonly #label: string;
  readonly #touched = new Set<string>();
  #count = 0;

  constructor(root: string, random: Random, label: string) {
    this.#root = root;
    this.#random = random;
    this.#label = label;
  }

  static async foldersBelow(root: string, folder = ''): Promise<string[]> {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    const found: string[] = [];
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      found.push(path, ...(await ChangingTree.foldersBelow(root, path)));
    }
    return found;
  }

  /** Where everything is, by what the disk itself knows it by. */
  static async identitiesBelow(root: string): Promise<Map<string, string>> {
    const folders = await ChangingTree.foldersBelow(root);
    const files = [...(await filesBelow(root)).keys()];
    const places = new Map<string, string>();
    for (const path of [...folders, ...files]) {
      const { ino, birthtimeNs } = await stat(join(root, path), { bigint: true });
      places.set(`${ino} ${birthtimeNs}`, path);
    }
    return places;
  }

  /** Was the place itself, or a folder above it, changed in any way? */
  hasTouched(path: string): boolean {
    const parts = path.split('/');
    return parts.some((_, at) => this.#touched.has(parts.slice(0, at + 1).join('/')));
  }

  async change(): Promise<void> {
    this.#count += 1;
    const folders = await ChangingTree.foldersBelow(this.#root);
    const folder = this.#random.oneOf(folders);
    const other = this.#random.oneOf(folders);
    const fresh = `${this.#label} ${this.#count}`;
    const kind = this.#random.between(0, 100);
    if (kind < 6) {
      await this.#move(folder, `${fresh} folder`);
    } else if (kind < 10) {
      const isInside = other === folder || other.startsWith(`${folder}/`);
      if (!isInside) await this.#move(folder, `${other}/${fresh} moved folder`);
    } else if (kind < 12) {
      await rm(this.#at(folder), { recursive: true });
      this.#touched.add(folder);
    } else {
      await this.#changeFile(kind, folder, other, fresh);
    }
  }

  /** Gives a file or folder another place, or two files each other's; nothing comes and nothing goes. */
  async move(): Promise<void> {
    this.#count += 1;
    const folders = await ChangingTree.foldersBelow(this.#root);
    const folder = this.#random.oneOf(folders);
    const other = this.#random.oneOf(folders);
    const kind = this.#random.between(0, 100);
    if (kind < 10) {
      await this.#move(folder, `${this.#label} ${this.#count} folder`);
      return;
    }
    const [file, otherFile] = [await this.#fileIn(folder), await this.#fileIn(other)];
    if (file === null || otherFile === null || file === otherFile) return;
    if (kind < 40) {
      await this.#move(file, `${other}/${this.#label} ${this.#count}.jpg`);
      return;
    }
    const aside = `${folder}/${this.#label} ${this.#count} aside.jpg`;
    await this.#move(file, aside);
    await this.#move(otherFile, file);
    await this.#move(aside, otherFile);
  }

  async #fileIn(folder: string): Promise<string | null> {
    const names = (await readdir(this.#at(folder))).filter((name) => name.endsWith('.jpg'));
    return names.length === 0 ? null : `${folder}/${this.#random.oneOf(names)}`;
  }

  async #changeFile(kind: number, folder: string, other: string, fresh: string): Promise<void> {
    const created = `${folder}/${fresh}.jpg`;
    const file = await this.#fileIn(folder);
    if (file === null || kind < 30) {
      this.#touched.add(created);
      await writeFile(this.#at(created), fresh);
      return;
    }
    this.#touched.add(file);
    if (kind < 45) await this.#move(file, `${folder}/${fresh} renamed.jpg`);
    else if (kind < 60) await this.#move(file, `${other}/${fresh} moved.jpg`);
    else if (kind < 75) await unlink(this.#at(file));
    else if (kind < 88) await writeFile(this.#at(file), `${fresh} written over`);
    else {
      await writeFile(this.#at(`${folder}/.${fresh}.tmp`), `${fresh} put in its place`);
      await rename(this.#at(`${folder}/.${fresh}.tmp`), this.#at(file));
    }
  }

  async #move(from: string, to: string): Promise<void> {
    this.#touched.add(from).add(to);
    await rename(this.#at(from), this.#at(to));
  }

  #at(path: string): string {
    return join(this.#root, path);
  }
}

/** Changes albums as people do, and remembers which places it has touched. */
export class ChangingLibrary {
  readonly #small: SmallLibrary;
  readonly #random: Random;
  readonly #label: string;
  readonly #touched = new Set<string>();
  #count = 0;

  constructor(small: SmallLibrary, random: Random, label: string) {
    this.#small = small;
    this.#random = random;
    this.#label = label;
  }

  hasTouched(path: string): boolean {
    const [album = ''] = path.split('/');
    return this.#touched.has(album) || this.#touched.has(path);
  }

  change(): void {
    this.#count += 1;
    const { library, addPhoto } = this.#small;
    const album = this.#random.oneOf([...library.albums.values()]);
    const fresh = `${this.#label} ${this.#count}`;
    const kind = this.#random.between(0, 100);
    if (kind < 5) {
      this.#touched.add(album.albumName).add(`${fresh} album`);
      library.renameAlbum(album, `${fresh} album`);
      return;
    }
    const members = library.assetsOf(album);
    if (kind < 50 && members.length > 0) {
      const photo = this.#random.oneOf(members);
      this.#touched.add(`${album.albumName}/${photo.originalFileName}`);
      library.removeFromAlbum(album, photo);
    } else {
      const photo = addPhoto(`${fresh}.jpg`);
      this.#touched.add(`${album.albumName}/${photo.originalFileName}`);
      library.addToAlbum(album, photo);
    }
  }
}
