/** A place on earth in degrees, north and east positive. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

/**
 * The place of an ISO 6709 text as video files hold it: `+48.8584+002.2945+035.000/`, with degrees, or with minutes
 * and seconds right behind them (`+4851.50+00217.67/`). Null for anything else.
 */
export function parseIso6709(text: unknown): Position | null {
  if (typeof text !== 'string') return null;
  const match = /^\s*([+-])(\d{6}|\d{4}|\d{2})(\.\d{1,12})?([+-])(\d{7}|\d{5}|\d{3})(\.\d{1,12})?/.exec(text);
  if (match === null) return null;
  const [, south, latitude = '', latitudeFraction, west, longitude = '', longitudeFraction] = match;
  return {
    latitude: (south === '-' ? -1 : 1) * degreesOf(latitude, latitudeFraction, 2),
    longitude: (west === '-' ? -1 : 1) * degreesOf(longitude, longitudeFraction, 3),
  };
}

/**
 * The place of a `loci` box of 3GPP files: version and flags, language, a name that ends with a zero, the role, then
 * longitude and latitude in 16.16 fixed point.
 */
export function parseLoci(content: Uint8Array): Position | null {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const nameStart = 6;
  const isUtf16 = bytes.length >= nameStart + 2 && bytes.readUInt16BE(nameStart) === 0xfeff;
  const nameEnd = isUtf16 ? bytes.indexOf('\0\0', nameStart + 2, 'latin1') + 1 : bytes.indexOf(0, nameStart);
  const at = nameEnd + 2;
  if (nameEnd < nameStart || at + 8 > bytes.length) return null;
  return { longitude: bytes.readInt32BE(at) / 65536, latitude: bytes.readInt32BE(at + 4) / 65536 };
}

/** @param digitsOfDegrees how many of the digits are degrees; the rest are minutes, then seconds. */
function degreesOf(digits: string, fraction: string | undefined, digitsOfDegrees: number): number {
  const degrees = Number(digits.slice(0, digitsOfDegrees));
  const minutes = Number(digits.slice(digitsOfDegrees, digitsOfDegrees + 2) || 0);
  const seconds = Number(digits.slice(digitsOfDegrees + 2) || 0);
  const unit = digits.length === digitsOfDegrees ? 1 : digits.length === digitsOfDegrees + 2 ? 60 : 3600;
  return degrees + minutes / 60 + seconds / 3600 + Number(fraction ?? 0) / unit;
}
