import { CodedError, type ErrorCode } from '../../src/model/coded-error.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  ELOOP: 'denied',
  EACCES: 'denied',
  EPERM: 'denied',
  ENAMETOOLONG: 'invalid',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EEXIST: 'exists',
  EROFS: 'denied',
};

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  'not-found': 'The file is not there any more.',
  denied: 'The file may not be read by this server.',
  invalid: 'The name is too long for the disk.',
  'no-space': 'The disk is full.',
  exists: 'Something of that name is there already.',
};

/**
 * An error of the file system as a code. What is not known to be about one file (EIO, ESTALE, EMFILE, a network
 * share that went away) is `unavailable`: waiting may help, and it must never look like a missing file.
 */
export function translateFileError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const code = CODES[errnoOf(error)] ?? 'unavailable';
  return new CodedError(code, SENTENCES[code] ?? 'The disk cannot be read at the moment.', { cause: error });
}

/** Nothing is at that path. */
export function isMissing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

/** The symbolic errno, such as `ENOENT`; `''` for anything else. */
export function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** What reading a folder, or a pipe at a position, fails with. */
export function isUnreadable(error: unknown): boolean {
  return ['EISDIR', 'ESPIPE', 'EINVAL', 'ENXIO'].includes(errnoOf(error));
}
