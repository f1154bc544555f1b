import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { Root } from '../disk-messages.ts';
import { errnoOf } from '../translate-error.ts';

/** Something that is there, by the path it was found by. */
interface Found {
  readonly path: string;
  readonly stats: BigIntStats;
}

/**
 * What stands between two paths of one root. One thing can be found by several paths although none of them is a link:
 * on a disk that does not tell upper case from lower, or where a folder is mounted twice. To make room there for what
 * is moved would be to remove it.
 *
 * `other`: two things, or nothing at `to`. `own-name`: the same thing, by its own name in another case or Unicode form.
 * `hard-link`: two names of one file.
 * @throws CodedError `denied` when they are the same in another way, or one lies within the other.
 */
export async function compareThings(
  root: Root,
  from: string,
  to: string,
): Promise<'other' | 'own-name' | 'hard-link'> {
  const [source, ...aboveSource] = await chainTo(root, from);
  const [target, ...aboveTarget] = await chainTo(root, to);
  if (source === undefined || source === null) return 'other';
  if (await isAmong(root, source, aboveTarget)) throw within();
  if (target === undefined || target === null) return 'other';
  if (await isAmong(root, target, aboveSource)) throw within();
  if (!(await areOne(root, source, target))) return 'other';
  if (folded(from) === folded(to)) return 'own-name';
  if (source.stats.isFile() && source.stats.nlink > 1n) return 'hard-link';
  throw new CodedError('denied', 'Source and destination are the same on the disk.');
}

/** What a path leads to, and the folders above it up to the root, which is not among them. Null: nothing. */
async function chainTo(root: Root, path: string): Promise<(Found | null)[]> {
  const names = path.split('/');
  const paths = names.map((_, at) => names.slice(0, at + 1).join('/'));
  const chain: (Found | null)[] = [];
  // One after the other: on a disk that hangs, each would hold a thread of the pool.
  for (const each of paths) chain.unshift(await find(root, each));
  return chain;
}

async function find(root: Root, path: string): Promise<Found | null> {
  try {
    return { path, stats: await lstat(join(root.path, path), { bigint: true }) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

async function isAmong(root: Root, thing: Found, others: readonly (Found | null)[]): Promise<boolean> {
  for (const other of others) if (other !== null && (await areOne(root, thing, other))) return true;
  return false;
}

async function areOne(root: Root, one: Found, other: Found): Promise<boolean> {
  if (one.stats.ino === other.stats.ino && one.stats.dev === other.stats.dev) return true;
  return folded(one.path) === folded(other.path) && (await areListedOnce(root, one.path, other.path));
}

/**
 * Some disks, those of a network for one, number a thing anew for each name it is asked by. What counts then is whether
 * the folder has both of the names.
 */
async function areListedOnce(root: Root, path: string, other: string): Promise<boolean> {
  const [names, others] = [path.split('/'), other.split('/')];
  for (const [at, name] of names.entries()) {
    const otherName = others[at] ?? '';
    if (name === otherName) continue;
    const listed = new Set(await readdir(join(root.path, ...names.slice(0, at))));
    if (listed.has(name) && listed.has(otherName)) return false;
  }
  return true;
}

/** Equal for names that some disk might take for one. */
function folded(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

function within(): CodedError {
  return new CodedError('denied', 'On the disk, one of source and destination lies within the other.');
}
