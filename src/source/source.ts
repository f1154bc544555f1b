import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { AssetFacts, SourceRef } from '../model/asset.ts';
import { lengthOf } from '../model/byte-range.ts';
import { CodedError, codeOf, isTransient, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { Space } from '../model/space.ts';
import type {
  Call,
  Held,
  LookEvent,
  OpenFile,
  Provider,
  ScanCall,
  ScanEvent,
  Traits,
  Want,
  WatchHint,
  WriteCall,
} from '../provider/provider.ts';
import { ClientCall } from './client-call.ts';
import { countBytes, wrongLength } from './counted-stream.ts';
import type { PathFilter } from './path-filter.ts';
import { hasWriting, SourceWriting, type WriteScope } from './source-writing.ts';

export type { OpenFile } from '../provider/provider.ts';

/** When to try again. Waits grow by doubling; a wait the other side asks for is kept, up to its maximum. */
export interface RetryPolicy {
  /** Tries in all, the first one included. */
  readonly tries: number;
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
}

export interface SourceOptions {
  readonly name: string;
  readonly provider: Provider;
  readonly filter: PathFilter;
  readonly logger: Logger;
  /** For requests nobody waits for: scans. */
  readonly scanRetry?: RetryPolicy;
  /** For requests a client waits for. */
  readonly clientRetry?: RetryPolicy;
  /** For requests of a write, with a client waiting. */
  readonly writeRetry?: RetryPolicy;
  /** From the call to the first byte, all tries included. */
  readonly openTimeoutMs?: number;
}

/** How many things are not shown for a reason, with one of them as an example. */
export interface ScanWarning {
  readonly reason: string;
  readonly count: number;
  readonly example: string;
}

/** Called for each thing that is not to be shown, with its path where the source has paths, else with its name. */
export type Warn = (reason: string, place: string) => void;

const SCAN_RETRY: RetryPolicy = { tries: 3, firstWaitMs: 1_000, maxWaitMs: 60_000 };
const CLIENT_RETRY: RetryPolicy = { tries: 3, firstWaitMs: 200, maxWaitMs: 1_000 };
/** Whoever has sent gigabytes waits a little longer rather than send them again. */
const WRITE_RETRY: RetryPolicy = { ...CLIENT_RETRY, maxWaitMs: 10_000 };
const OPEN_TIMEOUT_MS = 20_000;
/** What may be held as one piece: some read-ahead of a player, most thumbnails, no photo of a camera. */
const SHORT_BYTES = 256 * 1024;
/** For whoever does not keep what is told. */
export const NOTHING_HELD: Held = {
  refAt: async () => null,
  pathsOf: async () => [],
  versionOf: async () => null,
  toldVersionOf: async () => null,
  factsOf: async () => null,
  placesOf: async () => [],
};

/**
 * What the rooms above see of a provider: everything that all providers need is done here, once. The only place
 * that retries.
 */
export class Source {
  readonly name: string;
  readonly traits: Traits;
  readonly #provider: Provider;
  readonly #filter: PathFilter;
  readonly #logger: Logger;
  readonly #scanRetry: RetryPolicy;
  readonly #clientRetry: RetryPolicy;
  readonly #writeRetry: RetryPolicy;
  readonly #openTimeoutMs: number;

  constructor(options: SourceOptions) {
    this.name = options.name;
    this.traits = options.provider.traits;
    this.#provider = options.provider;
    this.#filter = options.filter;
    this.#logger = options.logger;
    this.#scanRetry = options.scanRetry ?? SCAN_RETRY;
    this.#clientRetry = options.clientRetry ?? CLIENT_RETRY;
    this.#writeRetry = options.writeRetry ?? WRITE_RETRY;
    this.#openTimeoutMs = options.openTimeoutMs ?? OPEN_TIMEOUT_MS;
  }

  /**
   * Every resource that is to be shown; see `Provider.scan`.
   * @param onMet called for whatever the source holds, also when it is not to be shown: a source of which nothing is
   *   shown is not an empty one.
   */
  async *scan(
    signal: AbortSignal,
    warn: Warn,
    held: Held = NOTHING_HELD,
    onMet: () => void = () => undefined,
  ): AsyncGenerator<ScanEvent> {
    const call = this.#scanCall(signal, warn, held);
    const meeting: ScanCall = {
      ...call,
      accepts: (path) => {
        onMet();
        return call.accepts(path);
      },
      enters: (path) => {
        onMet();
        return call.enters(path);
      },
    };
    for await (const event of this.#provider.scan(meeting)) {
      // What is said of the whole is said of an empty source, too.
      const isOfWhole = event.kind === 'complete' || event.kind === 'note';
      if (!isOfWhole && !(event.kind === 'collection' && event.made === 'view')) onMet();
      signal.throwIfAborted();
      if (event.kind === 'asset' && !this.#filter.acceptsAsset(event.facts.ref.path)) continue;
      yield event;
    }
  }

  /** What is at one path now; see `Provider.look`. Throws `unsupported` when the source cannot tell. */
  async *look(
    path: string,
    signal: AbortSignal,
    warn: Warn,
    held: Held = NOTHING_HELD,
  ): AsyncGenerator<LookEvent> {
    if (this.#provider.look === undefined) throw unsupported();
    for await (const event of this.#provider.look(path, this.#scanCall(signal, warn, held))) {
      signal.throwIfAborted();
      if (event.kind === 'asset' && !this.#filter.acceptsAsset(event.facts.ref.path)) continue;
      yield event;
    }
  }

  /** Those of the paths at which there still is this version; see `Provider.unchangedAt`. None where it cannot tell. */
  async unchangedAt(versions: ReadonlyMap<string, string>, signal: AbortSignal): Promise<readonly string[]> {
    const unchangedAt = this.#provider.unchangedAt?.bind(this.#provider);
    return (await unchangedAt?.(versions, { signal, attempt: (work) => work(signal) })) ?? [];
  }

  /** Where something may have changed; see `Provider.watch`. Throws `unsupported` when the source cannot tell. */
  async *watch(signal: AbortSignal): AsyncGenerator<WatchHint> {
    if (this.#provider.watch === undefined) throw unsupported();
    for await (const hint of this.#provider.watch({ signal, attempt: (work) => work(signal) })) {
      signal.throwIfAborted();
      if (hint.kind === 'lost' || this.#mayShow(hint.path)) yield hint;
    }
  }

  /** What the source says of one asset now. Rejects `not-found`, `unavailable`, `denied`. */
  async describe(ref: SourceRef, signal: AbortSignal): Promise<AssetFacts> {
    return await this.#forClient(signal, (call) => this.#provider.describe(ref, call));
  }

  /**
   * The wanted bytes, exactly as many as were asked for. Rejects before the first byte with `changed`,
   * `not-found`, `unavailable`, `denied` or `range`; errors with `corrupt` afterwards when the source does not
   * keep its word. The caller destroys the stream; aborting `signal` destroys it too.
   */
  async open(ref: SourceRef, want: Want, signal: AbortSignal): Promise<Readable> {
    const { range } = want;
    checkRange(want);
    const expectedBytes = range === undefined ? want.sizeBytes : lengthOf(range);
    return await this.#forClient(signal, async (call) => {
      const stream = countBytes(await this.#provider.open(ref, want, call), expectedBytes);
      // When the client leaves at this very moment the caller gets a rejection instead of the stream: an error
      // that nobody would hear must not end the process, nor may the stream stay open.
      stream.on('error', (error) => this.#logger.debug('a stream failed', { reason: messageOf(error) }));
      if (call.signal.aborted) stream.destroy();
      return stream;
    });
  }

  /**
   * The wanted bytes as one piece, where that is cheaper than a stream: null when they are too many, or the source has no
   * such way. Rejects as `open` does; with `corrupt` when they are not as many as were asked for.
   */
  readShort(ref: SourceRef, want: Want, signal: AbortSignal): Promise<Buffer> | null {
    const expectedBytes = want.range === undefined ? want.sizeBytes : lengthOf(want.range);
    const read = this.#provider.read?.bind(this.#provider);
    if (read === undefined || expectedBytes < 1 || expectedBytes > SHORT_BYTES) return null;
    return this.#forClient(signal, async (call) => {
      checkRange(want);
      const bytes = await read(ref, want, call);
      if (bytes.length !== expectedBytes) throw wrongLength(expectedBytes, bytes.length);
      return bytes;
    });
  }

  /** Does `look` work? Then everything of the source has a path of its own. */
  get looks(): boolean {
    return this.#provider.look !== undefined;
  }

  /** Does `openFile` work? */
  get holdsFiles(): boolean {
    return this.#provider.openFile !== undefined;
  }

  /** The wanted version as an open file of this machine; see `Provider.openFile`. Rejects `unsupported` for others. */
  async openFile(ref: SourceRef, want: Want, signal: AbortSignal): Promise<OpenFile> {
    if (this.#provider.openFile === undefined) {
      throw new CodedError('unsupported', 'This source holds no files of this machine.');
    }
    const openFile = this.#provider.openFile.bind(this.#provider);
    return await this.#forClient(signal, async (call) => {
      const file = await openFile(ref, want, call);
      // Nobody gets it any more.
      if (call.signal.aborted) await file.close();
      return file;
    });
  }

  /** Can it be searched? */
  get isSearchable(): boolean {
    return this.#provider.search !== undefined;
  }

  /** Assets that match, at most `limit`; see `Provider.search`. Rejects `unsupported` where there are no searches. */
  async search(words: string, limit: number, signal: AbortSignal): Promise<readonly AssetFacts[]> {
    const search = this.#provider.search?.bind(this.#provider);
    if (search === undefined) throw new CodedError('unsupported', 'This source cannot be searched.');
    const found = await this.#forClient(signal, (call) => search(words, limit, call));
    return found.filter(({ ref }) => this.#filter.acceptsAsset(ref.path)).slice(0, limit);
  }

  /** Does `look` work? Else a write itself tells what it has changed. */
  get canLook(): boolean {
    return this.#provider.look !== undefined;
  }

  /** See `Provider.writesBelow`. */
  get writesBelow(): readonly string[] {
    return this.#provider.writesBelow ?? [];
  }

  /** Its powers to write; null where it has none. */
  get writing(): SourceWriting | null {
    const provider = this.#provider;
    if (!hasWriting(provider)) return null;
    const callFor = (signal: AbortSignal, scope: WriteScope) => this.#writeCall(signal, scope);
    return new SourceWriting({ provider, callFor, logger: this.#logger });
  }

  /** See `Provider.space`. Null when the source cannot tell. */
  async space(signal: AbortSignal): Promise<Space | null> {
    const space = this.#provider.space?.bind(this.#provider);
    return space === undefined ? null : await this.#forClient(signal, space);
  }

  async close(): Promise<void> {
    await this.#provider.close();
  }

  #writeCall(signal: AbortSignal, { held, tell, goesOn }: WriteScope): WriteCall {
    const { warn: _, ...call } = this.#scanCall(signal, () => undefined, held);
    // What is half changed is changed to its end, also when nobody waits for it any more.
    const { signal: unending } = new AbortController();
    const attempt: Call['attempt'] = (work) =>
      this.#retrying(() => work(unending), this.#writeRetry, { signal: unending });
    return { ...call, attempt, tell, goesOn };
  }

  #scanCall(signal: AbortSignal, warn: Warn, held: Held): ScanCall {
    return {
      signal,
      held,
      attempt: (work) => this.#retrying(() => work(signal), this.#scanRetry, { signal }),
      accepts: (path) => this.#filter.acceptsAsset(path),
      enters: (path) => this.#filter.entersCollection(path),
      warn,
    };
  }

  /** A path does not tell what is there, so only what is left out either way is. */
  #mayShow(path: string): boolean {
    return path === '' || this.#filter.acceptsAsset(path) || this.#filter.entersCollection(path);
  }

  /**
   * One request a client waits for, within the deadline. The provider's signal outlives this call, because a
   * stream that was opened belongs to the client's signal, not to the deadline.
   */
  async #forClient<T>(signal: AbortSignal, request: (call: Call) => Promise<T>): Promise<T> {
    const late = () => new CodedError('unavailable', `The source "${this.name}" does not answer.`);
    const client = new ClientCall(signal, this.#openTimeoutMs, late);
    try {
      const outcome = await this.#retrying(() => client.run(request), this.#clientRetry, client);
      client.succeed();
      return outcome;
    } catch (error) {
      client.fail();
      if (signal.aborted) throw new CodedError('cancelled', 'The client left.', { cause: error });
      throw client.isLate ? client.signal.reason : error;
    }
  }

  async #retrying<T>(
    work: () => Promise<T>,
    policy: RetryPolicy,
    end: { readonly signal: AbortSignal },
  ): Promise<T> {
    let failure: { readonly error: unknown } | null = null;
    try {
      // Nearly always all there is to do, and the machinery for more costs as much as a short answer.
      return await work();
    } catch (error) {
      if (policy.tries < 2 || !isTransient(error)) throw error;
      failure = { error };
    }
    const workAgain = async () => {
      if (failure === null) return await work();
      const { error } = failure;
      failure = null;
      throw error;
    };
    const { signal } = end;
    return await pRetry(workAgain, {
      signal,
      retries: policy.tries - 1,
      minTimeout: policy.firstWaitMs,
      maxTimeout: policy.maxWaitMs,
      factor: 2,
      randomize: true,
      shouldRetry: ({ error }) => isTransient(error) && waitAskedFor(error) <= policy.maxWaitMs,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft, retryDelay }) => {
        if (!isTransient(error) || retriesLeft === 0) return;
        const askedMs = waitAskedFor(error);
        const fields = { code: codeOf(error), reason: messageOf(error), attempt: attemptNumber };
        this.#logger.debug('a request to the source failed and is tried again', fields);
        // p-retry adds its own wait after this one.
        if (askedMs > retryDelay && askedMs <= policy.maxWaitMs) {
          await wait(askedMs - retryDelay, undefined, { signal });
        }
      },
    });
  }
}

function unsupported(): CodedError {
  return new CodedError('unsupported', 'This source does not tell by itself what changes.');
}

function checkRange({ range, sizeBytes }: Want): void {
  if (range !== undefined && (range.start < 0 || range.end < range.start || range.end >= sizeBytes)) {
    throw new CodedError('range', 'The range does not lie within the content.');
  }
}

function waitAskedFor(error: Error): number {
  return error instanceof CodedError ? (error.retryAfterMs ?? 0) : 0;
}
