import type { CaptureTime } from '../model/asset.ts';
import { captureTimeOf, instantTime } from './capture-time.ts';
import { type Position, parseIso6709, parseLoci } from './geo-text.ts';
import type { Findings } from './sound-facts.ts';

/** Tags of a video as mediabunny gives them: texts, and bytes where it does not know the format. */
export type MovieTags = Readonly<Record<string, unknown>>;

/** Names under which the same thing is kept, the best one first. */
const NAMES = {
  date: ['com.apple.quicktime.creationdate', '©day'],
  location: ['com.apple.quicktime.location.ISO6709', '©xyz', 'location', 'LOCATION'],
  make: ['com.apple.quicktime.make', '©mak', 'com.android.manufacturer'],
  model: ['com.apple.quicktime.model', '©mod', 'com.android.model'],
  livePhotoId: ['com.apple.quicktime.content.identifier'],
} as const;

/** @param creationMs when the file says it was made, in milliseconds since 1970 UTC. */
export function movieTagFindings(
  tags: MovieTags,
  creationMs: number | null,
  creationField: string,
): Findings {
  return {
    ...positionOf(tags),
    make: textOf(tags, NAMES.make),
    model: textOf(tags, NAMES.model),
    livePhotoId: textOf(tags, NAMES.livePhotoId),
    taken: takenOf(tags, creationMs, creationField),
  };
}

/** A phone writes the wall clock with its offset into a tag; everybody else only the instant, or nothing. */
function takenOf(tags: MovieTags, creationMs: number | null, creationField: string): CaptureTime | null {
  for (const name of NAMES.date) {
    const text = textOf(tags, [name]);
    // A bare day is when a song or film came out.
    const taken = /\d:\d/.test(text ?? '')
      ? captureTimeOf({ clocks: [{ text, from: `video:${name}` }] })
      : null;
    if (taken !== null) return taken;
  }
  return creationMs === null ? null : instantTime(creationMs, `video:${creationField}`);
}

function positionOf(tags: MovieTags): Position | null {
  const position = parseIso6709(textOf(tags, NAMES.location));
  if (position !== null) return position;
  return tags.loci instanceof Uint8Array ? parseLoci(tags.loci) : null;
}

function textOf(tags: MovieTags, names: readonly string[]): string | null {
  for (const name of names) {
    const value = tags[name];
    if (typeof value === 'string') return value;
    // Of a `udta` box: length and language, then the text.
    if (value instanceof Uint8Array && value.length > 4)
      return Buffer.from(value.subarray(4, 204)).toString('utf8');
  }
  return null;
}
