import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CodedError } from '../../model/coded-error.ts';
import { type LockRecord, type LockStore, MAX_LOCKS } from '../lock-store.ts';
import { translating } from './database.ts';
import type { Row } from './rows.ts';
import type { WriteConnection } from './write-connection.ts';

const COLUMNS = 'token, path, depth, scope, owner, user, expires_ms';

/**
 * Locks as rows of the table `lock`. No transaction of several turns touches it, so reading it waits for none: what is
 * there was committed.
 */
export class SqliteLockStore implements LockStore {
  readonly #connection: WriteConnection;
  readonly #covering: StatementSync;
  readonly #below: StatementSync;
  readonly #count: StatementSync;
  readonly #any: StatementSync;
  /** False: there certainly is none, so nobody has to ask. Each write asks about several places. */
  #mayHoldAny = true;
  readonly #insert: StatementSync;
  readonly #refresh: StatementSync;
  readonly #release: StatementSync;
  readonly #releaseAt: StatementSync;
  readonly #releaseBelow: StatementSync;
  readonly #releaseExpired: StatementSync;

  /** @param database that of the connection. */
  constructor(database: DatabaseSync, connection: WriteConnection) {
    this.#connection = connection;
    this.#covering = database.prepare(
      `SELECT ${COLUMNS} FROM lock
       WHERE path IN (SELECT value FROM json_each(?1)) AND expires_ms > ?2 AND (depth = 'infinity' OR path = ?3)
       ORDER BY length(path), rowid`,
    );
    this.#below = database.prepare(
      `SELECT ${COLUMNS} FROM lock WHERE path > ? AND path < ? AND expires_ms > ? ORDER BY path, rowid`,
    );
    this.#count = database.prepare('SELECT count(*) AS count FROM lock');
    this.#any = database.prepare('SELECT 1 FROM lock LIMIT 1');
    this.#insert = database.prepare(`INSERT INTO lock (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#refresh = database.prepare(
      `UPDATE lock SET expires_ms = ? WHERE token = ? AND expires_ms > ? RETURNING ${COLUMNS}`,
    );
    this.#release = database.prepare('DELETE FROM lock WHERE token = ?');
    this.#releaseAt = database.prepare('DELETE FROM lock WHERE path = ?');
    this.#releaseBelow = database.prepare('DELETE FROM lock WHERE path > ? AND path < ?');
    this.#releaseExpired = database.prepare('DELETE FROM lock WHERE expires_ms <= ?');
    this.#lookForAny();
  }

  async take(lock: LockRecord, nowMs: number): Promise<readonly LockRecord[]> {
    return await this.#connection.transaction(() => {
      this.#releaseExpired.run(nowMs);
      const near = this.#readCovering(lock.path, nowMs);
      const all = lock.depth === 'infinity' ? [...near, ...this.#readBelow(lock.path, nowMs)] : near;
      const inTheWay = all.filter(({ scope }) => scope === 'exclusive' || lock.scope === 'exclusive');
      if (inTheWay.length > 0) return inTheWay;
      if (Number(this.#count.get()?.count) >= MAX_LOCKS) {
        throw new CodedError('no-space', 'There are too many locks.');
      }
      const { token, path, depth, scope, owner, user, expiresMs } = lock;
      this.#insert.run(token, path, depth, scope, owner, user, expiresMs);
      this.#mayHoldAny = true;
      return [];
    });
  }

  async covering(path: string, nowMs: number): Promise<readonly LockRecord[]> {
    return translating(() => this.#readCovering(path, nowMs));
  }

  async below(path: string, nowMs: number): Promise<readonly LockRecord[]> {
    return translating(() => this.#readBelow(path, nowMs));
  }

  async refresh(token: string, expiresMs: number, nowMs: number): Promise<LockRecord | null> {
    const row = (await this.#connection.run(() => this.#refresh.get(expiresMs, token, nowMs))) as
      | Row
      | undefined;
    return row === undefined ? null : lockOf(row);
  }

  async release(token: string): Promise<boolean> {
    const { changes } = await this.#connection.run(() => this.#release.run(token));
    this.#lookForAny();
    return changes > 0;
  }

  async releaseTree(path: string): Promise<void> {
    await this.#connection.transaction(() => {
      this.#releaseAt.run(path);
      this.#releaseBelow.run(...membersOf(path));
    });
    this.#lookForAny();
  }

  async releaseBelow(path: string): Promise<void> {
    await this.#connection.run(() => this.#releaseBelow.run(...membersOf(path)));
  }

  #lookForAny(): void {
    this.#mayHoldAny = translating(() => this.#any.get()) !== undefined;
  }

  #readCovering(path: string, nowMs: number): LockRecord[] {
    if (!this.#mayHoldAny) return [];
    return (this.#covering.all(JSON.stringify(placesAbove(path)), nowMs, path) as Row[]).map(lockOf);
  }

  #readBelow(path: string, nowMs: number): LockRecord[] {
    if (!this.#mayHoldAny) return [];
    return (this.#below.all(...membersOf(path), nowMs) as Row[]).map(lockOf);
  }
}

/** `/a/b` lies at `/`, `/a` and `/a/b`. */
function placesAbove(path: string): string[] {
  const places = ['/'];
  for (let end = path.indexOf('/', 1); end !== -1; end = path.indexOf('/', end + 1)) {
    places.push(path.slice(0, end));
  }
  if (path !== '/') places.push(path);
  return places;
}

/** The open range of all paths below one: `0` is the character after `/`. */
function membersOf(path: string): [after: string, before: string] {
  return path === '/' ? ['/', '0'] : [`${path}/`, `${path}0`];
}

function lockOf(row: Row): LockRecord {
  return {
    token: String(row.token),
    path: String(row.path),
    depth: row.depth === '0' ? '0' : 'infinity',
    scope: row.scope === 'shared' ? 'shared' : 'exclusive',
    owner: String(row.owner),
    user: row.user === null ? null : String(row.user),
    expiresMs: Number(row.expires_ms),
  };
}
