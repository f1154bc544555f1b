import type { Call } from '../provider/provider.ts';

/** How a request came to its end before there was an outcome. */
type Ending = { readonly reason: unknown; readonly isLate: boolean };

/**
 * One request that a client waits for: it ends when the client leaves, or at its deadline. The signal is made when
 * somebody asks for it, because most short requests are over before anybody would, and it costs as much as they do.
 */
export class ClientCall implements Call {
  readonly #client: AbortSignal;
  readonly #leave = () => this.#end({ reason: this.#client.reason, isLate: false });
  readonly #deadline: NodeJS.Timeout;
  #ending: Ending | null = null;
  #controller: AbortController | null = null;
  /** Ends the try that is under way. */
  #reject: (reason: unknown) => void = () => undefined;

  /**
   * @param client aborted when the client leaves.
   * @param lateReason what it ends with at its deadline.
   */
  constructor(client: AbortSignal, timeoutMs: number, lateReason: () => unknown) {
    this.#client = client;
    this.#deadline = setTimeout(() => this.#end({ reason: lateReason(), isLate: true }), timeoutMs);
    client.addEventListener('abort', this.#leave, { once: true });
    if (client.aborted) this.#leave();
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#ending !== null) this.#controller.abort(this.#ending.reason);
    }
    return this.#controller.signal;
  }

  readonly attempt: Call['attempt'] = (work) => work(this.signal);

  /** It has come to its end without the client: there was no answer in time. */
  get isLate(): boolean {
    return this.#ending?.isLate ?? false;
  }

  /**
   * What comes first: the outcome or the end. A call to a disk that hangs cannot be aborted; then the
   * client is told in time, and whatever comes late is let go of by the request itself. One try at a time.
   */
  run<T>(request: (call: Call) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ending !== null) reject(this.#ending.reason);
      this.#reject = reject;
      request(this).then(resolve, reject);
    });
  }

  /** There was an outcome. What was opened by it still ends with the client, if it has the signal. */
  succeed(): void {
    clearTimeout(this.#deadline);
    if (this.#controller === null) this.#client.removeEventListener('abort', this.#leave);
  }

  fail(): void {
    clearTimeout(this.#deadline);
    this.#client.removeEventListener('abort', this.#leave);
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.#controller?.abort(ending.reason);
    this.#reject(ending.reason);
  }
}
