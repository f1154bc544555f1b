import { CodedError, messageOf } from '../../../src/model/coded-error.ts';
import { apiMessageOf, type ErrorAnswer, FailedAnswer, translateAnswer } from '../translate-error.ts';

/**
 * An answer to a request that was to change something, and was refused. Immich says 400 for most of it: `no-space` for a
 * used up quota, `denied` for what it does not take, `not-found` for what is not there or may not be changed.
 * @param what what was to be changed, completing "Immich does not have …".
 */
export function translateWriteAnswer(answer: ErrorAnswer, what: string): CodedError {
  const { status } = answer;
  const message = apiMessageOf(answer.text);
  const options = { cause: new FailedAnswer(answer) };
  if (status === 507 || (status === 400 && /\bquota\b/i.test(message ?? ''))) {
    return new CodedError('no-space', 'The quota of the Immich account is used up.', options);
  }
  if (status === 413) {
    return new CodedError(
      'too-large',
      'A proxy in front of Immich lets no file of this size through.',
      options,
    );
  }
  const isRefused = status === 400 && message !== null && !message.startsWith('Not found or no ');
  if (isRefused && message !== 'Album not found') {
    return new CodedError('denied', `Immich does not take it: ${message.slice(0, 200)}`, options);
  }
  return translateAnswer(answer, what);
}

/** Something failed halfway that may heal: who writes learns how far it came, and when to come back. */
export function notYet(text: string, cause: unknown): CodedError {
  const retryAfterMs = cause instanceof CodedError ? cause.retryAfterMs : undefined;
  return new CodedError('unavailable', text, {
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What was begun before `error` came could not be undone, because of `second`. */
export function notUndone(error: unknown, second: unknown): CodedError {
  return notYet(`${messageOf(error)} What was begun could not be undone: ${messageOf(second)}`, second);
}
