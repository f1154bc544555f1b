import { LINES_FORMAT, listEntries } from '../api/list-entries.ts';
import { SourcePlaces } from '../api/source-places.ts';
import { openSqliteReader } from '../catalog/sqlite/sqlite-catalog.ts';
import type { CommandConfig } from '../settings.ts';
import { print } from './standard-output.ts';

/** `mediadav list`: the entries of `/list`, one JSON object a line, from the catalog as it is on disk. */
export async function printList({ catalog, hash }: CommandConfig<'list'>): Promise<void> {
  const { reader, close } = openSqliteReader(catalog.databaseFile);
  try {
    const places = new SourcePlaces(reader, await reader.shownSources());
    await print(listEntries(reader, places, { hash, span: null }, LINES_FORMAT));
  } finally {
    close();
  }
}
