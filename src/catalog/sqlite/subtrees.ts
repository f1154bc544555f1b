import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NodeId } from '../../model/node.ts';
import { limitSql } from './rows.ts';

export interface Below {
  readonly id: NodeId;
  /** Null for a collection. */
  readonly assetId: number | null;
  /** From where the reading began, by the source's own names; what a layout has made up is no part of it. */
  readonly storedPath: string;
}

type MemberRow = [id: NodeId, assetId: number | null, name: string, storedName: string, isVirtual: number];

/** Everything below a collection, however much, in parts. */
export class Subtrees {
  readonly #members: StatementSync;

  constructor(database: DatabaseSync) {
    this.#members = database.prepare(
      `SELECT id, asset_id, name, stored_name, is_virtual FROM node
       WHERE parent_id = ? AND name > ? ORDER BY name ${limitSql()}`,
    );
    this.#members.setReturnArrays(true);
  }

  /**
   * Collections come before what is in them.
   * @param storedPath of the collection itself, which is not told.
   * @param partSize nodes at most; parts may be empty.
   */
  *below(id: NodeId, storedPath: string, partSize: number): Generator<readonly Below[]> {
    const waiting: { id: NodeId; storedPath: string; after: string }[] = [{ id, storedPath, after: '' }];
    let part: Below[] = [];
    let looks = 0;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const limit = partSize - part.length;
      const rows = this.#members.all(next.id, next.after, limit) as unknown as MemberRow[];
      const last = rows.at(-1);
      if (last !== undefined && rows.length === limit) waiting.push({ ...next, after: last[2] });
      for (const [memberId, assetId, , storedName, isVirtual] of rows) {
        const path = isVirtual === 0 ? joined(next.storedPath, storedName) : next.storedPath;
        part.push({ id: memberId, assetId, storedPath: path });
        if (assetId === null) waiting.push({ id: memberId, storedPath: path, after: '' });
      }
      looks += 1;
      if (part.length < partSize && looks < partSize) continue;
      yield part;
      part = [];
      looks = 0;
    }
    yield part;
  }
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}/${name}`;
}
