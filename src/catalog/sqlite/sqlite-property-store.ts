import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { CodedError } from '../../model/coded-error.ts';
import type { NodeId } from '../../model/node.ts';
import {
  type DeadProperty,
  MAX_PROPERTIES,
  MAX_PROPERTY_BYTES,
  type PropertyChange,
  type PropertyStore,
} from '../property-store.ts';
import { translating } from './database.ts';
import type { WriteConnection } from './write-connection.ts';

/** Pairs of original and copy looked at in one turn of the event loop: a few milliseconds. */
const COPY_CHUNK = 500;

/** Dead properties as rows of the table `dead_property`, which go with their node by its foreign key. */
export class SqlitePropertyStore implements PropertyStore {
  readonly #connection: WriteConnection;
  readonly #any: StatementSync;
  readonly #of: StatementSync;
  readonly #set: StatementSync;
  readonly #remove: StatementSync;
  readonly #removeAll: StatementSync;
  readonly #size: StatementSync;
  readonly #node: StatementSync;
  readonly #copy: StatementSync;
  readonly #namesakes: StatementSync;
  #revision = 0;

  /**
   * @param database that of the connection.
   * @param reading for what is looked up with each listing, which waits for nobody.
   */
  constructor(database: DatabaseSync, connection: WriteConnection, reading: DatabaseSync) {
    this.#connection = connection;
    this.#any = reading.prepare('SELECT 1 FROM dead_property LIMIT 1');
    this.#of = reading.prepare(
      `SELECT node_id, namespace, local, xml FROM dead_property
       WHERE node_id IN (SELECT value FROM json_each(?)) ORDER BY node_id, namespace, local`,
    );
    this.#set = database.prepare(
      `INSERT INTO dead_property (node_id, namespace, local, xml) VALUES (?, ?, ?, ?)
       ON CONFLICT (node_id, namespace, local) DO UPDATE SET xml = excluded.xml`,
    );
    this.#remove = database.prepare(
      'DELETE FROM dead_property WHERE node_id = ? AND namespace = ? AND local = ?',
    );
    this.#removeAll = database.prepare('DELETE FROM dead_property WHERE node_id = ?');
    this.#size = database.prepare(
      `SELECT count(*) AS count, sum(octet_length(namespace) + octet_length(local) + octet_length(xml)) AS bytes
       FROM dead_property WHERE node_id = ?`,
    );
    this.#node = database.prepare('SELECT 1 FROM node WHERE id = ?');
    this.#copy = database.prepare(
      `INSERT INTO dead_property (node_id, namespace, local, xml)
       SELECT ?2, namespace, local, xml FROM dead_property WHERE node_id = ?1`,
    );
    this.#namesakes = database.prepare(
      `SELECT original.id AS original, copy.id AS copy FROM node AS original
       JOIN node AS copy ON copy.parent_id = ?2 AND copy.name = original.name WHERE original.parent_id = ?1`,
    );
  }

  get revision(): number {
    return this.#revision;
  }

  async of(ids: readonly NodeId[]): Promise<ReadonlyMap<NodeId, readonly DeadProperty[]>> {
    return translating(() => {
      const found = new Map<NodeId, DeadProperty[]>();
      // Most mounts never see one, and a listing of thousands should not pay for that.
      if (this.#any.get() === undefined) return found;
      for (const row of this.#of.all(JSON.stringify(ids))) {
        const id = Number(row.node_id);
        const property = {
          namespace: String(row.namespace),
          local: String(row.local),
          xml: String(row.xml),
        };
        const known = found.get(id);
        if (known === undefined) found.set(id, [property]);
        else known.push(property);
      }
      return found;
    });
  }

  async update(id: NodeId, changes: readonly PropertyChange[]): Promise<void> {
    await this.#connection.transaction(() => {
      if (this.#node.get(id) === undefined) throw new CodedError('not-found', 'The resource is gone.');
      for (const { namespace, local, xml } of changes) {
        if (xml === null) this.#remove.run(id, namespace, local);
        else this.#set.run(id, namespace, local, xml);
      }
      this.#revision += 1;
      const { count, bytes } = this.#size.get(id) ?? {};
      if (Number(count) > MAX_PROPERTIES || Number(bytes) > MAX_PROPERTY_BYTES) {
        throw new CodedError(
          'no-space',
          'The properties of one resource cannot be more or longer than that.',
        );
      }
    });
  }

  async copyTree(from: NodeId, to: NodeId): Promise<void> {
    if (translating(() => this.#any.get()) === undefined) return;
    const pairs: [original: NodeId, copy: NodeId][] = [[from, to]];
    while (pairs.length > 0) {
      await this.#connection.transaction(() => {
        this.#revision += 1;
        for (const [original, copy] of pairs.splice(-COPY_CHUNK)) {
          this.#removeAll.run(copy);
          this.#copy.run(original, copy);
          for (const row of this.#namesakes.all(original, copy)) {
            pairs.push([Number(row.original), Number(row.copy)]);
          }
        }
      });
      await yieldToEventLoop();
    }
  }
}
