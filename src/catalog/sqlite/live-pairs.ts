import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type LiveHalf, MAX_LIVE_GROUP, otherHalfOf } from '../../model/live-photo.ts';
import { liveNameSql, PAIRS_BY_NAME } from './schema.ts';
import type { Steps } from './write-connection.ts';

/** What an asset may be paired by. */
export interface LiveKeys {
  readonly path: string;
  readonly livePhotoId: string | null;
}

type NotedKeys = LiveKeys & { readonly sourceId: number };

interface Member extends LiveHalf {
  readonly id: number;
  readonly sourceId: number;
  readonly partnerId: number | null;
  readonly modifiedMs: number;
}

type MemberRow = [
  id: number,
  sourceId: number,
  path: string,
  contentType: string,
  durationMs: number | null,
  livePhotoId: string | null,
  partnerId: number | null,
  modifiedMs: number,
];

/** Assets looked at in one turn of the event loop: a few milliseconds. */
const STEP_ASSETS = 256;
/** Ids and names whose assets are held at once: a few hundred bytes each as a rule, as a group is two halves. */
const SOME_KEYS = 1_000;

const SELECT = `SELECT id, source_id, path, content_type, duration_ms, live_id, live_partner_id, modified_ms FROM asset`;

/**
 * Keeps with each asset the other half of its live photo. Who that is follows from the assets with the same id and those
 * with the same name (`otherHalfOf`). Within a transaction it is only noted which ids and names something happened to;
 * at its end, whoever has them is looked at once. So what told of a half, or took it away, is in one commit with what
 * that means for the other.
 */
export class LivePairs {
  readonly #byId: StatementSync;
  readonly #byName: StatementSync;
  readonly #one: StatementSync;
  readonly #pair: StatementSync;
  readonly #noted = new Map<string, NotedKeys>();
  readonly #replaced = new Set<number>();

  constructor(database: DatabaseSync) {
    // One more than there may be tells that there are too many.
    this.#byId = arrays(
      database.prepare(
        `${SELECT} WHERE source_id = ? AND live_id = ? AND live_id > '' ORDER BY id LIMIT ${MAX_LIVE_GROUP + 1}`,
      ),
    );
    this.#byName = arrays(
      database.prepare(
        `${SELECT} WHERE source_id = ?1 AND ${liveNameSql('path')} = ${liveNameSql('?2')} AND ${PAIRS_BY_NAME}
         ORDER BY id LIMIT ${MAX_LIVE_GROUP}`,
      ),
    );
    this.#one = arrays(database.prepare(`${SELECT} WHERE id = ? AND live_partner_id IS NOT NULL`));
    this.#pair = database.prepare('UPDATE asset SET live_partner_id = ? WHERE id = ?');
  }

  /** An asset has got these, or has them no more, or was changed while it has them. */
  note(sourceId: number, { path, livePhotoId }: LiveKeys): void {
    this.#noted.set(JSON.stringify([sourceId, livePhotoId, path]), { sourceId, path, livePhotoId });
  }

  /** An asset has got another place, or lost one of several: its other half may be beside another one now. */
  notePlaces(assetId: number): void {
    this.#replaced.add(assetId);
  }

  /**
   * At the end of a transaction.
   * @param touch called for each asset whose live photo has changed, to note that in the change log.
   */
  *settle(touch: (assetId: number, modifiedMs: number) => void): Steps<void> {
    let count = 0;
    const isStepOver = () => ++count % STEP_ASSETS === 0;
    for (const id of this.#replaced) {
      const row = this.#one.get(id) as unknown as MemberRow | undefined;
      if (row !== undefined) this.note(row[1], memberOf(row));
      if (isStepOver()) yield;
    }
    let some: NotedKeys[] = [];
    for (const keys of this.#noted.values()) {
      some.push(keys);
      if (some.length < SOME_KEYS) continue;
      yield* this.#settleSome(some, touch);
      some = [];
    }
    yield* this.#settleSome(some, touch);
    this.forget();
  }

  /** Whoever is met by several of these parts comes out the same each time: what they are made of changes no more. */
  *#settleSome(
    noted: readonly NotedKeys[],
    touch: (assetId: number, modifiedMs: number) => void,
  ): Steps<void> {
    let count = 0;
    const isStepOver = () => ++count % STEP_ASSETS === 0;
    const groups = new Groups(this.#byId, this.#byName);
    const members = new Map<number, Member>();
    for (const keys of noted) {
      for (const member of [...groups.sameId(keys), ...groups.sameName(keys)]) members.set(member.id, member);
      if (isStepOver()) yield;
    }
    for (const member of members.values()) {
      if (isStepOver()) yield;
      const partnerId = otherHalfOf(member, groups.sameId(member), groups.sameName(member))?.id ?? null;
      if (partnerId !== member.partnerId) this.#pair.run(partnerId, member.id);
      else if (partnerId === null || !this.#replaced.has(partnerId)) continue;
      touch(member.id, member.modifiedMs);
    }
  }

  /** After a rollback. */
  forget(): void {
    this.#noted.clear();
    this.#replaced.clear();
  }
}

/** Assets by what they are paired by, each asked for once. Good while none of them changes. */
class Groups {
  readonly #byId: StatementSync;
  readonly #byName: StatementSync;
  readonly #known = new Map<string, readonly Member[]>();

  constructor(byId: StatementSync, byName: StatementSync) {
    this.#byId = byId;
    this.#byName = byName;
  }

  sameId({ sourceId, livePhotoId }: NotedKeys): readonly Member[] {
    if (livePhotoId === null || livePhotoId === '') return [];
    return this.#get(`id ${sourceId} ${livePhotoId}`, this.#byId, sourceId, livePhotoId);
  }

  sameName({ sourceId, path, livePhotoId }: NotedKeys): readonly Member[] {
    if (livePhotoId === '') return [];
    return this.#get(`name ${sourceId} ${path.replace(/[^.]*$/, '')}`, this.#byName, sourceId, path);
  }

  #get(key: string, statement: StatementSync, ...values: [number, string]): readonly Member[] {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = (statement.all(...values) as unknown as MemberRow[]).map(memberOf);
    this.#known.set(key, found);
    return found;
  }
}

function memberOf(row: MemberRow): Member {
  const [id, sourceId, path, contentType, durationMs, livePhotoId, partnerId, modifiedMs] = row;
  return { id, sourceId, path, contentType, durationMs, livePhotoId, partnerId, modifiedMs };
}

/** Arrays are made faster than objects, and this runs for each file that is read. */
function arrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}
