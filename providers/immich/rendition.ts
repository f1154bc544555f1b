import type { ImmichAsset } from './api-answers.ts';

/** What of an asset is served, as `IMMICH_RENDITION` has it; not every asset has each. */
export type Rendition = 'original' | 'edited' | 'preview';

/** What stands before the version of what is not the original. */
const MARKS = { edited: 'e-', preview: 'p-' } as const;

/** The rendition that this asset is served in. A preview of a video would be a still, so videos stay what they are. */
export function renditionOf(asset: ImmichAsset, wanted: Rendition): Rendition {
  if (wanted === 'preview' && asset.type === 'IMAGE') return 'preview';
  return wanted === 'edited' && asset.isEdited ? 'edited' : 'original';
}

/**
 * Names one exact rendition; neither has a checksum in the API. Immich writes new ones of an asset when it changes the
 * asset, so its time of change takes part.
 */
export function renditionVersion(
  rendition: Exclude<Rendition, 'original'>,
  sizeBytes: number,
  updatedMs: number,
): string {
  return `${MARKS[rendition]}${sizeBytes.toString(16)}-${updatedMs.toString(16)}`;
}

/** The rendition that a version is one of. */
export function renditionOfVersion(version: string): Rendition {
  if (version.startsWith(MARKS.edited)) return 'edited';
  return version.startsWith(MARKS.preview) ? 'preview' : 'original';
}

/** Both kinds are JPEG files, whatever the original is. */
export function renditionName(originalName: string): string {
  return /\.jpe?g$/i.test(originalName) ? originalName : `${stemOf(originalName)}.jpg`;
}

/** The name of the video of a live photo, beside its still. */
export function liveVideoName(stillName: string, videoName: string): string {
  return `${stemOf(stillName)}${/\.\w{1,8}$/.exec(videoName)?.[0] ?? '.mov'}`;
}

/** Where the bytes are, below `/api`. */
export function renditionPath(assetId: string, rendition: Rendition): string {
  const path = `/assets/${encodeURIComponent(assetId)}`;
  if (rendition === 'preview') return `${path}/thumbnail?size=preview`;
  // Before 2.5 the parameter is ignored, and nothing is edited.
  return rendition === 'edited' ? `${path}/original?edited=true` : `${path}/original`;
}

function stemOf(name: string): string {
  return name.replace(/\.\w{1,8}$/, '');
}
