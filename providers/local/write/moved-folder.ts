import { CodedError } from '../../../src/model/coded-error.ts';

/**
 * Why an open folder is not at the path it was opened by: a link led to it, or it was moved in this moment.
 * @param resolved what that path is without links; null: nothing is there.
 */
export function elsewhere(path: string, resolved: string | null): CodedError {
  if (resolved !== null && resolved !== path) return new CodedError('denied', 'A link is in the way.');
  return new CodedError('parent-missing', 'The folder was moved meanwhile.');
}
