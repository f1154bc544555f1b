import type { Readable } from 'node:stream';
import { setImmediate as breathe } from 'node:timers/promises';
import { JSONParser } from '@streamparser/json';
import { CodedError } from '../../src/model/coded-error.ts';

/** What to take out of a JSON answer while it arrives. Paths as `@streamparser/json` has them: `$.assets`. */
export interface ItemRequest {
  /** The list whose entries are wanted. */
  readonly list: string;
  /** Single values that are wanted too. */
  readonly values: readonly string[];
}

/** Bytes parsed in one go: a few milliseconds. */
const SLICE_BYTES = 32 * 1024;

/**
 * Reads JSON of any length, handing out the entries of one list as they come, and holds up nothing else meanwhile. A
 * list that is not there hands out nothing.
 * @returns the single values that were there, by path.
 * @throws CodedError `unavailable` when it is cut off or is not JSON, `too-large` above `maxBytes`, and whatever the
 *   body ends with.
 */
export async function readJsonItems(
  body: Readable,
  wanted: ItemRequest,
  take: (entry: unknown) => void,
  maxBytes: number,
): Promise<ReadonlyMap<string, unknown>> {
  // The list itself must not be among the paths: it would be kept as a whole then.
  const parser = new JSONParser({ paths: [`${wanted.list}.*`, ...wanted.values], keepStack: false });
  const values = new Map<string, unknown>();
  parser.onValue = ({ value, key, stack }) => {
    const parent = ['$', ...stack.slice(1).map((entry) => entry.key)].join('.');
    if (parent === wanted.list) take(value);
    else values.set(`${parent}.${key}`, value);
  };
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new CodedError('too-large', 'Immich answered with more data than mediadav takes in.');
      }
      for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
        parser.write(chunk.subarray(at, at + SLICE_BYTES));
        await breathe();
      }
    }
    if (!parser.isEnded) parser.end();
    if (!parser.isEnded) throw new Error('the text ended too early');
  } catch (error) {
    throw error instanceof CodedError ? error : notJson(error, bytes);
  } finally {
    body.destroy();
  }
  return values;
}

/** A parser's error quotes what it could not read, and an answer may hold people's names and places. */
export function notJson(error: unknown, length: number): CodedError {
  const cause = new Error(`not JSON, ${length} characters`);
  cause.name = error instanceof Error ? error.name : 'Error';
  return new CodedError('unavailable', 'An answer of Immich was cut off or is not JSON.', { cause });
}
