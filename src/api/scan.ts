import type { Exchange } from '../http/exchange.ts';
import { CodedError } from '../model/coded-error.ts';
import type { Resource } from './resource.ts';
import { sendJson } from './send-json.ts';

export interface ScanRooms {
  /** Starts a scan of the source, or joins the one under way, and does not wait for it. */
  readonly scans: ReadonlyMap<string, () => void>;
}

/** `POST /api/refresh`: has sources read now instead of when their time comes. */
export function scanResource({ scans }: ScanRooms): Resource {
  return {
    method: 'POST',
    path: '/api/refresh',
    tag: 'Server',
    summary: 'Read sources now',
    description: 'Answers at once; /api/health tells how it goes. A scan under way is joined.',
    query: {
      source: { type: 'string', description: 'Name of the source; without it, all of them.', maxLength: 255 },
    },
    answers: {
      success: {
        status: 202,
        description: 'They are being read.',
        mediaType: 'application/json',
        schema: { type: 'object', properties: { scanning: { type: 'array', items: { type: 'string' } } } },
        example: { scanning: ['photos'] },
      },
      failures: { 403: 'The request comes from a page of another site.', 404: 'There is no such source.' },
    },
    async handle(exchange, { query }) {
      refuseOtherSites(exchange);
      const names = query.source === undefined ? [...scans.keys()] : [String(query.source)];
      for (const name of names) {
        const start = scans.get(name);
        if (start === undefined) throw new CodedError('not-found', 'There is no source of that name.');
        start();
      }
      sendJson(exchange, { scanning: names }, 202);
    },
  };
}

/** Any page may have a browser POST here, with the login the browser remembers; browsers say whose page it is. */
function refuseOtherSites({ req, target }: Exchange): void {
  const { origin, 'sec-fetch-site': site } = req.headers;
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
  const isOwnOrigin =
    origin === undefined ||
    (URL.canParse(origin) && new URL(origin).host === target.authority?.toLowerCase());
  if (isOwnSite && isOwnOrigin) return;
  throw new CodedError('denied', 'This may not be asked for by a page of another site.');
}
