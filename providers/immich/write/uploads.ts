import { randomUUID } from 'node:crypto';
import { extname } from 'node:path';
import { CodedError, codeOf, isTransient } from '../../../src/model/coded-error.ts';
import type { Call, WriteCall } from '../../../src/provider/provider.ts';
import { type ImmichAsset, parseAsset, parseKeyPermissions } from '../api-answers.ts';
import { contentHashOf, parseTime } from '../asset-facts.ts';
import type { ImmichClient } from '../http-client.ts';
import { lacksPermissions } from '../translate-error.ts';
import { type KnownAsset, parseMediaTypes, parseUpload, parseUploadCheck } from './change-answers.ts';
import type { ReceivedFile } from './upload-folder.ts';
import { uploadForm } from './upload-form.ts';

/** An asset of Immich that has the bytes of an upload. */
export interface UploadedAsset {
  readonly id: string;
  /** Immich did not have these bytes before: they came from here. */
  readonly isNew: boolean;
  /** Immich has said by itself that it has just these bytes. */
  readonly isKnown: boolean;
  readonly isTrashed: boolean;
}

/** As what bytes are sent. */
export interface UploadName {
  readonly name: string;
  /** Since 1970. */
  readonly modifiedMs: number;
  /** No client has told that time: it is the one at which they came. */
  readonly isModifiedNow: boolean;
}

/** What came of sending bytes: what Immich answered, or, where no answer came, what it has. */
type Sent =
  | { readonly isAnswered: true; readonly id: string; readonly isNew: boolean }
  | { readonly isAnswered: false; readonly arrived: KnownAsset };

/** So long it counts what the server said of its media types, and of the key. */
const REMEMBERED_MS = 60_000;

/** Brings bytes to Immich. Whatever can be refused is refused before any are sent. */
export class Uploads {
  readonly #client: ImmichClient;
  readonly #mediaTypes: Remembered<ReadonlySet<string>>;
  readonly #permissions: Remembered<readonly string[] | null>;

  constructor(client: ImmichClient) {
    this.#client = client;
    this.#mediaTypes = new Remembered((call) => this.#askMediaTypes(call));
    this.#permissions = new Remembered((call) => this.#askPermissions(call));
  }

  /** Rejects `denied`, naming what is missing, where the server tells what the key may do (1.139 and later). */
  async requirePermissions(names: readonly string[], call: Call): Promise<void> {
    const granted = await this.#permissions.get(call);
    if (granted === null || granted.includes('all')) return;
    const missing = names.filter((name) => !granted.includes(name));
    if (missing.length > 0) throw new CodedError('denied', lacksPermissions(missing));
  }

  /** Rejects `denied` for a file that the server would not take by its name. */
  async checkExtension(name: string, call: Call): Promise<void> {
    const extension = extname(name).toLowerCase();
    if ((await this.#mediaTypes.get(call)).has(extension)) return;
    const kind = extension === '' ? 'files without an extension' : `files ending in ${extension}`;
    throw new CodedError('denied', `Immich takes photos and videos, and no ${kind}.`);
  }

  async bring(file: ReceivedFile, named: UploadName, call: WriteCall): Promise<UploadedAsset> {
    const known = await this.#find(file.sha1, call);
    if (known !== null) return { ...known, isNew: false, isKnown: true };
    // Nobody else sends anything under this.
    const uploadId = `mediadav-${randomUUID()}`;
    const sent = await this.#sendSurely(file, named, uploadId, call);
    if (sent.isAnswered) {
      const { id, isNew } = sent;
      if (isNew) return { id, isNew, isKnown: false, isTrashed: false };
      // Somebody else was faster; only the check tells of the trash.
      const found = await this.#find(file.sha1, call);
      return { ...(found ?? { id, isTrashed: false }), isNew, isKnown: found !== null };
    }
    const { id, isTrashed } = sent.arrived;
    return { id, isTrashed, isKnown: true, isNew: await this.#isSentAs(id, named, uploadId, call) };
  }

  /**
   * Rejects `unavailable` unless Immich has stored just the bytes with this checksum: it compares nothing with what was
   * sent, and the only other copy may be about to go.
   * @param sha1 lower-case hexadecimal.
   */
  async requireIntact(assetId: string, sha1: string, call: Call): Promise<void> {
    if (contentHashOf(await this.#read(assetId, call)) === sha1) return;
    throw new CodedError('unavailable', 'The file did not reach Immich as it was sent: send it again.');
  }

  async #find(sha1: string, call: Call): Promise<KnownAsset | null> {
    return await call.attempt((signal) => this.#findOnce(sha1, signal));
  }

  async #findOnce(sha1: string, signal: AbortSignal): Promise<KnownAsset | null> {
    const body = { assets: [{ id: sha1, checksum: sha1 }] };
    const request = { method: 'POST', path: '/assets/bulk-upload-check', what: 'this check', body } as const;
    return parseUploadCheck(await this.#client.change(request, signal));
  }

  /** An answer may be lost although the bytes have come, and gigabytes are not sent twice for that. */
  async #sendSurely(file: ReceivedFile, named: UploadName, uploadId: string, call: WriteCall): Promise<Sent> {
    let isFirst = true;
    try {
      return await call.attempt(async (signal) => {
        const arrived = isFirst ? null : await this.#findOnce(file.sha1, signal);
        if (arrived !== null) return { isAnswered: false, arrived };
        isFirst = false;
        const answer = await this.#send(file, named, uploadId, call.signal);
        return { isAnswered: true, ...parseUpload(answer) };
      });
    } catch (error) {
      if (!isTransient(error)) throw error;
      // Who cannot ask either does not know; the first failure is the one to tell of.
      const arrived = await this.#find(file.sha1, call).catch(() => null);
      if (arrived === null) throw error;
      return { isAnswered: false, arrived };
    }
  }

  async #send(
    file: ReceivedFile,
    { name, modifiedMs }: UploadName,
    uploadId: string,
    signal: AbortSignal,
  ): Promise<unknown> {
    const time = new Date(modifiedMs).toISOString();
    const form = uploadForm(
      {
        // Required up to 2.x, and ignored later.
        deviceAssetId: uploadId,
        deviceId: 'mediadav',
        fileCreatedAt: time,
        fileModifiedAt: time,
        filename: name,
      },
      name,
    );
    const upload = {
      path: '/assets',
      contentType: form.contentType,
      contentLength: form.head.length + file.sizeBytes + form.tail.length,
      open: () => file.readBetween(form.head, form.tail),
    };
    return await this.#client.upload(upload, signal);
  }

  /**
   * Did these bytes come from here, and not from a phone that was faster? Up to 2.x Immich keeps our own name of the upload. Later
   * only the time can tell, if it is this moment's, to the millisecond: with the time of the file a phone sends the same. Who
   * cannot know leaves it alone.
   */
  async #isSentAs(
    assetId: string,
    { name, modifiedMs, isModifiedNow }: UploadName,
    uploadId: string,
    call: Call,
  ): Promise<boolean> {
    const { originalFileName, fileModifiedAt, deviceAssetId } = await this.#read(assetId, call);
    if (deviceAssetId !== null) return deviceAssetId === uploadId;
    return (
      isModifiedNow && originalFileName === name && parseTime(fileModifiedAt ?? '') === Math.trunc(modifiedMs)
    );
  }

  async #read(assetId: string, call: Call): Promise<ImmichAsset> {
    const path = `/assets/${encodeURIComponent(assetId)}`;
    const request = { method: 'GET', path, what: 'this photo' } as const;
    return parseAsset(await call.attempt((signal) => this.#client.readJson(request, signal)));
  }

  async #askMediaTypes(call: Call): Promise<ReadonlySet<string>> {
    const request = { method: 'GET', path: '/server/media-types', what: 'its media types' } as const;
    return parseMediaTypes(await call.attempt((signal) => this.#client.readJson(request, signal)));
  }

  /** Null where it is not told. */
  async #askPermissions(call: Call): Promise<readonly string[] | null> {
    const request = { method: 'GET', path: '/api-keys/me', what: 'this API key' } as const;
    try {
      return parseKeyPermissions(await call.attempt((signal) => this.#client.readJson(request, signal)));
    } catch (error) {
      // Before 1.139 `me` is taken for an id.
      if (codeOf(error) === 'not-found' || codeOf(error) === 'denied') return null;
      throw error;
    }
  }
}

/** An answer that is asked for again after a while. */
class Remembered<T> {
  readonly #ask: (call: Call) => Promise<T>;
  #last: { readonly value: T; readonly atMs: number } | null = null;

  constructor(ask: (call: Call) => Promise<T>) {
    this.#ask = ask;
  }

  async get(call: Call): Promise<T> {
    const nowMs = performance.now();
    if (this.#last !== null && nowMs - this.#last.atMs < REMEMBERED_MS) return this.#last.value;
    const value = await this.#ask(call);
    this.#last = { value, atMs: nowMs };
    return value;
  }
}
