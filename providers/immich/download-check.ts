import { CodedError } from '../../src/model/coded-error.ts';
import { parseKeyPermissions } from './api-answers.ts';
import type { ImmichClient } from './http-client.ts';
import { readRefusal } from './original-bytes.ts';
import type { ScanRequests } from './scan-requests.ts';
import { compareVersions, type ServerVersion } from './server-version.ts';
import { asksToWait, lacksPermission } from './translate-error.ts';

const PERMISSION = 'asset.download';
/** Before, `me` is taken for an id. */
const FIRST_WITH_OWN_KEY: ServerVersion = { major: 1, minor: 139, patch: 0 };

/**
 * Whether the key may read originals, found out once a scan: listing works without that permission, so nobody would
 * notice before a photo is opened.
 */
export class DownloadCheck {
  readonly #client: ImmichClient;
  readonly #requests: ScanRequests;
  readonly #version: ServerVersion;
  #permissions: Promise<readonly string[] | null> | null = null;
  #sampled: Promise<CodedError | null> | null = null;

  constructor(client: ImmichClient, requests: ScanRequests, version: ServerVersion) {
    this.#client = client;
    this.#requests = requests;
    this.#version = version;
  }

  /**
   * Why no original can be read, or null when nothing speaks against it.
   * @param assetId an asset to try it with, where the server does not tell what a key may do.
   * @throws CodedError when the server asks to wait, or the scan has ended.
   */
  async refusal(assetId: string | null): Promise<CodedError | null> {
    this.#permissions ??= this.#readPermissions();
    const permissions = await this.#permissions;
    if (permissions !== null) {
      const isGranted = permissions.includes('all') || permissions.includes(PERMISSION);
      return isGranted ? null : new CodedError('denied', lacksPermission(PERMISSION));
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
      await this.#requests.attempt((signal) => this.#client.readOriginalSize(assetId, signal));
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
        const answer = await this.#client.openOriginal(assetId, 'bytes=0-0', signal);
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

/** A failure that only leaves the question open. */
function isNoAnswer(error: unknown): error is CodedError {
  return error instanceof CodedError && error.code !== 'cancelled' && !asksToWait(error);
}
