import type { AssetFacts } from '../../src/model/asset.ts';
import { CodedError, messageOf } from '../../src/model/coded-error.ts';
import type { Held } from '../../src/provider/provider.ts';
import type { AlbumAssets } from './album-assets.ts';
import type { ImmichAsset } from './api-answers.ts';
import { assetFactsOf, knownSizeOf } from './asset-facts.ts';
import { liveVideoName, type Rendition, renditionOf } from './rendition.ts';
import { Slots } from './slots.ts';
import { asksToWait } from './translate-error.ts';

/** Requests for single assets at once. */
const REQUESTS_AT_ONCE = 4;
/** After so many assets of one album that could not be asked for, the others are not. */
const MAX_FAILURES = 20;
const CONTENT_HASH = /^[0-9a-f]{40}$/;

export interface DetailRequests {
  readonly held: Held;
  /** The size of a rendition, by HEAD; null when none may be read, which is told once for all of them. */
  readonly askSize: (asset: ImmichAsset, rendition: Rendition) => Promise<number | null>;
  readonly askAsset: (id: string) => Promise<ImmichAsset>;
  readonly warn: (reason: string, name: string) => void;
}

/**
 * What an album answer does not tell of an asset: sizes, and the hidden videos of live photos. What is held of an earlier
 * reading is taken over, so each asset is asked for once.
 */
export class AssetDetails {
  readonly #rendition: Rendition;
  readonly #requests: DetailRequests;
  readonly #slots = new Slots(REQUESTS_AT_ONCE);
  /** One asset may be in several albums: it is told with equal facts. */
  readonly #sizes = new Map<string, Promise<number | null>>();
  readonly #videos = new Map<string, Promise<AssetFacts | null>>();

  constructor(rendition: Rendition, requests: DetailRequests) {
    this.#rendition = rendition;
    this.#requests = requests;
  }

  /**
   * Finds out what is pending. @returns whether everything could be.
   * @throws CodedError when the server asks to wait, or the scan has ended.
   */
  async complete(found: AlbumAssets): Promise<boolean> {
    const waiting = found.pending.values();
    let failures = 0;
    let isComplete = true;
    const work = async () => {
      for (const asset of waiting) {
        try {
          if (failures >= MAX_FAILURES) throw new CodedError('unavailable', 'Too many others failed.');
          isComplete = (await this.#complete(found, asset)) && isComplete;
        } catch (error) {
          if (!(error instanceof CodedError) || error.code === 'cancelled' || asksToWait(error)) throw error;
          failures += 1;
          isComplete = false;
          this.#requests.warn(`an asset of unknown size: ${messageOf(error)}`, asset.originalFileName);
        }
      }
    };
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, work));
    return isComplete;
  }

  async #complete(found: AlbumAssets, asset: ImmichAsset): Promise<boolean> {
    const rendition = renditionOf(asset, this.#rendition);
    let isComplete = true;
    if (rendition !== 'original' || knownSizeOf(asset) === null) {
      const sizeBytes = await once(this.#sizes, asset.id, () => this.#sizeOf(asset, rendition));
      if (sizeBytes !== null) found.add(asset, sizeBytes, rendition);
      isComplete = sizeBytes !== null;
    }
    const { livePhotoVideoId: videoId } = asset;
    if (videoId === null || !found.showsLiveVideos) return isComplete;
    const name = liveVideoName.bind(null, asset.originalFileName);
    const video = await once(this.#videos, videoId, () => this.#videoOf(videoId, name));
    if (video !== null) found.addVideo(video);
    return isComplete && video !== null;
  }

  async #sizeOf(asset: ImmichAsset, rendition: Rendition): Promise<number | null> {
    const held = await this.#requests.held.factsOf(asset.id);
    if (held !== null && assetFactsOf(asset, held.sizeBytes, rendition).facts.version === held.version) {
      return held.sizeBytes;
    }
    return this.#slots.run(() => this.#requests.askSize(asset, rendition));
  }

  /** The video of a live photo lives and dies with it, and its bytes never change under its id. */
  async #videoOf(id: string, nameBeside: (videoName: string) => string): Promise<AssetFacts | null> {
    const { held, askAsset, askSize } = this.#requests;
    const told = await held.factsOf(id);
    if (told !== null && CONTENT_HASH.test(told.version)) return { ...told, livePhotoId: id };
    const asset = await this.#slots.run(() => askAsset(id));
    if (asset.isTrashed || asset.visibility === 'locked') return null;
    const sizeBytes = knownSizeOf(asset) ?? (await this.#slots.run(() => askSize(asset, 'original')));
    if (sizeBytes === null) return null;
    const { facts } = assetFactsOf(asset, sizeBytes);
    return { ...facts, ref: { id, path: nameBeside(asset.originalFileName) } };
  }
}

function once<T>(asked: Map<string, Promise<T>>, id: string, ask: () => Promise<T>): Promise<T> {
  const answer = asked.get(id) ?? ask();
  asked.set(id, answer);
  return answer;
}
