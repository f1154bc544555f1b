import { setTimeout as wait } from 'node:timers/promises';
import { FeedShaper } from '../api/feed-node.ts';
import { SourcePlaces } from '../api/source-places.ts';
import type { CatalogReader } from '../catalog/catalog.ts';
import { openSqliteReader } from '../catalog/sqlite/sqlite-catalog.ts';
import type { CommandConfig } from '../settings.ts';
import { print } from './standard-output.ts';

/** Changes read at a time. */
const PAGE = 500;
/** How often `--follow` looks: other processes do not ring. */
const POLL_MS = 250;

/**
 * `mediadav changes`: the changes of the feed, one JSON object a line, each with the cursor behind it. With `--follow`
 * it never ends by itself.
 */
export async function printChanges({ catalog, cursor, follows }: CommandConfig<'changes'>): Promise<void> {
  const { reader, close } = openSqliteReader(catalog.databaseFile);
  try {
    await print(changeLines(reader, cursor, follows));
  } finally {
    close();
  }
}

async function* changeLines(reader: CatalogReader, from: number, follows: boolean): AsyncGenerator<string> {
  const shaper = new FeedShaper(reader, new SourcePlaces(reader, await reader.shownSources()), 'md5');
  let cursor = from;
  for (;;) {
    const page = await reader.changes(cursor, PAGE);
    let text = '';
    for (const change of page.changes) {
      const told = shaper.change(change);
      if (told !== null) text += `${JSON.stringify({ cursor: change.cursor, ...told })}\n`;
    }
    if (text !== '') yield text;
    cursor = page.cursor;
    if (page.hasMore) continue;
    if (!follows) return;
    await wait(POLL_MS);
  }
}
