import { addAbortSignal, type Readable } from 'node:stream';
import { type ByteRange, lengthOf } from '../../model/byte-range.ts';
import { sizeText } from '../../model/byte-size.ts';
import { CodedError, messageOf } from '../../model/coded-error.ts';
import type { Logger } from '../../model/logger.ts';
import { BlockMemory } from './block-memory.ts';
import { BlockStore, type BlockStoreOptions } from './block-store.ts';
import { blockOf } from './blocks.ts';
import { CachedContent, type RemoteContent } from './cached-content.ts';
import { ContentReader } from './content-reader.ts';
import { ReadAhead } from './read-ahead.ts';
import { ReadStream } from './read-stream.ts';

/** What people may want to know of the cache. */
export interface CacheReport {
  readonly maxBytes: number;
  readonly usedBytes: number;
  readonly contents: number;
  /** Handed out of the cache since the start, and fetched from sources since then. */
  readonly servedBytes: number;
  readonly fetchedBytes: number;
  /** Why nothing is taken in at the moment; null: it is. */
  readonly failure: string | null;
}

/**
 * Bytes of remote sources, kept on this machine's disk. Whoever reads the same at the same time shares one request; what
 * was read once is there while the source is not. Without room or a working disk it steps aside: null means "ask the
 * source".
 */
export class RemoteCache {
  readonly #store: BlockStore;
  readonly #logger: Logger;
  readonly #inUse = new Map<string, CachedContent>();
  readonly #readAhead = new ReadAhead();
  readonly #memory = new BlockMemory();
  #servedBytes = 0;
  #fetchedBytes = 0;
  #isClosed = false;

  private constructor(store: BlockStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Null when the folder cannot be used, which the log tells: then everything is read from the sources. */
  static open(options: BlockStoreOptions): RemoteCache | null {
    try {
      const store = new BlockStore(options);
      options.logger.debug('the cache of remote bytes', { holds: sizeText(store.usedBytes) });
      return new RemoteCache(store, options.logger);
    } catch (error) {
      const reason = messageOf(error);
      options.logger.warn('the cache of remote bytes cannot be used, so it is off', { reason });
      return null;
    }
  }

  report(): CacheReport {
    const { maxBytes, usedBytes, contentCount: contents, failure } = this.#store;
    const [servedBytes, fetchedBytes] = [this.#servedBytes, this.#fetchedBytes];
    return { maxBytes, usedBytes, contents, servedBytes, fetchedBytes, failure };
  }

  /** The bytes as a stream; null when the caller is to ask the source itself. Rejects what the source rejects with. */
  open(remote: RemoteContent, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable> | null {
    const content = this.#use(remote, range);
    return content === null ? null : this.#stream(remote.key, content, range, signal);
  }

  /** The same piece by piece, as they lie in memory. Whoever asked for them closes the reader; it ends with the signal, too. */
  openPieces(
    remote: RemoteContent,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<ContentReader> | null {
    const content = this.#use(remote, range);
    return content === null ? null : this.#read(remote.key, content, range, signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const content of this.#inUse.values()) content.stop();
    await this.#store.close();
  }

  async #stream(
    key: string,
    content: CachedContent,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<Readable> {
    const stream = new ReadStream(await this.#read(key, content, range, signal));
    stream.on('error', (error) => this.#logger.debug('a stream failed', { reason: messageOf(error) }));
    // Its reader is closed by then.
    if (signal.aborted) stream.destroy(clientLeft(signal.reason));
    else addAbortSignal(signal, stream);
    return stream;
  }

  /** A reader that has its first bytes. It is closed by the signal, too. */
  async #read(
    key: string,
    content: CachedContent,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<ContentReader> {
    const aheadBlocks = range === undefined ? 0 : this.#readAhead.blocksFor(key, range);
    content.enter();
    const leave = () => reader.close();
    const onClose = () => {
      signal.removeEventListener('abort', leave);
      this.#servedBytes += reader.storedBytes;
      content.leave();
    };
    const reader = new ContentReader(content, { range, aheadBlocks, onClose });
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      await reader.ready();
    } catch (error) {
      reader.close();
      throw signal.aborted ? clientLeft(error) : error;
    }
    if (range !== undefined) {
      content.settleInBackground();
      const next = blockOf(range.end) + 1;
      if (aheadBlocks > 0) content.readAhead(next, next + aheadBlocks - 1);
    }
    return reader;
  }

  #use(remote: RemoteContent, range: ByteRange | undefined): CachedContent | null {
    if (this.#isClosed || remote.sizeBytes === 0) return null;
    const present = this.#inUse.get(remote.key);
    if (present !== undefined) return present;
    // Nothing can be taken in, so only what is there helps.
    if (!this.#store.mayWrite && !this.#holds(remote, range)) return null;
    const stored = this.#store.use(remote.key, remote.sizeBytes);
    if (stored === null) return null;
    const content = new CachedContent({
      ...{ remote, stored, memory: this.#memory, logger: this.#logger },
      onOver: () => {
        if (this.#inUse.get(remote.key) === content) this.#inUse.delete(remote.key);
      },
      onFetched: (bytes) => {
        this.#fetchedBytes += bytes;
      },
    });
    this.#inUse.set(remote.key, content);
    return content;
  }

  #holds({ key, sizeBytes }: RemoteContent, range: ByteRange | undefined): boolean {
    const found = this.#store.find(key);
    if (found === null) return false;
    const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
    if (range === undefined || lengthOf(range) === sizeBytes) return found.storedBytes === sizeBytes;
    return this.#store.holds(found.id, blockOf(start), blockOf(end));
  }
}

function clientLeft(cause: unknown): CodedError {
  return new CodedError('cancelled', 'The client left.', { cause });
}
