import type { AssetFacts } from '../../src/model/asset.ts';
import type { ImmichAsset } from './api-answers.ts';
import { assetFactsOf, isArchived, isShown, knownSizeOf } from './asset-facts.ts';
import type { AssetSink } from './eras/era.ts';
import { FactSpool } from './fact-spool.ts';
import { type Rendition, renditionName, renditionOf } from './rendition.ts';

/** What of an album is shown, and how. */
export interface AssetChoice {
  readonly rendition: Rendition;
  readonly showsArchived: boolean;
  readonly showsLiveVideos: boolean;
  /** Assets that stand behind another one in a stack and are not to be shown. */
  readonly stackedBehind: ReadonlySet<string>;
  readonly accepts: (name: string) => boolean;
}

/**
 * What one reading of an album finds, as facts from the first moment: 100,000 answers as they come would take 200 MB.
 * Only those that need a request of their own are held as they came.
 */
export class AlbumAssets implements AssetSink {
  readonly facts = new FactSpool();
  readonly pending: ImmichAsset[] = [];
  readonly badDates: string[] = [];
  shownCount = 0;
  readonly #choice: AssetChoice;
  readonly #known = new Set<string>();

  constructor(choice: AssetChoice) {
    this.#choice = choice;
  }

  take(asset: ImmichAsset): void {
    if (this.#known.has(asset.id)) return;
    this.#known.add(asset.id);
    if (!isShown(asset)) return;
    this.shownCount += 1;
    const { rendition: wanted, showsLiveVideos } = this.#choice;
    const rendition = renditionOf(asset, wanted);
    if (!this.#isChosen(asset, rendition)) return;
    const sizeBytes = rendition === 'original' ? knownSizeOf(asset) : null;
    if (sizeBytes === null || (showsLiveVideos && asset.livePhotoVideoId !== null)) this.pending.push(asset);
    if (sizeBytes !== null) this.add(asset, sizeBytes, rendition);
  }

  /** @param sizeBytes of the rendition. */
  add(asset: ImmichAsset, sizeBytes: number, rendition: Rendition): void {
    const { facts, hasBadDate } = assetFactsOf(asset, sizeBytes, rendition);
    if (hasBadDate) this.badDates.push(asset.originalFileName);
    this.facts.add(facts);
  }

  get showsLiveVideos(): boolean {
    return this.#choice.showsLiveVideos;
  }

  /** The video of a live photo, under the name it is shown by. */
  addVideo(facts: AssetFacts): void {
    if (this.#choice.accepts(facts.ref.path)) this.facts.add(facts);
  }

  #isChosen(asset: ImmichAsset, rendition: Rendition): boolean {
    const { showsArchived, stackedBehind, accepts } = this.#choice;
    if (stackedBehind.has(asset.id) || (!showsArchived && isArchived(asset))) return false;
    const { originalFileName: name } = asset;
    return accepts(rendition === 'original' ? name : renditionName(name));
  }
}
