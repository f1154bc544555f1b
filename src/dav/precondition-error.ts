import { CodedError, type ErrorCode } from '../model/coded-error.ts';

/** A condition that a request does not meet, as an element (RFC 4918 section 16). */
export interface FailedCondition {
  /** Local name in `DAV:`, such as `lock-token-submitted`. */
  readonly local: string;
  /** Percent-encoded; the resources it is about. */
  readonly hrefs: readonly string[];
}

/** A refusal that programs can read: it is answered with a `DAV:error` document. */
export class PreconditionError extends CodedError {
  readonly conditions: readonly FailedCondition[];
  /** Where it is not the one that goes with the code. */
  readonly status: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    conditions: readonly FailedCondition[],
    status: number | null = null,
  ) {
    super(code, message);
    this.conditions = conditions;
    this.status = status;
  }

  /** The `DAV:error` document, without a declaration. */
  get xml(): string {
    const elements = this.conditions.map(({ local, hrefs }) => {
      const inner = hrefs.map((href) => `<D:href>${href}</D:href>`).join('');
      return inner === '' ? `<D:${local}/>` : `<D:${local}>${inner}</D:${local}>`;
    });
    return `<D:error xmlns:D="DAV:">${elements.join('')}</D:error>`;
  }
}
