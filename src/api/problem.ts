import { STATUS_CODES } from 'node:http';
import type { Wording } from '../http/error-status.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** What a client gets instead of an answer (RFC 9457 section 3). */
export interface Problem {
  /** `about:blank`: the status says what kind of problem it is (section 4.2.1). */
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** For programs: the code of src/README.md, such as `cursor-expired`. */
  readonly code: string;
}

/** Failures as problem details. */
export const problemWording: Wording = (answer, code) => {
  const { status, body: detail } = answer;
  const problem: Problem = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail, code };
  return { ...answer, contentType: PROBLEM_TYPE, body: JSON.stringify(problem) };
};
