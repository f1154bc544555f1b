import { until } from './mediadav-process.ts';

/** A node as a client of the change feed keeps it. */
export interface FollowedNode {
  readonly id: string;
  readonly parentId: string | null;
  readonly name: string;
  /** Null for a collection. */
  readonly sizeBytes: number | null;
}

export interface FeedPage {
  readonly updated: readonly FollowedNode[];
  readonly removed: readonly string[];
  readonly cursor: number;
  readonly hasMore: boolean;
}

/** Where changes come from. */
export interface ChangeFeed {
  page(cursor: number): Promise<FeedPage>;
  /** Everything there is, found by walking from the top; null: something changed meanwhile. */
  listing(): Promise<Listing | null>;
}

export interface Listing {
  readonly cursor: number;
  readonly nodes: readonly FollowedNode[];
}

const LISTING_TIMEOUT_MS = 20_000;

/** A client that knows only what the change feed has told, and keeps a tree of it. */
export class ChangeFollower {
  readonly #feed: ChangeFeed;
  readonly #nodes = new Map<string, FollowedNode>();
  #cursor = 0;

  constructor(feed: ChangeFeed) {
    this.#feed = feed;
  }

  /**
   * Begins with a listing instead of at cursor 0. Only one that nothing changed under will do: of what came after its
   * cursor and went again nobody is told, so it might hold what is no more.
   */
  async join(): Promise<void> {
    await until(async () => {
      const listing = await this.#feed.listing();
      if (listing === null) return false;
      this.#cursor = listing.cursor;
      for (const node of listing.nodes) this.#nodes.set(node.id, node);
      return true;
    }, LISTING_TIMEOUT_MS);
  }

  async follow(): Promise<void> {
    for (let hasMore = true; hasMore; ) {
      const page = await this.#feed.page(this.#cursor);
      for (const node of page.updated) this.#nodes.set(node.id, node);
      for (const id of page.removed) this.#nodes.delete(id);
      this.#cursor = page.cursor;
      hasMore = page.hasMore;
    }
  }

  /** Size by path below the source's root; null for a collection. What hangs nowhere is under `?`. */
  tree(): Map<string, number | null> {
    return new Map([...this.#paths()].map(([path, { sizeBytes }]) => [path, sizeBytes]));
  }

  ids(): Map<string, string> {
    return new Map([...this.#paths()].map(([path, { id }]) => [path, id]));
  }

  #paths(): Map<string, FollowedNode> {
    const paths = new Map<string, FollowedNode>();
    const pathOf = (node: FollowedNode): string => {
      const parent = node.parentId === null ? undefined : this.#nodes.get(node.parentId);
      if (parent === undefined) return `?${node.parentId}/${node.name}`;
      return parent.parentId === null ? node.name : `${pathOf(parent)}/${node.name}`;
    };
    for (const node of this.#nodes.values()) {
      if (node.parentId === null) continue;
      let path = pathOf(node);
      // A client that cannot hold one name twice would be lost.
      while (paths.has(path)) path += ' TWICE';
      paths.set(path, node);
    }
    return paths;
  }
}

/** What `/api/v1` answers, as far as it is needed here. */
interface ApiNode {
  readonly id: string;
  readonly parent_id: string | null;
  readonly name: string;
  readonly is_directory: boolean;
  readonly size: number;
}

interface ApiChange {
  readonly removed: boolean;
  readonly node?: ApiNode;
  readonly node_id?: string;
}

interface ApiChanges {
  readonly changes: readonly ApiChange[];
  readonly cursor: number;
  readonly has_more: boolean;
}

interface ApiMembers {
  readonly children: readonly ApiNode[];
  readonly next: string | null;
}

/** The feed of a server with one source. @param url where it is now; may change with a restart. */
export function httpFeed(url: () => string): ChangeFeed {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${url()}/api/v1${path}`);
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    async page(cursor) {
      const page = await get<ApiChanges>(`/changes?cursor=${cursor}&max_size=1000`);
      const updated = page.changes.flatMap(({ node }) => (node === undefined ? [] : [node]));
      return {
        updated: updated.filter(({ parent_id }) => parent_id !== null).map(followed),
        removed: page.changes.flatMap(({ node_id: id }) => (id === undefined ? [] : [id])),
        ...{ cursor: page.cursor, hasMore: page.has_more },
      };
    },
    async listing() {
      const head = async () => (await get<{ cursor: number }>('/cursor')).cursor;
      const cursor = await head();
      const nodes: FollowedNode[] = [];
      const visit = async (id: string): Promise<void> => {
        for (let after: string | null = ''; after !== null; ) {
          const page: ApiMembers = await get(`/nodes/${id}/children?after=${encodeURIComponent(after)}`);
          for (const member of page.children) {
            nodes.push(followed(member));
            if (member.is_directory) await visit(member.id);
          }
          after = page.next;
        }
      };
      try {
        await visit(SUPER_ROOT_ID);
      } catch (error) {
        // Gone between its folder's listing and its own; anything else is wrong.
        if ((await head()) === cursor) throw error;
        return null;
      }
      return (await head()) === cursor ? { cursor, nodes } : null;
    },
  };
}

const SUPER_ROOT_ID = '00000000-0000-0000-0000-000000000000';

function followed({ id, parent_id: parentId, name, is_directory: isFolder, size }: ApiNode): FollowedNode {
  return {
    id,
    parentId: parentId === SUPER_ROOT_ID ? null : parentId,
    name,
    sizeBytes: isFolder ? null : size,
  };
}
