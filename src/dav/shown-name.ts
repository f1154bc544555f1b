import { CodedError } from '../model/coded-error.ts';
import type { WritePlace } from '../vfs/write-place.ts';

/**
 * Refuses a place whose name would be shown as another one, to those who work with locks: davfs2 looks for what it has
 * locked in the next listing, and when it is not there under its name, gives up what was still to be uploaded. Others
 * find what they have written by either name.
 * @throws CodedError `denied`.
 */
export function checkShownAsNamed({ path, shownName }: WritePlace): void {
  if (shownName === path.name.normalize('NFC')) return;
  const text = `With a lock on it this needs the name that it would be shown by, which is "${shownName}".`;
  throw new CodedError('denied', text);
}
