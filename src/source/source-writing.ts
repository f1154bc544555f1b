import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Digests } from '../model/asset.ts';
import { CodedError, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { ContentClaims, Over, WriteFailure } from '../model/write.ts';
import type {
  Held,
  Provider,
  SetAside,
  Staged,
  StagedCopy,
  WriteCall,
  WriteEvent,
} from '../provider/provider.ts';

type Powers = 'receive' | 'copy' | 'move' | 'makeCollection' | 'remove' | 'setModifiedTime' | 'freeBytes';
/** A provider with all powers to write. What has only some of them is not written to so far. */
export type WritingProvider = Provider & Required<Pick<Provider, Powers>>;

export function hasWriting(provider: Provider): provider is WritingProvider {
  const { receive, copy, move, makeCollection, remove, setModifiedTime, freeBytes } = provider;
  const powers = [receive, copy, move, makeCollection, remove, setModifiedTime, freeBytes];
  return powers.every((power) => power !== undefined);
}

/** What belongs to one write. */
export interface WriteScope {
  readonly held: Held;
  /** See `WriteCall.tell`. */
  readonly tell: (event: WriteEvent) => void;
  /** See `WriteCall.goesOn`. */
  readonly goesOn: (over: Promise<void>) => void;
}

export interface SourceWritingOptions {
  readonly provider: WritingProvider;
  readonly callFor: (signal: AbortSignal, scope: WriteScope) => WriteCall;
  readonly logger: Logger;
}

/** What the rooms above see of a provider's powers to write. Nothing is tried again as a whole. */
export class SourceWriting {
  readonly #provider: WritingProvider;
  readonly #callFor: SourceWritingOptions['callFor'];
  readonly #logger: Logger;

  constructor({ provider, callFor, logger }: SourceWritingOptions) {
    this.#provider = provider;
    this.#callFor = callFor;
    this.#logger = logger;
  }

  /**
   * See `Provider.receive`. Rejects `invalid` when the content is not what `claims` say; nothing is left of it then.
   * The caller destroys `content`, and discards what it gets, placed or not.
   */
  async receive(
    path: string,
    content: Readable,
    claims: ContentClaims,
    signal: AbortSignal,
    scope: WriteScope,
  ): Promise<Staged> {
    const { modifiedMs, sizeBytes } = claims;
    const call = this.#callFor(signal, scope);
    const staged = await this.#provider.receive(path, checked(content, claims.digests), { modifiedMs }, call);
    if (sizeBytes === null || staged.sizeBytes === sizeBytes) return staged;
    await staged.discard().catch((error: unknown) => {
      const reason = messageOf(error);
      this.#logger.warn('an upload that did not come as a whole could not be let go of', { reason });
    });
    throw new CodedError('invalid', `${staged.sizeBytes} bytes came instead of ${sizeBytes}.`);
  }

  /** See `Provider.copy`. */
  async copy(
    from: string,
    to: string,
    isDeep: boolean,
    signal: AbortSignal,
    scope: WriteScope,
  ): Promise<StagedCopy> {
    return await this.#provider.copy(from, to, { isDeep }, this.#callFor(signal, scope));
  }

  /** See `StagedCopy.removeOriginal`. */
  async removeOriginal(
    staged: StagedCopy,
    signal: AbortSignal,
    scope: WriteScope,
  ): Promise<readonly WriteFailure[]> {
    if (staged.removeOriginal === undefined)
      throw new Error('a source with two disks cannot move between them');
    return await staged.removeOriginal(this.#callFor(signal, scope));
  }

  /** See `Provider.copyAsset`; null where there is none. */
  async copyAsset(refId: string, to: string, signal: AbortSignal, scope: WriteScope): Promise<Staged | null> {
    return (await this.#provider.copyAsset?.(refId, to, this.#callFor(signal, scope))) ?? null;
  }

  /** See `Provider.move`. */
  async move(from: string, to: string, over: Over, signal: AbortSignal, scope: WriteScope): Promise<boolean> {
    return await this.#provider.move(from, to, over, this.#callFor(signal, scope));
  }

  /** See `Provider.makeCollection`. */
  async makeCollection(path: string, signal: AbortSignal, scope: WriteScope): Promise<void> {
    await this.#provider.makeCollection(path, this.#callFor(signal, scope));
  }

  /** See `Provider.remove`. */
  async remove(path: string, signal: AbortSignal, scope: WriteScope): Promise<readonly WriteFailure[]> {
    return await this.#provider.remove(path, this.#callFor(signal, scope));
  }

  /** See `Provider.setAside`; where there is none, it is removed. */
  async setAside(
    path: string,
    by: string | Staged,
    signal: AbortSignal,
    scope: WriteScope,
  ): Promise<SetAside> {
    const call = this.#callFor(signal, scope);
    if (this.#provider.setAside !== undefined) return await this.#provider.setAside(path, by, call);
    const failures = await this.#provider.remove(path, call);
    const nothing = async () => undefined;
    return { failures, putBack: nothing, remove: nothing, leave: nothing };
  }

  /** See `Provider.setModifiedTime`. */
  async setModifiedTime(
    path: string,
    modifiedMs: number,
    signal: AbortSignal,
    scope: WriteScope,
  ): Promise<void> {
    await this.#provider.setModifiedTime(path, modifiedMs, this.#callFor(signal, scope));
  }

  /** See `Provider.freeBytes`. */
  async freeBytes(path: string, signal: AbortSignal, scope: WriteScope): Promise<number> {
    return await this.#provider.freeBytes(path, this.#callFor(signal, scope));
  }
}

/** Ends in an error instead of an end when the content has another digest than was told. Reads when it is read. */
function checked(content: Readable, digests: Digests): Readable {
  const wanted = Object.entries(digests).filter(([, digest]) => digest !== undefined);
  if (wanted.length === 0) return content;
  const hashes = wanted.map(([algorithm, digest]) => ({ algorithm, digest, hash: createHash(algorithm) }));
  const chunks = async function* () {
    for await (const chunk of content) {
      for (const { hash } of hashes) hash.update(chunk as Buffer);
      yield chunk;
    }
    const wrong = hashes.find(({ hash, digest }) => hash.digest('hex') !== digest);
    if (wrong !== undefined) {
      throw new CodedError('invalid', `The content has another ${wrong.algorithm} than was told.`);
    }
  };
  return Readable.from(chunks(), { objectMode: false });
}
