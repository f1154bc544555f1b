import { CodedError, type ErrorCode } from '../../../src/model/coded-error.ts';
import { errnoOf, translateFileError } from '../translate-error.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
}

const DENIED: Meaning = { code: 'denied', message: 'This server may not change that on its disk.' };

/** What differs from reading. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: { code: 'denied', message: 'The disk is read-only.' },
  EBUSY: { code: 'denied', message: 'It is in use, perhaps another disk is mounted there.' },
  ENOTEMPTY: { code: 'exists', message: 'Something of that name is there already.' },
  EISDIR: { code: 'exists', message: 'A folder of that name is there.' },
  EFBIG: { code: 'too-large', message: 'The disk does not hold files of that size.' },
  EINVAL: { code: 'invalid', message: 'The disk does not take that name.' },
  EILSEQ: { code: 'invalid', message: 'The disk does not take that name.' },
};

/** As `translateFileError`, for what was to be changed. */
export function translateWriteError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const meaning = MEANINGS[errnoOf(error)];
  if (meaning === undefined) return translateFileError(error);
  return new CodedError(meaning.code, meaning.message, { cause: error });
}
