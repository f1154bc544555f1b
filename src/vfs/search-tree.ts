import { createHash } from 'node:crypto';
import type { AssetFacts, SourceRef } from '../model/asset.ts';
import { CodedError } from '../model/coded-error.ts';
import { foldName, type NamePolicy, safeName, tagName, tagsOf } from '../model/name.ts';
import type { AssetNode, CollectionNode, Node, NodeId } from '../model/node.ts';
import { RecentSearches, type SearchAnswer } from './recent-searches.ts';

/** The folder of a source whose folders are searches. */
export const SEARCH_NAME = 'search';

/** Ids of the catalog are above 0, those of system litter a little below; these are far below. */
const HIGHEST_ID = -(2 ** 40);
const MAX_WORDS_LENGTH = 200;
/** What programs look for, whatever folder they are in: `folder.jpg`, `autorun.inf`. Nobody types an ending. */
const FILE_ENDING = /\.\w{1,5}$/;

/** What can be searched. */
export interface Searchable {
  search(words: string, limit: number, signal: AbortSignal): Promise<readonly AssetFacts[]>;
  describe(ref: SourceRef, signal: AbortSignal): Promise<AssetFacts>;
}

export interface SearchTreeOptions {
  readonly source: Searchable;
  readonly sourceId: number;
  readonly names: NamePolicy;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Is it of an answer to a search, and no row of the catalog? */
export function isSearchNode({ id }: Pick<Node, 'id'>): boolean {
  return id <= HIGHEST_ID;
}

/**
 * Searches as folders: `search/dog on the beach` holds what the source finds. Only listing such a folder, or asking for
 * something in it, searches; asking whether it is there does not, as systems do so for whatever somebody begins to type.
 * `search` itself holds the searches of the last minutes.
 */
export class SearchTree {
  readonly #options: SearchTreeOptions;
  readonly #recent: RecentSearches;
  readonly #startedMs: number;

  constructor(options: SearchTreeOptions) {
    const { source, now } = options;
    this.#options = options;
    this.#startedMs = now();
    // Whoever asks first may leave; others wait for the same answer.
    const find = (words: string, limit: number) => source.search(words, limit, new AbortController().signal);
    this.#recent = new RecentSearches(find, now);
  }

  /** The folder of all searches. */
  get folder(): CollectionNode {
    const newestMs = this.#recent.all[0]?.foundMs ?? this.#startedMs;
    return this.#collection(SEARCH_NAME, null, newestMs);
  }

  /** What is at a path below the folder of searches, by names. Rejects `not-found`, and as `RecentSearches.run`. */
  async nodeAt(names: readonly string[]): Promise<Node> {
    const [name, member, ...rest] = names;
    if (name === undefined) return this.folder;
    const words = wordsOf(name);
    if (words === null || rest.length > 0) throw nothing();
    if (member === undefined) return this.#collection(name, words, this.#startedMs);
    const answer = await this.#recent.run(words);
    const wanted = member.normalize('NFC');
    const found = this.#nodesOf(answer).find((node) => node.name.normalize('NFC') === wanted);
    if (found === undefined) throw nothing();
    return found;
  }

  /** Members of the folder of searches, or of one of them: that one searches. */
  async members(collection: CollectionNode): Promise<readonly Node[]> {
    if (collection.ref !== null) return this.#nodesOf(await this.#recent.run(collection.ref));
    return this.#recent.all.map(({ words, foundMs }) =>
      this.#collection(safeName(words, this.#options.names), words, foundMs),
    );
  }

  /** The same asset with what the source says of it now. */
  async refresh(node: AssetNode, signal: AbortSignal): Promise<AssetNode> {
    return { ...node, asset: await this.#options.source.describe(node.asset.ref, signal) };
  }

  #collection(name: string, words: string | null, modifiedMs: number): CollectionNode {
    return {
      ...{ kind: 'collection', id: idOf(words ?? ''), parentId: idOf('/'), sourceId: this.#options.sourceId },
      ...{ name, storedName: name, ref: words, isUnread: false, createdMs: this.#startedMs },
      // The time is all that tells of another answer.
      ...{ modifiedMs, changedSeq: 0, stateSeq: modifiedMs },
    };
  }

  /** By the rules of the catalog: the first of equal names keeps it, the others get a tag. */
  #nodesOf({ words, assets }: SearchAnswer): AssetNode[] {
    const { names, sourceId } = this.#options;
    const taken = new Set<string>();
    return assets.flatMap((asset) => {
      const base = safeName(asset.ref.path, names);
      const candidates = [base, ...tagsOf(asset.ref.id).map((tag) => tagName(base, tag))];
      const name = candidates.find((candidate) => !taken.has(foldName(candidate)));
      if (name === undefined) return [];
      taken.add(foldName(name));
      const { modifiedMs, createdMs } = asset;
      return {
        ...{ kind: 'asset', id: idOf(`${words}/${asset.ref.id}`), parentId: idOf(words), sourceId },
        ...{ name, storedName: asset.ref.path, modifiedMs, createdMs, changedSeq: 0, asset, twinId: null },
      };
    });
  }
}

/** What to search for under a name; null: that is none of a search. */
function wordsOf(name: string): string | null {
  const words = name.normalize('NFC').replace(/\s+/g, ' ').trim();
  const isTyped = words.length >= 2 && words.length <= MAX_WORDS_LENGTH && /[\p{L}\p{N}]/u.test(words);
  return isTyped && !/^[.~$]/.test(words) && !FILE_ENDING.test(words) ? words : null;
}

/** The same for the same thing, as long as the server runs and after. */
function idOf(text: string): NodeId {
  return HIGHEST_ID - createHash('sha256').update(text).digest().readUInt32BE(0);
}

function nothing(): CodedError {
  return new CodedError('not-found', 'There is nothing of that name.');
}
