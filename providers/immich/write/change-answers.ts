import { CodedError } from '../../../src/model/coded-error.ts';

/** What Immich says of one asset that was to be put into an album, or taken out. */
export type ItemError = 'duplicate' | 'no_permission' | 'not_found' | 'unknown';

/** The asset that has these bytes already. */
export interface KnownAsset {
  readonly id: string;
  readonly isTrashed: boolean;
}

const ID = /^[\w-]{1,64}$/;
const ITEM_ERRORS: readonly string[] = ['duplicate', 'no_permission', 'not_found'] satisfies ItemError[];

/** Of `bulk-upload-check` with one checksum; null: Immich does not have these bytes. */
export function parseUploadCheck(body: unknown): KnownAsset | null {
  const [result] = listOf(fieldOf(body, 'results'));
  if (fieldOf(result, 'action') === 'accept') return null;
  const id = fieldOf(result, 'assetId');
  if (!isId(id)) throw strange('a check for duplicates');
  return { id, isTrashed: fieldOf(result, 'isTrashed') === true };
}

/** Of an upload. */
export function parseUpload(body: unknown): { readonly id: string; readonly isNew: boolean } {
  const id = fieldOf(body, 'id');
  if (!isId(id)) throw strange('an upload');
  return { id, isNew: fieldOf(body, 'status') !== 'duplicate' };
}

/** Of adding one asset to an album or removing it; null: done. The status is 200 also when nothing was. */
export function parseItemError(body: unknown, assetId: string): ItemError | null {
  const result = listOf(body).find((each) => fieldOf(each, 'id') === assetId);
  if (result === undefined) throw strange('a change of an album');
  if (fieldOf(result, 'success') === true) return null;
  const error = fieldOf(result, 'error');
  return ITEM_ERRORS.includes(String(error)) ? (error as ItemError) : 'unknown';
}

/** Extensions with their dot, in lower case, of what Immich takes as a photo or video. */
export function parseMediaTypes(body: unknown): ReadonlySet<string> {
  const extensions = ['image', 'video'].flatMap((kind) => listOf(fieldOf(body, kind)));
  if (extensions.length === 0) throw strange('its media types');
  return new Set(extensions.map((extension) => String(extension).toLowerCase()));
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

function strange(what: string): CodedError {
  return new CodedError('unavailable', `Immich answered ${what} in a form that mediadav does not know.`);
}
