import { createHash } from 'node:crypto';
import type { CatalogReader, DigestAlgorithm } from '../catalog/catalog.ts';
import type { Exchange } from '../http/exchange.ts';
import { daysFrom, type TimeSpan } from './creation-date.ts';
import { hashParameter } from './digest-parameter.ts';
import { listEntries, OBJECT_FORMAT } from './list-entries.ts';
import type { TextParameter } from './parameter.ts';
import type { AnswerTable, Given, Resource } from './resource.ts';
import { sendJsonText } from './send-json.ts';
import type { SourcePlaces } from './source-places.ts';

export interface ListRooms {
  readonly reader: CatalogReader;
  readonly places: SourcePlaces;
}

const HASH = hashParameter(
  'sha256',
  'What the answer is keyed by. Assets are listed once it is known; Immich tells sha1 by itself.',
);
const DATE = (description: string): TextParameter => ({
  type: 'string',
  description: `${description}, as YYYY-MM-DD in the zone of the server.`,
  maxLength: 64,
  example: '2023-03-15',
});

/** `/list` and its two filters: everything there is, by the digest of its content. */
export function listResources(rooms: ListRooms): Resource[] {
  const send = (exchange: Exchange, { query }: Given, span: TimeSpan | null) =>
    sendList(exchange, rooms, { hash: query.hash as DigestAlgorithm, span });
  const common = { method: 'GET', tag: 'List', query: { hash: HASH } } as const;
  return [
    {
      ...common,
      path: '/list',
      summary: 'All media by content',
      description:
        'One JSON object, streamed. Its keys are digests; identical files are one entry with all their paths. ' +
        'Times are seconds since 1970. The ETag changes with anything in the catalog.',
      answers: answersOf({}),
      handle: (exchange, given) => send(exchange, given, null),
    },
    {
      ...common,
      path: '/list/date/:date',
      summary: 'Media made on one day',
      params: { date: DATE('The day of original_creation_date') },
      answers: answersOf({ 400: 'That is no date.' }),
      handle: (exchange, given) => {
        const date = String(given.params.date);
        return send(exchange, given, daysFrom(date, date));
      },
    },
    {
      ...common,
      path: '/list/daterange/:from/:to',
      summary: 'Media made in a span of days',
      params: { from: DATE('The first day'), to: DATE('The last day, which belongs to it') },
      answers: answersOf({ 400: 'One of them is no date, or the last day comes before the first.' }),
      handle: (exchange, { params, query }) =>
        send(exchange, { params, query }, daysFrom(String(params.from), String(params.to))),
    },
  ];
}

async function sendList(
  exchange: Exchange,
  { reader, places }: ListRooms,
  query: { readonly hash: DigestAlgorithm; readonly span: TimeSpan | null },
): Promise<void> {
  await sendJsonText(exchange, {
    etag: await etagOf(reader, places, query),
    pieces: () => listEntries(reader, places, query, OBJECT_FORMAT),
  });
}

/** Whatever an answer depends on: the catalog's life and state, the question, where the sources are, the zone. */
async function etagOf(reader: CatalogReader, places: SourcePlaces, query: object): Promise<string> {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const rest = createHash('sha256').update(JSON.stringify([query, places.sources, zone]));
  return `W/"${reader.epoch}-${await reader.headSeq()}-${rest.digest('hex').slice(0, 12)}"`;
}

function answersOf(failures: Readonly<Record<number, string>>): AnswerTable {
  return {
    success: {
      description: 'An object of entries by digest; {} when there is nothing.',
      mediaType: 'application/json',
      schema: { type: 'object', additionalProperties: { $ref: 'ListEntry#' } },
      example: {
        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855: {
          filename: 'image.jpg',
          last_modified: 1678886400.0,
          file_path: '/path/to/your/media/image.jpg',
          original_creation_date: 1678880000.0,
        },
      },
    },
    others: { 304: 'It is what the client has.' },
    failures,
  };
}
