import { CodedError } from '../model/coded-error.ts';
import type { WritePlace } from '../vfs/write-place.ts';

/**
 * Refuses a place that would be listed by another path, to those who work with locks: davfs2 compares the paths of what it has
 * locked with the next listing, byte by byte, and when one is not there, gives up what was still to be uploaded. So
 * neither may the folder be another, nor the Unicode form. Others find what they have written by either name.
 * @throws CodedError `denied`.
 */
export async function checkShownAsNamed(place: WritePlace): Promise<void> {
  const shown = `${await place.shownPath()}`;
  if (shown === `${place.path}`) return;
  const text = `With a lock on it this needs the name that it would be shown by, which is "${shown}".`;
  throw new CodedError('denied', text);
}
