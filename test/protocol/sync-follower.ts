import { readMultistatus, readSyncAnswer } from './dav-multistatus.ts';
import { ask, propfind, type WireAnswer } from './dav-wire.ts';

export interface SyncAsk {
  readonly token?: string;
  /** Absent: no element at all. */
  readonly level?: '1' | 'infinite';
  readonly limit?: number;
  /** Elements in the prop element. */
  readonly prop?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const PROPERTIES = '<D:getetag/><D:resourcetype/>';

/** One sync-collection REPORT. */
export function sync(port: number, path: string, options: SyncAsk = {}): Promise<WireAnswer> {
  const { token = '', level, limit, prop = PROPERTIES, headers = {} } = options;
  const levelText = level === undefined ? '' : `<D:sync-level>${level}</D:sync-level>`;
  const limitText = limit === undefined ? '' : `<D:limit><D:nresults>${limit}</D:nresults></D:limit>`;
  const body =
    `<?xml version="1.0" encoding="utf-8"?><D:sync-collection xmlns:D="DAV:"><D:sync-token>${token}</D:sync-token>` +
    `${levelText}${limitText}<D:prop>${prop}</D:prop></D:sync-collection>`;
  return ask(port, path, { method: 'REPORT', headers, body });
}

/** Href to ETag of everything below a collection, read by PROPFIND. */
export async function treeBelow(port: number, path: string): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  const waiting = [path];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const answer = await propfind(port, next, { headers: { Depth: '1' } });
    if (answer.status !== 207) throw new Error(`${next} was answered ${answer.status}`);
    for (const { href, found } of readMultistatus(answer.body).slice(1)) {
      tree.set(href, found.get('getetag') ?? '');
      if (href.endsWith('/')) waiting.push(href);
    }
  }
  return tree;
}

/** A client that keeps a copy of a tree and knows of it only what REPORTs have told. */
export class SyncFollower {
  readonly #port: number;
  readonly #path: string;
  readonly #options: Pick<SyncAsk, 'level' | 'limit'>;
  readonly #etags = new Map<string, string>();
  #token = '';
  /** How often it had to begin anew. */
  restarts = 0;
  /** Responses it has been sent since it last began. */
  responses = 0;

  constructor(port: number, path: string, options: Pick<SyncAsk, 'level' | 'limit'>) {
    this.#port = port;
    this.#path = path;
    this.#options = options;
  }

  async follow(): Promise<void> {
    for (let isCut = true; isCut; ) {
      const answer = await sync(this.#port, this.#path, { token: this.#token, ...this.#options });
      if (answer.status === 403 && answer.text.includes('<D:valid-sync-token/>') && this.#token !== '') {
        this.restarts += 1;
        this.responses = 0;
        this.#token = '';
        this.#etags.clear();
        continue;
      }
      if (answer.status !== 207) throw new Error(`the REPORT was answered ${answer.status}: ${answer.text}`);
      isCut = this.#take(answer.body);
    }
  }

  /** Files with their ETags; of collections, whose ETags change without a change of their own, the hrefs alone. */
  tree(): Map<string, string> {
    return comparable(this.#etags);
  }

  /** @returns whether there is more. */
  #take(body: Buffer): boolean {
    const { responses, token } = readSyncAnswer(body);
    const hrefs = responses.map(({ href }) => href);
    if (new Set(hrefs).size !== hrefs.length) throw new Error('a place was told twice in one answer');
    let isCut = false;
    let told = 0;
    for (const { href, status, found } of responses) {
      if (status === 'HTTP/1.1 507 Insufficient Storage' && href === this.#path) {
        isCut = true;
        continue;
      }
      told += 1;
      if (status === 'HTTP/1.1 404 Not Found') this.#remove(href);
      else if (status !== null) throw new Error(`${href}: ${status}`);
      else this.#etags.set(href, found.get('getetag') ?? '');
    }
    const { limit } = this.#options;
    if (limit !== undefined && told > limit) throw new Error(`${told} responses instead of ${limit}`);
    this.responses += told;
    this.#token = token;
    return isCut;
  }

  #remove(href: string): void {
    for (const known of [...this.#etags.keys()]) {
      if (known === href || (href.endsWith('/') && known.startsWith(href))) this.#etags.delete(known);
    }
  }
}

export function comparable(etags: ReadonlyMap<string, string>): Map<string, string> {
  const entries = [...etags].map(([href, etag]) => [href, href.endsWith('/') ? '' : etag] as const);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
