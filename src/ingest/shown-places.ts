import type { Catalog } from '../catalog/catalog.ts';
import { CodedError } from '../model/coded-error.ts';
import type { AssetNode, Node } from '../model/node.ts';
import type { HeldPlace } from '../provider/provider.ts';

export interface ShownPlacesOptions {
  readonly catalog: Pick<Catalog, 'reader'>;
  /** See `sourcePrefix`. */
  readonly prefix: readonly string[];
  readonly sourceId: () => Promise<number>;
}

/** A source by the names that are shown: where its own may repeat, only those lead to one thing. */
export class ShownPlaces {
  readonly #options: ShownPlacesOptions;

  constructor(options: ShownPlacesOptions) {
    this.#options = options;
  }

  /** What is at a path below the top of the source, or null. */
  async nodeAt(path: string): Promise<Node | null> {
    const { catalog, prefix, sourceId } = this.#options;
    let node: Node | null = await catalog.reader.root(await sourceId());
    const names = path === '' ? prefix : [...prefix, ...path.split('/')];
    for (const name of names) {
      node = node?.kind === 'collection' ? await catalog.reader.child(node.id, name) : null;
    }
    return node;
  }

  async refAt(path: string): Promise<string | null> {
    const node = await this.nodeAt(path);
    return node?.kind === 'asset' ? node.asset.ref.id : (node?.ref ?? null);
  }

  /** Places of an asset in one collection of the source. */
  async placesOf(refId: string, collection: string): Promise<readonly HeldPlace[]> {
    const { prefix, catalog } = this.#options;
    const places: HeldPlace[] = [];
    for (const { id, storedName: name } of await this.nodesOf(refId, collection)) {
      const names = await catalog.reader.pathOf(id);
      // A view beside what can be written to shows it too.
      if (prefix.some((above, at) => names[at] !== above)) continue;
      places.push({ path: names.slice(prefix.length).join('/'), name });
    }
    return places;
  }

  async nodesOf(refId: string, collection: string): Promise<readonly AssetNode[]> {
    const { catalog, sourceId } = this.#options;
    return await catalog.reader.placesOf(await sourceId(), refId, collection);
  }

  /**
   * Rejects `denied` when something has the name but for its case: no two names of a collection differ by that alone.
   * @param except what is at this path goes from there.
   */
  async checkName(path: string, except: string | null = null): Promise<void> {
    if ((await this.nodeAt(path)) !== null) return;
    const at = path.lastIndexOf('/');
    const above = await this.nodeAt(path.slice(0, Math.max(at, 0)));
    if (above?.kind !== 'collection') return;
    const namesake = await this.#options.catalog.reader.namesake(above.id, path.slice(at + 1));
    if (namesake === null) return;
    if (except !== null && (await this.nodeAt(except))?.id === namesake.id) return;
    const text = `Names in an album have to differ by more than case, and "${namesake.name}" is there already.`;
    throw new CodedError('denied', text);
  }
}
