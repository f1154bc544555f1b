import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AssetFacts } from '../../model/asset.ts';
import type { ChangePage, LeftPlace, PlaceChangePage } from '../../model/change.ts';
import { CodedError } from '../../model/coded-error.ts';
import { foldName } from '../../model/name.ts';
import type { AssetNode, CollectionNode, ListedNode, Node, NodeId, Page } from '../../model/node.ts';
import type {
  CatalogReader,
  ContentVersionMap,
  DigestAlgorithm,
  GivenName,
  PendingAsset,
  ProblemCount,
  ShownSource,
  SourceRecord,
} from '../catalog.ts';
import { AssetProblems } from './asset-problems.ts';
import { ChangeReader } from './change-reader.ts';
import { ContentVersions } from './content-versions.ts';
import { readEpoch, translating } from './database.ts';
import { DigestReader } from './digest-reader.ts';
import { GivenNameTable } from './given-name-table.ts';
import { HeldReader } from './held-reader.ts';
import { ListingReader } from './listing-reader.ts';
import { PlaceReader } from './place-reader.ts';
import { fromPublicId, toPublicId } from './public-id.ts';
import { dataVersionOf, RecentNodes } from './recent-nodes.ts';
import { limitSql, NODE_COLUMNS, NODE_FROM, nodeOf, type Row, sourceOf } from './rows.ts';
import { DISPLACED } from './schema.ts';
import { ShownSources } from './shown-sources.ts';
import type { WriteConnection } from './write-connection.ts';

/** One statement on both connections. */
interface WarmStatement {
  readonly reading: StatementSync;
  readonly writing: StatementSync | null;
}

/**
 * Names that cannot be written in another Unicode form. Of ASCII, only `K` (U+212A), `;` (U+037E) and the backtick (U+1FEF)
 * have a twin that is composed to them.
 */
const ONE_FORM = /^[ -:<-JL-_a-~]*$/;

/** What `safeName` changes something of, and a little more. */
const NOT_SHOWN_AS_IT_IS =
  /[<>:"\\|?*\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|[. ]$|^(con|prn|aux|nul|com|lpt)/i;

/**
 * Reads over a connection of its own, so it sees only what is committed. With each commit such a connection forgets the pages
 * it knew; so what every request asks for goes through the one that writes, which knows them, while that has nothing open.
 */
export class SqliteReader implements CatalogReader {
  readonly epoch: string;
  readonly #changes: ChangeReader;
  readonly #places: PlaceReader;
  readonly #digests: DigestReader;
  readonly #held: HeldReader;
  readonly #listing: ListingReader;
  readonly #problems: AssetProblems;
  readonly #versions: ContentVersions;
  readonly #shown: ShownSources;
  readonly #recent: RecentNodes;
  readonly #writing: WriteConnection | null;
  readonly #source: StatementSync;
  readonly #root: WarmStatement;
  readonly #node: WarmStatement;
  readonly #byName: WarmStatement;
  readonly #byStoredName: StatementSync;
  readonly #byMatchName: StatementSync;
  readonly #children: StatementSync;
  readonly #byAsset: StatementSync;
  readonly #given: GivenNameTable;

  /** @param writing of this process; null: another one writes. */
  constructor(database: DatabaseSync, writing: WriteConnection | null = null) {
    const prepareWarm = (sql: string): WarmStatement => ({
      reading: database.prepare(sql),
      writing: writing?.prepare(sql) ?? null,
    });
    this.#writing = writing;
    this.epoch = readEpoch(database);
    this.#changes = new ChangeReader(database);
    this.#places = new PlaceReader(database, () => this.#changes.headSeq());
    this.#digests = new DigestReader(database);
    this.#held = new HeldReader(database);
    this.#listing = new ListingReader(database);
    this.#problems = new AssetProblems(database);
    this.#versions = new ContentVersions(database);
    this.#shown = new ShownSources(database);
    // Asking the database takes longer.
    this.#recent = new RecentNodes(writing === null ? dataVersionOf(database) : () => writing.revision);
    this.#source = database.prepare('SELECT * FROM source WHERE name = ?');
    this.#root = prepareWarm(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM} WHERE node.id = (SELECT root_id FROM source WHERE id = ?)`,
    );
    this.#node = prepareWarm(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM} WHERE node.id = ? AND node.parent_id <> ${DISPLACED}`,
    );
    this.#byName = prepareWarm(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM} WHERE node.parent_id = ? AND node.name = ?`,
    );
    this.#byMatchName = database.prepare(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM} WHERE node.parent_id = ? AND node.match_name = ? LIMIT 100`,
    );
    this.#byStoredName = database.prepare(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM}
       WHERE node.parent_id = ? AND node.stored_name = ? AND node.stored_name <> node.name LIMIT 1`,
    );
    this.#given = new GivenNameTable(database);
    this.#byAsset = database.prepare(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM}
       WHERE node.asset_id = (SELECT id FROM asset WHERE source_id = ?1 AND ref = ?2)
         AND node.parent_id = (SELECT id FROM node WHERE source_id = ?1 AND ref = ?3)
       ORDER BY node.id`,
    );
    this.#children = database.prepare(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM} WHERE node.parent_id = ? AND node.name > ? ORDER BY node.name ${limitSql()}`,
    );
  }

  async placesOf(sourceId: number, refId: string, collection: string): Promise<readonly AssetNode[]> {
    const rows = translating(() => this.#byAsset.all(sourceId, refId, collection)) as Row[];
    return rows.map(nodeOf).filter((node) => node.kind === 'asset');
  }

  async namesake(parentId: NodeId, name: string): Promise<Node | null> {
    const folded = foldName(name);
    const row =
      this.#getWarm(this.#byName, parentId, folded) ?? this.#get(this.#byMatchName, parentId, folded);
    return row === null ? null : nodeOf(row);
  }

  async givenNames(sourceId: number): Promise<readonly GivenName[]> {
    return translating(() => this.#given.of(sourceId));
  }

  async shownSources(): Promise<readonly ShownSource[]> {
    return this.#shown.read();
  }

  async source(name: string): Promise<SourceRecord | null> {
    const row = this.#get(this.#source, name);
    return row === null ? null : sourceOf(row);
  }

  async root(sourceId: number): Promise<CollectionNode> {
    const node = translating(() =>
      this.#recent.find(`${sourceId}`, () => {
        const row = this.#getWarm(this.#root, sourceId);
        return row === null ? null : this.#remembered(nodeOf(row));
      }),
    );
    if (node?.kind !== 'collection') throw new CodedError('not-found', 'There is no such source.');
    return node;
  }

  async node(id: NodeId): Promise<Node | null> {
    return this.#nodeById(id);
  }

  #nodeById(id: NodeId): Node | null {
    return translating(() =>
      this.#recent.find(`#${id}`, () => {
        const row = this.#getWarm(this.#node, id);
        return row === null ? null : nodeOf(row);
      }),
    );
  }

  async child(parentId: NodeId, name: string): Promise<Node | null> {
    return translating(() =>
      this.#recent.find(`${parentId}/${name}`, () => this.#childNamed(parentId, name)),
    );
  }

  #childNamed(parentId: NodeId, name: string): Node | null {
    const composed = name.normalize('NFC');
    const row =
      this.#getWarm(this.#byName, parentId, name) ??
      (composed === name ? null : this.#getWarm(this.#byName, parentId, composed)) ??
      (ONE_FORM.test(composed) ? null : this.#anotherForm(parentId, composed)) ??
      this.#storedAs(parentId, name);
    return row === null ? null : this.#remembered(nodeOf(row));
  }

  /** Whose members are asked for next, or whose path. */
  #remembered(node: Node): Node {
    if (node.kind === 'collection') this.#recent.put(`#${node.id}`, node);
    return node;
  }

  async children(parentId: NodeId, page: { after?: string; limit: number }): Promise<Page<Node>> {
    const rows = translating(() => this.#children.all(parentId, page.after ?? '', page.limit)) as Row[];
    const entries = rows.map(nodeOf);
    const last = entries.at(-1);
    return { entries, next: rows.length < page.limit || last === undefined ? null : last.name };
  }

  async listing(parentId: NodeId, page: { after?: string; limit: number }): Promise<Page<ListedNode>> {
    return this.#listing.page(parentId, page);
  }

  async headSeq(): Promise<number> {
    return this.#changes.headSeq();
  }

  async changes(cursor: number, limit: number): Promise<ChangePage> {
    return this.#changes.page(cursor, limit);
  }

  async placeChanges(cursor: number, upTo: number, limit: number): Promise<PlaceChangePage> {
    return this.#places.page(cursor, upTo, limit);
  }

  async replacedCollections(cursor: number, limit: number): Promise<readonly LeftPlace[]> {
    return this.#places.replaced(cursor, limit);
  }

  async byDigest(algorithm: DigestAlgorithm, digest: string): Promise<readonly AssetNode[]> {
    return this.#digests.find(algorithm, digest);
  }

  async listByDigest(
    algorithm: DigestAlgorithm,
    page: { after?: string; limit: number },
  ): Promise<Page<AssetNode>> {
    return this.#digests.list(algorithm, page);
  }

  async pendingAssets(
    sourceId: number,
    page: { afterId: number; limit: number },
  ): Promise<readonly PendingAsset[]> {
    return this.#digests.pending(sourceId, page);
  }

  async pathOf(id: NodeId): Promise<readonly string[]> {
    return this.#nodesTo(id).map(({ name }) => name);
  }

  async storedPathOf(id: NodeId): Promise<readonly string[]> {
    const own = this.#nodesTo(id).filter((node) => node.kind === 'asset' || node.ref !== null);
    return own.map(({ storedName }) => storedName);
  }

  async refAt(sourceId: number, storedPath: readonly string[]): Promise<string | null> {
    return this.#recent.find(`ref ${sourceId}/${storedPath.join('/')}`, () =>
      this.#held.refAt(sourceId, storedPath),
    );
  }

  async assetPaths(sourceId: number, refPrefix: string, limit: number): Promise<readonly string[]> {
    return this.#held.assetPaths(sourceId, refPrefix, limit);
  }

  async contentVersion(sourceId: number, collection: string | null): Promise<string | null> {
    return translating(() => this.#versions.of(sourceId, collection));
  }

  async contentVersions(sourceId: number): Promise<ContentVersionMap> {
    return translating(() => this.#versions.all(sourceId));
  }

  async asset(sourceId: number, refId: string): Promise<AssetFacts | null> {
    return this.#held.asset(sourceId, refId);
  }

  async pendingCount(sourceId: number): Promise<number> {
    return this.#digests.pendingCount(sourceId);
  }

  async problems(sourceId: number): Promise<readonly ProblemCount[]> {
    return translating(() => this.#problems.of(sourceId));
  }

  publicId(id: NodeId): string {
    return toPublicId(this.epoch, id);
  }

  nodeIdOf(publicId: string): NodeId | null {
    return fromPublicId(this.epoch, publicId);
  }

  /** From the root of the source, without it, to the node. */
  #nodesTo(id: NodeId): Node[] {
    const nodes: Node[] = [];
    for (let next: NodeId | null = id; next !== null; ) {
      const node: Node | null = this.#nodeById(next);
      // A node that is displaced, or below one that is, has no place until the scan comes to it.
      if (node === null) throw new CodedError('not-found', 'There is no such node.');
      if (node.parentId !== null) nodes.push(node);
      next = node.parentId;
    }
    return nodes.reverse();
  }

  /** A member whose shown name is the same text in another Unicode form. Case still counts. */
  #anotherForm(parentId: NodeId, composed: string): Row | null {
    for (const form of new Set([composed, composed.toLowerCase().normalize('NFC')])) {
      const rows = translating(() => this.#byMatchName.all(parentId, form)) as Row[];
      const match = rows.find((row) => String(row.name).normalize('NFC') === composed);
      if (match !== undefined) return match;
    }
    return null;
  }

  /**
   * By the source's own name, in whatever Unicode form: macOS asks for the decomposed one of what was stored composed.
   * Only names that clients cannot store differ from what is shown, and only such names are asked for here;
   * without this test every 404 in a large collection would read all of it.
   */
  #storedAs(parentId: NodeId, name: string): Row | null {
    if (!NOT_SHOWN_AS_IT_IS.test(name)) return null;
    for (const form of new Set([name, name.normalize('NFC'), name.normalize('NFD')])) {
      const row = this.#get(this.#byStoredName, parentId, form);
      if (row !== null) return row;
    }
    return null;
  }

  #getWarm({ reading, writing }: WarmStatement, ...values: (string | number)[]): Row | null {
    const isCommitted = this.#writing?.isFree === true;
    return this.#get(isCommitted && writing !== null ? writing : reading, ...values);
  }

  #get(statement: StatementSync, ...values: (string | number)[]): Row | null {
    return (translating(() => statement.get(...values)) as Row | undefined) ?? null;
  }
}
