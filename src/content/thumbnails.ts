import { randomUUID } from 'node:crypto';
import { mkdir, opendir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { CodedError, messageOf } from '../model/coded-error.ts';
import type { MediaKind } from '../model/content-type.ts';
import type { Logger } from '../model/logger.ts';
import { Slots } from './slots.ts';

/** Pixels of each side; as the reference of `/thumbnail` has it. */
const EDGE = 256;
/** Two keep two cores busy; more gain nothing and cost a decoded image each. */
const AT_ONCE = 2;
const MAX_WAITING = 500;
/** Compressed images are read into memory as a whole. */
const MAX_INPUT_BYTES = 256 * 1024 * 1024;
/** JPEG is decoded at an eighth of its size; everything else in full, at 4 bytes a pixel. */
const MAX_JPEG_PIXELS = 268_000_000;
const MAX_PIXELS = 100_000_000;
/** Of libvips working on one image. */
const TIMEOUT_S = 20;
/** What is decoded. Not SVG, which is a program, nor anything that libvips would hand to other libraries. */
const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);
/** Left over by a crash: a thumbnail is written in a moment. */
const STALE_MS = 60 * 60 * 1000;

const NAME = /^(?<key>(?:sha256|sha1|md5)-[0-9a-f]+)\.png$/;

/** An image that a thumbnail is wanted of. */
export interface ThumbnailWish {
  /** Names the content: `sha256-` and its digest, or another algorithm where that is not known. */
  readonly key: string;
  readonly contentType: string;
  readonly kind: MediaKind;
  readonly sizeBytes: number;
  open(signal: AbortSignal): Promise<Readable>;
}

interface Job {
  readonly png: Promise<Buffer>;
  readonly stop: AbortController;
  watchers: number;
}

/** Makes thumbnails and keeps them in a folder, by the digest of what they show. */
export class Thumbnails {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #slots = new Slots(AT_ONCE, MAX_WAITING);
  readonly #jobs = new Map<string, Job>();

  constructor(options: { readonly folder: string; readonly logger: Logger }) {
    this.#folder = options.folder;
    this.#logger = options.logger;
  }

  /**
   * The thumbnail as PNG. Those who want the same at once share the work, which ends when the last of them leaves.
   * Rejects `not-found` when no thumbnail can be made of that content, `throttled` when too many wait, and what
   * `open` rejects with.
   */
  async png(wish: ThumbnailWish, signal: AbortSignal): Promise<Buffer> {
    const stored = await this.#stored(wish.key);
    if (stored !== null) return stored;
    signal.throwIfAborted();
    const job = this.#jobs.get(wish.key) ?? this.#start(wish);
    job.watchers += 1;
    const leave = (): void => {
      job.watchers -= 1;
      if (job.watchers > 0) return;
      // Whoever comes now starts anew instead of joining what is being given up.
      this.#forget(wish.key, job);
      job.stop.abort(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await job.png;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Removes the thumbnails of contents that nobody knows any more. @returns how many went. */
  async removeOrphans(
    isKnown: (algorithm: string, digest: string) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<number> {
    let removed = 0;
    for await (const path of this.#files()) {
      if (signal.aborted) break;
      const key = NAME.exec(basename(path))?.groups?.key;
      const [algorithm = '', digest = ''] = key?.split('-') ?? [];
      const isWanted = key === undefined ? !(await isStaleDraft(path)) : await isKnown(algorithm, digest);
      if (isWanted) continue;
      await rm(path, { force: true });
      removed += 1;
    }
    return removed;
  }

  #start(wish: ThumbnailWish): Job {
    const stop = new AbortController();
    const png = this.#slots.run(() => this.#make(wish, stop.signal), stop.signal);
    const job: Job = { png, stop, watchers: 0 };
    this.#jobs.set(wish.key, job);
    const forget = (): void => this.#forget(wish.key, job);
    png.then(forget, forget);
    return job;
  }

  #forget(key: string, job: Job): void {
    if (this.#jobs.get(key) === job) this.#jobs.delete(key);
  }

  async #make(wish: ThumbnailWish, signal: AbortSignal): Promise<Buffer> {
    refuseHopeless(wish);
    const png = await render(await buffer(await wish.open(signal)));
    await this.#keep(wish.key, png);
    return png;
  }

  async #stored(key: string): Promise<Buffer | null> {
    try {
      return await readFile(this.#pathOf(key));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      this.#logger.warn('a kept thumbnail cannot be read', { error: messageOf(error) });
      return null;
    }
  }

  /** Whole or not at all: it appears under its name only once it is complete. Without it, serving goes on. */
  async #keep(key: string, png: Buffer): Promise<void> {
    const path = this.#pathOf(key);
    const draft = `${path}.${randomUUID()}`;
    try {
      await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
      await writeFile(draft, png, { flag: 'wx', mode: 0o600 });
      await rename(draft, path);
    } catch (error) {
      this.#logger.warn('a thumbnail cannot be kept', { error: messageOf(error) });
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }

  #pathOf(key: string): string {
    const digest = key.slice(key.indexOf('-') + 1);
    return join(this.#folder, digest.slice(0, 2), `${key}.png`);
  }

  async *#files(): AsyncGenerator<string> {
    try {
      for await (const entry of await opendir(this.#folder, { recursive: true })) {
        if (entry.isFile()) yield join(entry.parentPath, entry.name);
      }
    } catch (error) {
      // Nobody asked for a thumbnail yet.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function refuseHopeless({ contentType, kind, sizeBytes }: ThumbnailWish): void {
  // What libvips finds in them first is any of several small pictures.
  if (kind === 'raw') throw new CodedError('not-found', 'There are no thumbnails of camera raw files.');
  if (kind !== 'image') {
    throw new CodedError('not-found', `Only images have thumbnails, and this is ${contentType}.`);
  }
  if (sizeBytes > MAX_INPUT_BYTES) {
    throw new CodedError('not-found', 'The image is too large for a thumbnail.');
  }
}

async function render(input: Buffer): Promise<Buffer> {
  try {
    const options = { failOn: 'error', sequentialRead: true, limitInputPixels: MAX_JPEG_PIXELS } as const;
    const { format, width, height } = await sharp(input, options).metadata();
    if (!FORMATS.has(format)) throw new Error(`${format} is not decoded`);
    if (format !== 'jpeg' && width * height > MAX_PIXELS) throw new Error('too many pixels');
    return await sharp(input, options)
      .timeout({ seconds: TIMEOUT_S })
      .autoOrient()
      .resize(EDGE, EDGE, { fit: 'contain', background: '#0000', withoutEnlargement: true })
      .toColourspace('srgb')
      .png()
      .toBuffer();
  } catch (cause) {
    const text = 'The image is damaged, or of a kind that no thumbnail can be made of here.';
    throw new CodedError('not-found', text, { cause });
  }
}

/** What a crash left half-written. Anything else there is not ours to remove. */
async function isStaleDraft(path: string): Promise<boolean> {
  if (!/\.png\.[0-9a-f-]{36}$/.test(path)) return false;
  return (await stat(path)).mtimeMs < Date.now() - STALE_MS;
}
