import { CodedError, messageOf } from '../../../src/model/coded-error.ts';
import type { WriteCall } from '../../../src/provider/provider.ts';
import { refusesKey } from '../translate-error.ts';

/** What is left for a request when others of the same write have used up what there was. */
const LAST_SHARE = 4;
/** So many requests may take all of their time. */
const SLOW_REQUESTS = 2;

/**
 * The same call, none of whose small requests takes for ever: a server that says nothing, or a byte a second, holds up one
 * write for about four times `requestMs`, and everybody else for no longer. Not for what the request itself bounds, as an
 * upload does: the signal of an attempt is for small ones.
 *
 * A key that Immich does not know any more is a matter of the settings, not of who writes: `unavailable`.
 */
export function patientCall(call: WriteCall, requestMs: number): WriteCall {
  let leftMs = SLOW_REQUESTS * requestMs;
  const attempt: WriteCall['attempt'] = async (work) => {
    try {
      return await call.attempt(async (signal) => {
        const timeoutMs = Math.ceil(Math.max(requestMs / LAST_SHARE, Math.min(requestMs, leftMs)));
        const deadline = AbortSignal.timeout(timeoutMs);
        try {
          return await work(AbortSignal.any([signal, deadline]));
        } catch (error) {
          if (deadline.aborted) leftMs -= timeoutMs;
          throw error;
        }
      });
    } catch (error) {
      throw refusesKey(error) ? new CodedError('unavailable', messageOf(error), { cause: error }) : error;
    }
  };
  return { ...call, attempt };
}
