import type { CaptureTime } from '../model/asset.ts';
import { captureTimeOf, parseInstant, satelliteTimeOf, type TimeClue } from './capture-time.ts';
import type { PictureTags, Tags } from './picture-tags.ts';
import type { Findings } from './sound-facts.ts';
import { XmpValues } from './xmp-values.ts';

/** Texts that only some formats have. */
export interface ExtraTimes {
  /** PNG text `Creation Time`. */
  readonly creationText?: string | null;
  /** PNG `tIME`. */
  readonly changedText?: string | null;
}

/** What the tags of a picture tell of it; its size is told by its header instead. */
export function pictureFacts(tags: PictureTags, extra: ExtraTimes = {}): Findings {
  const xmp = new XmpValues(tags.xmp);
  return {
    ...positionOf(tags.gps, xmp),
    orientation: tags.ifd0.Orientation ?? xmp.value('tiff:Orientation'),
    make: tags.ifd0.Make ?? xmp.value('tiff:Make'),
    model: tags.ifd0.Model ?? xmp.value('tiff:Model'),
    taken: takenOf(tags, xmp, extra),
  };
}

/** Cameras first, then the programs that came after them, then whatever else looks like a date. */
function takenOf(tags: PictureTags, xmp: XmpValues, extra: ExtraTimes): CaptureTime | null {
  const { exif, gps, iptc } = tags;
  const xmpDates = {
    original: xmp.value('exif:DateTimeOriginal'),
    created: xmp.value('photoshop:DateCreated'),
    digitized: xmp.value('xmp:CreateDate'),
  };
  const clocks: TimeClue[] = [
    {
      text: exif.DateTimeOriginal,
      subSeconds: exif.SubSecTimeOriginal,
      offset: exif.OffsetTimeOriginal ?? exif.OffsetTime,
      from: 'exif:DateTimeOriginal',
    },
    {
      text: exif.CreateDate,
      subSeconds: exif.SubSecTimeDigitized,
      offset: exif.OffsetTimeDigitized ?? exif.OffsetTime,
      from: 'exif:DateTimeDigitized',
    },
    { text: xmpDates.original, from: 'xmp:exif:DateTimeOriginal' },
    { text: xmpDates.created, from: 'xmp:photoshop:DateCreated' },
    { text: xmpDates.digitized, from: 'xmp:CreateDate' },
    { text: iptcTime(iptc.DateCreated, iptc.TimeCreated), from: 'iptc:DateCreated' },
    { text: iptcTime(iptc.DigitalCreationDate, iptc.DigitalCreationTime), from: 'iptc:DigitalCreationDate' },
    { text: extra.creationText, from: 'png:Creation Time' },
  ];
  const satelliteMs =
    satelliteTimeOf(gps.GPSDateStamp, gps.GPSTimeStamp) ?? parseInstant(xmp.value('exif:GPSTimeStamp'));
  const taken = captureTimeOf({ clocks, zoned: Object.values(xmpDates), satelliteMs });
  return taken ?? captureTimeOf({ clocks: [{ text: extra.changedText, from: 'png:tIME' }] });
}

/** `20220110` and `151544-0400` as one text. */
function iptcTime(date: unknown, time: unknown): string | null {
  const day = /^(\d{4})(\d{2})(\d{2})$/.exec(`${date ?? ''}`);
  if (day === null) return null;
  const clock = /^(\d{2})(\d{2})(\d{2})([+-]\d{4})?$/.exec(`${time ?? ''}`);
  const [, year, month, dayOfMonth] = day;
  const dayText = `${year}-${month}-${dayOfMonth}`;
  return clock === null ? dayText : `${dayText}T${clock[1]}:${clock[2]}:${clock[3]}${clock[4] ?? ''}`;
}

function positionOf(gps: Tags, xmp: XmpValues): Findings {
  const latitude = degreesOf(gps.GPSLatitude, gps.GPSLatitudeRef, 'N', 'S');
  const longitude = degreesOf(gps.GPSLongitude, gps.GPSLongitudeRef, 'E', 'W');
  if (latitude !== null && longitude !== null) return { latitude, longitude };
  return {
    latitude: xmpDegreesOf(xmp.value('exif:GPSLatitude'), 'N', 'S'),
    longitude: xmpDegreesOf(xmp.value('exif:GPSLongitude'), 'E', 'W'),
  };
}

/** Degrees, minutes and seconds. Without a hemisphere there is no place: half of the guesses would be wrong. */
function degreesOf(given: unknown, ref: unknown, positive: string, negative: string): number | null {
  const parts = Array.isArray(given) ? given : [given];
  const [degrees, minutes = 0, seconds = 0] = parts as unknown[];
  const sign = signOf(ref, positive, negative);
  if (sign === null || !isAmount(degrees) || !isAmount(minutes) || !isAmount(seconds)) return null;
  return sign * (degrees + minutes / 60 + seconds / 3600);
}

/** `40,14.078645N` or `40,14,4N`. */
function xmpDegreesOf(text: string | null, positive: string, negative: string): number | null {
  const match = /^(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])$/.exec(text ?? '');
  if (match === null) return null;
  const parts = [match[1], match[2], match[3] ?? '0'].map(Number);
  return degreesOf(parts, match[4], positive, negative);
}

function signOf(ref: unknown, positive: string, negative: string): 1 | -1 | null {
  const letter = typeof ref === 'string' ? ref.trim().slice(0, 1).toUpperCase() : '';
  if (letter === positive) return 1;
  return letter === negative ? -1 : null;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
