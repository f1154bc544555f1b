import type { NamePolicy } from '../../model/name.ts';
import type { Catalog } from '../catalog.ts';
import { openForReading, openForWriting } from './database.ts';
import { SqliteReader } from './sqlite-reader.ts';
import { SqliteWriter } from './sqlite-writer.ts';

/**
 * Opens the catalog in `file`, making it when it is not there, and brings an older one forward.
 * @throws CodedError `corrupt`, `invalid`, `no-space` or `unavailable` when it cannot be used.
 */
export function openSqliteCatalog(file: string, policy: NamePolicy): Catalog {
  const writing = openForWriting(file);
  try {
    const reading = openForReading(file);
    return {
      reader: new SqliteReader(reading),
      writer: new SqliteWriter(writing, policy),
      async close() {
        reading.close();
        // Folds the write-ahead log back in, so that a stopped server leaves one plain file.
        writing.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        writing.close();
      },
    };
  } catch (error) {
    writing.close();
    throw error;
  }
}
