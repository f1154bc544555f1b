import { setImmediate as breathe } from 'node:timers/promises';
import type { AssetFacts } from '../../src/model/asset.ts';
import { CodedError, messageOf } from '../../src/model/coded-error.ts';
import type { ImmichAlbum, ImmichAsset } from './api-answers.ts';
import { assetFactsOf, isShown, knownSizeOf } from './asset-facts.ts';
import type { AlbumReading, Ask, Era } from './eras/era.ts';
import { asksToWait } from './translate-error.ts';

/** An album as far as it could be read. */
export interface AlbumContent {
  readonly album: ImmichAlbum;
  /** By time, then id, so that a fresh catalog always hands out the same names. */
  readonly assets: readonly AssetFacts[];
  /** False: something of it could not be read, so what is not in `assets` may still exist. */
  readonly isComplete: boolean;
}

/** What the reading of albums needs of the scan it is part of. */
export interface AlbumReader {
  readonly era: Era;
  readonly ask: Ask;
  /** The size of an original, by HEAD; null when no original may be read, which is told once for all of them. */
  readonly askSize: (asset: ImmichAsset) => Promise<number | null>;
  readonly accepts: (name: string) => boolean;
  readonly warn: (reason: string, name: string) => void;
}

/** Facts made in one go; 100,000 would hold up everything else for half a second. */
const FACTS_AT_ONCE = 1_000;
const SIZES_AT_ONCE = 4;
/** After so many sizes of one album that could not be had, the others are not asked for. */
const MAX_SIZE_FAILURES = 20;

/**
 * Reads one album, and once more when what came does not have as many assets as the album says: it may just have changed.
 * @throws CodedError when the album cannot be read at all.
 */
export async function readAlbum(reader: AlbumReader, listed: ImmichAlbum): Promise<AlbumContent> {
  const { era, ask } = reader;
  let album = listed;
  let reading = await era.readAlbum(ask, album);
  if (!isConsistent(reading)) {
    album = await era.readHeader(ask, album.id);
    reading = await era.readAlbum(ask, album);
  }
  if (!isConsistent(reading)) {
    reader.warn('an album whose assets do not match its count', album.albumName);
    return { album, assets: [], isComplete: false };
  }
  return { album, ...(await readFacts(reader, reading.assets)) };
}

function isConsistent(reading: AlbumReading): boolean {
  return reading.assets.filter(isShown).length === reading.assetCount;
}

async function readFacts(
  reader: AlbumReader,
  assets: readonly ImmichAsset[],
): Promise<{ assets: AssetFacts[]; isComplete: boolean }> {
  const shown = assets.filter((asset) => isShown(asset) && reader.accepts(asset.originalFileName));
  const sizes = await readSizes(
    reader,
    shown.filter((asset) => knownSizeOf(asset) === null),
  );
  const facts: AssetFacts[] = [];
  for (const asset of shown) {
    const sizeBytes = knownSizeOf(asset) ?? sizes.get(asset.id);
    if (sizeBytes === undefined) continue;
    const read = assetFactsOf(asset, sizeBytes);
    if (read.hasBadDate) reader.warn('an asset with a time that makes no sense', asset.originalFileName);
    facts.push(read.facts);
    if (facts.length % FACTS_AT_ONCE === 0) await breathe();
  }
  facts.sort(byTime);
  return { assets: facts, isComplete: facts.length === shown.length };
}

/**
 * Sizes by asset id. Those that cannot be had are missing, and told as a warning.
 * @throws CodedError when the server asks to wait, or the scan has ended.
 */
async function readSizes(reader: AlbumReader, assets: readonly ImmichAsset[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const waiting = assets.values();
  let failures = 0;
  const ask = async () => {
    for (const asset of waiting) {
      try {
        if (failures >= MAX_SIZE_FAILURES) throw new CodedError('unavailable', 'Too many others failed.');
        const sizeBytes = await reader.askSize(asset);
        if (sizeBytes !== null) sizes.set(asset.id, sizeBytes);
      } catch (error) {
        if (!(error instanceof CodedError) || error.code === 'cancelled' || asksToWait(error)) throw error;
        failures += 1;
        reader.warn(`an asset of unknown size: ${messageOf(error)}`, asset.originalFileName);
      }
    }
  };
  await Promise.all(Array.from({ length: SIZES_AT_ONCE }, ask));
  return sizes;
}

function byTime(left: AssetFacts, right: AssetFacts): number {
  const difference = (left.createdMs ?? 0) - (right.createdMs ?? 0);
  if (difference !== 0) return difference;
  return left.ref.id < right.ref.id ? -1 : 1;
}
