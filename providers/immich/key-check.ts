import { CodedError } from '../../src/model/coded-error.ts';
import { parseKeyPermissions } from './api-answers.ts';
import type { ImmichClient } from './http-client.ts';
import { readRefusal } from './original-bytes.ts';
import type { ScanRequests } from './scan-requests.ts';
import { compareVersions, type ServerVersion } from './server-version.ts';
import { asksToWait, lacksPermissions } from './translate-error.ts';

const DOWNLOAD = 'asset.download';
/** Before, `me` is taken for an id. */
const FIRST_WITH_OWN_KEY: ServerVersion = { major: 1, minor: 139, patch: 0 };

/**
 * What the key may not do that is needed, found out once a scan and told at once: the server itself would name one
 * permission at a time, and that of reading files only when somebody opens a photo.
 */
export class KeyCheck {
  readonly #client: ImmichClient;
  readonly #requests: ScanRequests;
  readonly #version: ServerVersion;
  readonly #needed: readonly string[];
  #permissions: Promise<readonly string[] | null> | null = null;
  #sampled: Promise<CodedError | null> | null = null;

  /** @param forFiles permissions that are needed to read files, besides that for originals. */
  constructor(
    client: ImmichClient,
    requests: ScanRequests,
    version: ServerVersion,
    forFiles: readonly string[],
  ) {
    this.#client = client;
    this.#requests = requests;
    this.#version = version;
    this.#needed = [DOWNLOAD, ...forFiles];
  }

  /**
   * Where the server tells what a key may do.
   * @param listing permissions without which nothing can be listed.
   * @throws CodedError `denied`, naming all that is missing, when nothing can be listed with this key.
   */
  async requireListing(listing: readonly string[]): Promise<void> {
    const missing = await this.missing([...listing, ...this.#needed]);
    if (missing.some((name) => listing.includes(name))) throw refused(missing);
  }

  /** Those of the permissions that the key does not have; none where the server does not tell. */
  async missing(names: readonly string[]): Promise<string[]> {
    this.#permissions ??= this.#readPermissions();
    const granted = await this.#permissions;
    if (granted === null || granted.includes('all')) return [];
    return names.filter((name) => !granted.includes(name));
  }

  /**
   * Why no file can be read, or null when nothing speaks against it.
   * @param assetId an asset to try it with, where the server does not tell what a key may do.
   * @throws CodedError when the server asks to wait, or the scan has ended.
   */
  async refusal(assetId: string | null): Promise<CodedError | null> {
    this.#permissions ??= this.#readPermissions();
    const permissions = await this.#permissions;
    if (permissions !== null) {
      const missing = await this.missing(this.#needed);
      return missing.length === 0 ? null : refused(missing);
    }
    if (assetId !== null) this.#sampled ??= this.#sample(assetId);
    return await this.#sampled;
  }

  /** Null when the server does not tell: too old, or something in front refuses the question. */
  async #readPermissions(): Promise<readonly string[] | null> {
    if (compareVersions(this.#version, FIRST_WITH_OWN_KEY) < 0) return null;
    const request = { method: 'GET', path: '/api-keys/me', what: 'this API key' } as const;
    try {
      return parseKeyPermissions(
        await this.#requests.attempt((signal) => this.#client.readJson(request, signal)),
      );
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      return null;
    }
  }

  /** Permissions come first for the server: any other failure is one of this asset. */
  async #sample(assetId: string): Promise<CodedError | null> {
    try {
      await this.#requests.attempt((signal) => this.#client.readSize(assetId, 'original', signal));
      return null;
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      return error.code === 'denied' ? await this.#readRefusal(assetId) : null;
    }
  }

  /** A HEAD is refused without a word, so a byte is asked for to get the words. Null when that byte may be had. */
  async #readRefusal(assetId: string): Promise<CodedError | null> {
    try {
      await this.#requests.attempt(async (signal) => {
        const answer = await this.#client.openBytes(assetId, 'original', 'bytes=0-0', signal);
        try {
          if (answer.status !== 200 && answer.status !== 206) throw await readRefusal(answer, this.#client);
        } finally {
          answer.body.destroy();
        }
      });
      return null;
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      return error.code === 'denied' ? error : null;
    }
  }
}

function refused(missing: readonly string[]): CodedError {
  return new CodedError('denied', lacksPermissions(missing));
}

/** A failure that only leaves the question open. */
function isNoAnswer(error: unknown): error is CodedError {
  return error instanceof CodedError && error.code !== 'cancelled' && !asksToWait(error);
}
