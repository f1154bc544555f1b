/**
 * Keys whose value follows from the request and the library, so that a real server and the fake must agree on it; of all other
 * values only the kind is compared.
 */
const EXACT = new Set(
  [
    'action albumName assetCount assetId checksum city code count country description duration email endDate error',
    'errors fileCreatedAt fileSizeInByte hasNextPage height isArchived isEdited isFavorite isMotion isTrashed',
    'lat latitude localDateTime localOffsetHours lon make message model name nextPage order orientation',
    'originalFileName originalMimeType ownerId parentId permissions primaryAssetId ratio reason role shared startDate',
    'state status statusCode success timeBucket timeZone total type value version visibility width',
  ].flatMap((line) => line.split(' ')),
);

/** Lists whose order must agree; assets of the same time may come in any order, so it is their times that are compared. */
const ORDER_KEYS = ['fileCreatedAt', 'albumName', 'timeBucket'];
/** By path: the body itself, the content of an album, the result of a search. */
const ORDERED = new Set(['(body)', 'assets', 'assets.items']);

type Path = readonly string[];

/** What is known about a recorded body beside itself. */
export interface Context {
  /** The true length of a list that was trimmed in the recording. */
  readonly lengthOf: (path: string) => number | undefined;
  /** Whether values of `EXACT` keys must agree, too. */
  readonly isExact: boolean;
}

/** What differs between a recorded JSON value and the fake's, as readable lines. */
export function differences(recorded: unknown, own: unknown, context: Context, path: Path = []): string[] {
  const where = path.join('.') || '(body)';
  if (Array.isArray(recorded)) {
    if (!Array.isArray(own)) return [`${where}: expected a list, got ${kindOf(own)}`];
    return listDifferences(recorded, own, context, path);
  }
  if (isRecord(recorded)) {
    if (!isRecord(own)) return [`${where}: expected an object, got ${kindOf(own)}`];
    const keys = [...new Set([...Object.keys(recorded), ...Object.keys(own)])].sort();
    return keys.flatMap((key) => {
      if (!(key in own)) return [`${where}: key ${key} is missing`];
      if (!(key in recorded)) return [`${where}: key ${key} is too many`];
      return differences(recorded[key], own[key], context, [...path, key]);
    });
  }
  const isSameKind = kindOf(recorded) === kindOf(own);
  if (isSameKind && (recorded === own || !context.isExact || !isExactKey(path))) return [];
  const described = (value: unknown) => `${JSON.stringify(value)} (${kindOf(value)})`;
  return [`${where}: expected ${described(recorded)}, got ${described(own)}`];
}

/** In lists it is the key of the list that counts. Below `errors` everything must agree. */
function isExactKey(path: Path): boolean {
  return path.includes('errors') || EXACT.has(path.findLast((key) => !/^\d+$/.test(key)) ?? '');
}

function listDifferences(
  recorded: readonly unknown[],
  own: readonly unknown[],
  context: Context,
  path: Path,
): string[] {
  const where = path.join('.') || '(body)';
  const length = context.lengthOf(where) ?? recorded.length;
  if (own.length !== length) return [`${where}: expected ${length} entries, got ${own.length}`];
  for (const key of ORDERED.has(where) ? ORDER_KEYS : []) {
    const order = (list: readonly unknown[]) =>
      list.slice(0, recorded.length).map((entry) => (isRecord(entry) ? entry[key] : null));
    if (JSON.stringify(order(recorded)) !== JSON.stringify(order(own))) {
      return [`${where}: order by ${key}: expected ${order(recorded)}, got ${order(own)}`];
    }
  }
  return recorded.flatMap((entry, index) => {
    const at = placeOf(entry, index, own);
    const isExact = context.isExact && at !== undefined;
    return differences(entry, own[at ?? index], { ...context, isExact }, [...path, String(index)]);
  });
}

/** Where the fake has the same entry. Undefined: not in this list, since on this page assets of the same time came otherwise. */
function placeOf(entry: unknown, index: number, own: readonly unknown[]): number | undefined {
  const idAt = (other: unknown) => (isRecord(other) ? other.id : undefined);
  const id = idAt(entry);
  if (id === undefined || idAt(own[index]) === id) return index;
  const at = own.findIndex((other) => idAt(other) === id);
  if (at !== -1) return at;
  return own.some((other) => isRecord(other) && 'fileCreatedAt' in other) ? undefined : index;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The kind of a value; for a moment, how it is written. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (typeof value !== 'string') return typeof value;
  const time = /^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/.exec(value);
  if (time === null) return 'text';
  const [, clock, fraction = '', zone = 'no zone'] = time;
  const digits = fraction.length > 3 ? 'microseconds' : fraction === '' ? 'seconds' : 'milliseconds';
  return `time in ${digits}, ${zone}${clock === '00:00:00' ? ', midnight' : ''}`;
}
