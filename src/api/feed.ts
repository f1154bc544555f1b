import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CatalogReader, DigestAlgorithm } from '../catalog/catalog.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Change, ChangePage } from '../model/change.ts';
import { CodedError } from '../model/coded-error.ts';
import type { CollectionNode, Node, Page } from '../model/node.ts';
import { hashParameter } from './digest-parameter.ts';
import { FEED_EXAMPLES } from './feed-examples.ts';
import { type FeedNode, FeedShaper, SUPER_ROOT_ID, superRoot } from './feed-node.ts';
import type { NumberParameter, TextParameter } from './parameter.ts';
import type { AnswerTable, Given, Resource } from './resource.ts';
import { sendJson, sendJsonText } from './send-json.ts';
import type { SourcePlaces } from './source-places.ts';

export interface FeedRooms {
  readonly reader: CatalogReader;
  readonly places: SourcePlaces;
}

/** Changes read at a time. Larger steps are hardly faster, and what they leave behind makes the heap grow. */
const STEP = 250;
const MAX_PAGE = 10_000;
const MAX_MEMBERS = 1000;

export const CURSOR_PARAMETER: NumberParameter = {
  type: 'integer',
  description: 'Changes after this one; from an earlier answer. 0: everything there is.',
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  default: 0,
};
const MAX_SIZE: Omit<NumberParameter, 'default'> = {
  type: 'integer',
  description: 'At most so many changes, as a page; without it, all of them are streamed.',
  minimum: 1,
  maximum: MAX_PAGE,
};
export const FEED_HASH = hashParameter('md5', 'Which digest is told in "hash".');
const NODE_ID: TextParameter = {
  type: 'string',
  description: 'Id of a node, from a change or from another node.',
  maxLength: 256,
  example: SUPER_ROOT_ID,
};
const AFTER: TextParameter = { type: 'string', description: '"next" of the page before.', maxLength: 1024 };
const LIMIT: NumberParameter = {
  type: 'integer',
  description: 'At most so many members.',
  minimum: 1,
  maximum: MAX_MEMBERS,
  default: MAX_MEMBERS,
};

export const CURSOR_FAILURES = {
  400: 'The cursor is none.',
  410: 'The cursor is older than the log reaches back, or of another catalog: start again at 0.',
} as const;

/** `/api/v1`: what has changed since a cursor, and the nodes that changes are about. */
export function feedResources(rooms: FeedRooms): Resource[] {
  const { reader } = rooms;
  const shaper = (given: Given): FeedShaper =>
    new FeedShaper(reader, rooms.places, given.query.hash as DigestAlgorithm);
  const common = { method: 'GET', tag: 'Change feed' } as const;
  return [
    {
      ...common,
      path: '/api/v1/cursor',
      summary: 'The latest cursor',
      answers: jsonAnswers('Place of the newest change.', FEED_EXAMPLES.cursor, 'FeedCursor#'),
      handle: async (exchange) => sendJson(exchange, { cursor: await reader.headSeq() }),
    },
    {
      ...common,
      path: '/api/v1/changes',
      summary: 'Changes since a cursor',
      description:
        'Several changes of a node are one, told as it is now; what came and went since the cursor is not told at ' +
        'all. A new file comes with an empty "hash" first and again once its content was read. With "max_size" the ' +
        'answer also has "has_more": go on with its "cursor" until that is false.',
      query: { cursor: CURSOR_PARAMETER, max_size: MAX_SIZE, hash: FEED_HASH },
      answers: jsonAnswers(
        'The changes, oldest first.',
        FEED_EXAMPLES.changes,
        'FeedChanges#',
        CURSOR_FAILURES,
      ),
      handle: async (exchange, given) => {
        const { cursor, max_size: maxSize } = given.query;
        if (maxSize === undefined) await sendAll(exchange, reader, shaper(given), Number(cursor));
        else
          await sendPage(exchange, reader, shaper(given), { cursor: Number(cursor), limit: Number(maxSize) });
      },
    },
    {
      ...common,
      path: '/api/v1/root',
      summary: 'The collection above all sources',
      answers: jsonAnswers('The super-root.', FEED_EXAMPLES.root, 'FeedNode#'),
      handle: async (exchange) => sendJson(exchange, await superRootOf(rooms)),
    },
    {
      ...common,
      path: '/api/v1/nodes/:id',
      summary: 'One node',
      params: { id: NODE_ID },
      query: { hash: FEED_HASH },
      answers: jsonAnswers('The node.', undefined, 'FeedNode#', { 404: 'There is no such node.' }),
      handle: async (exchange, given) => {
        const node = await nodeOf(rooms, given);
        sendJson(exchange, node === null ? await superRootOf(rooms) : shaper(given).node(node));
      },
    },
    {
      ...common,
      path: '/api/v1/nodes/:id/children',
      summary: 'Members of a directory',
      description:
        'By name. "next" is null on the last page and otherwise the "after" of the following one. For looking around: ' +
        'whoever wants to hold the whole tree gets it from the changes since 0, because it may change under a walk.',
      params: { id: NODE_ID },
      query: { after: AFTER, limit: LIMIT, hash: FEED_HASH },
      answers: jsonAnswers('A page of members.', undefined, 'FeedMembers#', {
        400: 'The node is no directory.',
        404: 'There is no such node.',
      }),
      handle: (exchange, given) => sendMembers(exchange, rooms, given, shaper(given)),
    },
    {
      ...common,
      path: '/api/v1/nodes/:id/path',
      summary: 'Where a node is',
      description: 'The absolute path on disk; for what is on no disk, the path in the mounted tree.',
      params: { id: NODE_ID },
      answers: jsonAnswers('The path.', FEED_EXAMPLES.path, 'FeedPath#', {
        400: 'The super-root has no path.',
        404: 'There is no such node.',
      }),
      handle: async (exchange, given) => {
        const node = await nodeOf(rooms, given);
        if (node === null) throw new CodedError('invalid', 'The super-root has no path.');
        sendJson(exchange, { path: await rooms.places.pathOf(node) });
      },
    },
  ];
}

/**
 * All changes up to the head of this moment, as one object. What changes while it is sent moves behind that head,
 * and is told to whoever goes on from the cursor.
 */
async function sendAll(
  exchange: Exchange,
  reader: CatalogReader,
  shaper: FeedShaper,
  cursor: number,
): Promise<void> {
  const head = await reader.headSeq();
  await sendJsonText(exchange, {
    async *pieces() {
      let text = `{"cursor":${head},"changes":[\n`;
      let isFirst = true;
      for await (const { changes } of steps(reader, cursor, Number.POSITIVE_INFINITY)) {
        const upToHead = changes.filter((change) => change.seq <= head);
        const lines = linesOf(upToHead, shaper);
        if (lines.length > 0) text += `${isFirst ? '' : ',\n'}${lines.join(',\n')}`;
        isFirst &&= lines.length === 0;
        if (upToHead.length < changes.length) break;
        yield text;
        text = '';
      }
      yield `${text}]}\n`;
    },
  });
}

/** At most so many changes, as one object that also tells whether there are more. */
async function sendPage(
  exchange: Exchange,
  reader: CatalogReader,
  shaper: FeedShaper,
  want: { readonly cursor: number; readonly limit: number },
): Promise<void> {
  await sendJsonText(exchange, {
    async *pieces() {
      const lines: string[] = [];
      let { cursor } = want;
      let hasMore = false;
      for await (const step of steps(reader, want.cursor, want.limit)) {
        lines.push(linesOf(step.changes, shaper).join(',\n'));
        ({ cursor, hasMore } = step);
      }
      const text = lines.filter((line) => line !== '').join(',\n');
      yield `{"cursor":${cursor},"changes":[${text}],"has_more":${hasMore}}\n`;
    },
  });
}

/**
 * The changes since a cursor, at most `limit` of them, a few at a time: others get their turn in between, and what
 * was written is let go of.
 */
async function* steps(reader: CatalogReader, cursor: number, limit: number): AsyncGenerator<ChangePage> {
  let left = limit;
  for (let next = cursor; left > 0; ) {
    const page = await reader.changes(next, Math.min(STEP, left));
    yield page;
    if (!page.hasMore) return;
    next = page.cursor;
    left -= page.changes.length;
    await yieldToEventLoop();
  }
}

function linesOf(changes: readonly Change[], shaper: FeedShaper): string[] {
  return changes.flatMap((change) => {
    const told = shaper.change(change);
    return told === null ? [] : JSON.stringify(told);
  });
}

async function sendMembers(
  exchange: Exchange,
  rooms: FeedRooms,
  given: Given,
  shaper: FeedShaper,
): Promise<void> {
  const node = await nodeOf(rooms, given);
  if (node !== null && node.kind !== 'collection') {
    throw new CodedError('invalid', 'The node is no directory.');
  }
  const { after, limit } = given.query;
  const want = { limit: Number(limit), ...(after === undefined ? {} : { after: String(after) }) };
  const page = node === null ? await rootsPage(rooms, want) : await rooms.reader.children(node.id, want);
  sendJson(exchange, { children: page.entries.map((member) => shaper.node(member)), next: page.next });
}

/** The node that the path names; null for the super-root. Rejects `not-found`. */
async function nodeOf({ reader, places }: FeedRooms, { params }: Given): Promise<Node | null> {
  const text = String(params.id);
  if (text === SUPER_ROOT_ID) return null;
  const id = reader.nodeIdOf(text);
  const node = id === null ? null : await reader.node(id);
  if (node === null || !places.shows(node)) throw new CodedError('not-found', 'There is no such node.');
  return node;
}

/** The sources as members of the super-root, in the order of all members. */
async function rootsPage(
  { reader, places }: FeedRooms,
  { after = '', limit }: { after?: string; limit: number },
): Promise<Page<Node>> {
  const sources = places.sources.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const shown = sources.filter(({ name }) => name > after).slice(0, limit);
  const entries = await Promise.all(shown.map(({ sourceId }) => reader.root(sourceId)));
  return { entries, next: shown.length < limit ? null : (shown.at(-1)?.name ?? null) };
}

async function superRootOf(rooms: FeedRooms): Promise<FeedNode> {
  return superRoot(await rootsOf(rooms), Date.now());
}

async function rootsOf({ reader, places }: FeedRooms): Promise<CollectionNode[]> {
  return await Promise.all(places.sources.map(({ sourceId }) => reader.root(sourceId)));
}

function jsonAnswers(
  description: string,
  example: unknown,
  schema: string,
  failures: Readonly<Record<number, string>> = {},
): AnswerTable {
  const success = { description, mediaType: 'application/json', schema: { $ref: schema } };
  return { success: example === undefined ? success : { ...success, example }, failures };
}
