import type { ServerResponse } from 'node:http';
import type { CatalogReader, DigestAlgorithm } from '../catalog/catalog.ts';
import type { ChangeBell } from '../catalog/change-bell.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Change, ChangePage } from '../model/change.ts';
import { CodedError } from '../model/coded-error.ts';
import { CURSOR_FAILURES, CURSOR_PARAMETER, FEED_HASH } from './feed.ts';
import { FeedShaper } from './feed-node.ts';
import { type ParameterTable, readParameters } from './parameter.ts';
import type { Resource } from './resource.ts';
import type { SourcePlaces } from './source-places.ts';

export interface FeedStreamOptions {
  readonly reader: CatalogReader;
  readonly places: SourcePlaces;
  readonly bell: ChangeBell;
  /** Ends all streams: the server is stopping, and they would hold it up for ever. */
  readonly closing: AbortSignal;
  readonly limits?: Partial<StreamLimits>;
}

export interface StreamLimits {
  /** A reader whose socket takes nothing for this long is cut off. */
  readonly stuckMs: number;
  readonly heartbeatMs: number;
  /** How often the log is looked at when the bell does not ring: another process may have written. */
  readonly pollMs: number;
  /** Streams open at once. */
  readonly maxStreams: number;
}

const LIMITS: StreamLimits = { stuckMs: 10_000, heartbeatMs: 15_000, pollMs: 1_000, maxStreams: 200 };
/** Changes written at a time: what is held in memory for a reader that is slow. */
const PAGE_CHANGES = 100;
const LAST_EVENT_ID: ParameterTable = {
  'Last-Event-ID': {
    type: 'integer',
    description: 'Counts instead of "cursor". Browsers send it when they connect anew.',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
  },
};
/** What browsers wait before they connect anew. */
const RETRY_MS = 2_000;

/** `/api/v1/changes/stream`: changes as they happen, as Server-Sent Events (WHATWG HTML section 9.2). */
export function feedStreamResource(options: FeedStreamOptions): Resource {
  const limits = { ...LIMITS, ...options.limits };
  let openStreams = 0;
  return {
    method: 'GET',
    path: '/api/v1/changes/stream',
    tag: 'Change feed',
    summary: 'Changes as they happen',
    description:
      'Server-Sent Events: the id of each is the cursor behind it, its event is "change", its data a change as in ' +
      '/api/v1/changes. "Last-Event-ID" counts before "cursor". Comments come every 15 seconds; a reader that takes ' +
      'nothing for 10 seconds is cut off and goes on from its last id.',
    query: { cursor: CURSOR_PARAMETER, hash: FEED_HASH },
    headers: LAST_EVENT_ID,
    answers: {
      success: {
        description: 'Events without end.',
        mediaType: 'text/event-stream',
        schema: { type: 'string' },
      },
      failures: { ...CURSOR_FAILURES, 503: 'Too many streams are open.' },
    },
    async handle(exchange, { query }) {
      const cursor = Number(lastEventIdOf(exchange) ?? query.cursor);
      const shaper = new FeedShaper(options.reader, options.places, query.hash as DigestAlgorithm);
      // Before anything is sent: a cursor that cannot be served is a status, not a stream.
      const first = await options.reader.changes(cursor, PAGE_CHANGES);
      if (exchange.req.method === 'HEAD') {
        exchange.res.writeHead(200, HEADERS).end();
        return;
      }
      if (openStreams >= limits.maxStreams) {
        throw new CodedError('unavailable', 'Too many streams are open already.', { retryAfterMs: 30_000 });
      }
      openStreams += 1;
      try {
        await new FeedStream(exchange, shaper, options, limits).run(first);
      } finally {
        openStreams -= 1;
      }
    },
  };
}

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  // nginx would otherwise collect events until it has a few kilobytes of them.
  'X-Accel-Buffering': 'no',
};

/** One reader. */
class FeedStream {
  readonly #res: ServerResponse;
  readonly #shaper: FeedShaper;
  readonly #reader: CatalogReader;
  readonly #bell: ChangeBell;
  readonly #limits: StreamLimits;
  readonly #exchange: Exchange;
  readonly #closing: AbortSignal;
  /** Aborted when the reader leaves, and when the server stops. */
  readonly #end = new AbortController();
  #writtenMs = 0;

  constructor(exchange: Exchange, shaper: FeedShaper, options: FeedStreamOptions, limits: StreamLimits) {
    this.#exchange = exchange;
    this.#res = exchange.res;
    this.#shaper = shaper;
    this.#reader = options.reader;
    this.#bell = options.bell;
    this.#limits = limits;
    this.#closing = options.closing;
  }

  /** Resolves when the reader has left or was cut off, or the server stops. */
  async run(first: ChangePage): Promise<void> {
    const { signal } = this.#exchange;
    const end = (): void => this.#end.abort();
    for (const each of [signal, this.#closing]) each.addEventListener('abort', end, { once: true });
    if (signal.aborted || this.#closing.aborted) end();
    try {
      this.#res.writeHead(200, HEADERS);
      await this.#write(`retry: ${RETRY_MS}\n\n`);
      for (let page = first; !this.#end.signal.aborted; page = await this.#nextPage(page))
        await this.#tell(page);
      if (!this.#res.destroyed) this.#res.end();
    } finally {
      for (const each of [signal, this.#closing]) each.removeEventListener('abort', end);
    }
  }

  async #tell({ changes, cursor, hasMore }: ChangePage): Promise<void> {
    const text = changes.map((change) => this.#eventOf(change)).join('');
    if (text !== '') await this.#write(text);
    if (hasMore || Date.now() - this.#writtenMs < this.#limits.heartbeatMs) return;
    // An id without data is no event, but the reader resumes from it: the log may have grown by what it is not told.
    await this.#write(`: still here\nid: ${cursor}\n\n`);
  }

  #eventOf(change: Change): string {
    const told = this.#shaper.change(change);
    return told === null ? '' : `id: ${change.cursor}\nevent: change\ndata: ${JSON.stringify(told)}\n\n`;
  }

  /** The next page at once when there is more; else after the next ring, or after a while. */
  async #nextPage({ cursor, hasMore }: ChangePage): Promise<ChangePage> {
    if (hasMore) return await this.#reader.changes(cursor, PAGE_CHANGES);
    const turn = new AbortController();
    const wake = (): void => turn.abort();
    const timer = setTimeout(wake, this.#limits.pollMs);
    this.#end.signal.addEventListener('abort', wake, { once: true });
    try {
      // Asked for before the log is read, so that no ring falls in between.
      const rung = this.#bell.wait(turn.signal);
      const page = await this.#reader.changes(cursor, PAGE_CHANGES);
      if (page.cursor !== cursor || this.#end.signal.aborted) return page;
      await rung;
    } finally {
      clearTimeout(timer);
      this.#end.signal.removeEventListener('abort', wake);
      turn.abort();
    }
    return await this.#reader.changes(cursor, PAGE_CHANGES);
  }

  /** Resolves when the socket has taken the text, or when that is over: then `#end` is aborted. */
  async #write(text: string): Promise<void> {
    const end = this.#end.signal;
    this.#writtenMs = Date.now();
    if (end.aborted || this.#res.write(text)) return;
    await new Promise<void>((resolve) => {
      const cutOff = (): void => {
        this.#exchange.log.debug('a slow reader of changes was cut off');
        this.#res.destroy();
        this.#end.abort();
      };
      const timer = setTimeout(cutOff, this.#limits.stuckMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#res.off('drain', settle);
        end.removeEventListener('abort', settle);
        resolve();
      };
      this.#res.once('drain', settle);
      end.addEventListener('abort', settle, { once: true });
    });
  }
}

/** What a browser sends when it connects anew; null when it does not, or sends an empty one. */
function lastEventIdOf({ req }: Exchange): number | null {
  const text = req.headers['last-event-id'];
  if (text === undefined || text === '') return null;
  return Number(readParameters({ 'Last-Event-ID': text }, LAST_EVENT_ID)['Last-Event-ID']);
}
