import type { Readable } from 'node:stream';
import { CodedError } from '../model/coded-error.ts';
import type { CollectionNode, Node } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';
import type { CopyWrite, MoveWrite, Permit, PutWrite, TreeWriter, WriteFailure } from '../model/write.ts';
import type { ScratchStore } from '../scratch/scratch-store.ts';

export interface WritePlaceOptions {
  /** As it was asked for. */
  readonly path: ResourcePath;
  /** What is there; null: nothing. */
  readonly node: Node | null;
  /** What it is in; null: there is no such collection, or this is the top of a source, or the root above all of them. */
  readonly parent: CollectionNode | null;
  readonly sourceId: number;
  /** As in `SourceRef.path`; `''` for what has its place by the settings: the top of a source, or the root above. */
  readonly storedPath: string;
  /** Null above all sources, and where something can only be copied from. */
  readonly writer: TreeWriter | null;
  /** See `Vfs.keyOf`. */
  readonly key: string;
  /** See `WritePlace.shownPath`. Absent: the path it was asked by. */
  readonly shownPath?: () => Promise<ResourcePath>;
  /** Where system litter in and beside it is kept; null where none is. */
  readonly litter: ScratchStore | null;
  /** Reads what is there, for a place in a source; null where only the source itself can copy. */
  readonly read: ((signal: AbortSignal) => Promise<Readable>) | null;
  /** Removes what `read` reads. Throws `changed` when something else is there by now. Absent where it stays in any case. */
  readonly removeRead?: () => void;
}

/** One of many resources that could not be changed. */
export interface ResourceFailure {
  readonly path: ResourcePath;
  readonly error: CodedError;
}

/**
 * A place in the tree where something is to be written: the one who knows which path of which source that is. Whether
 * a client may, and whether what it believes still holds, is for the edge to find out first.
 */
export class WritePlace {
  readonly path: ResourcePath;
  readonly node: Node | null;
  readonly parent: CollectionNode | null;
  readonly #options: WritePlaceOptions;

  constructor(options: WritePlaceOptions) {
    this.path = options.path;
    this.node = options.node;
    this.parent = options.parent;
    this.#options = options;
  }

  /** One text for the place, whichever of its names it was asked by. */
  get key(): string {
    return this.#options.key;
  }

  /** Where what is there is listed, or would be if it was made now and nothing else had its name already. */
  async shownPath(): Promise<ResourcePath> {
    return (await this.#options.shownPath?.()) ?? this.path;
  }

  /** Is it a row of the catalog, which dead properties can be kept with? */
  get keepsProperties(): boolean {
    return this.node !== null && this.node.id > 0;
  }

  /** Has its place by the settings, so that it can be neither removed nor replaced nor moved. */
  get isFixed(): boolean {
    return this.#options.storedPath === '';
  }

  /** See `TreeWriter.put`. */
  async put(content: Readable, write: PutWrite, signal: AbortSignal): Promise<void> {
    await this.#writable().put(this.#options.storedPath, content, write, signal);
  }

  /** See `TreeWriter.makeCollection`. */
  async makeCollection(signal: AbortSignal, permit?: Permit): Promise<void> {
    await this.#writable().makeCollection(this.#options.storedPath, signal, permit);
  }

  /** See `TreeWriter.remove`. */
  async remove(signal: AbortSignal, permit?: Permit): Promise<readonly ResourceFailure[]> {
    const failures = this.#located(await this.#writable().remove(this.#options.storedPath, signal, permit));
    if (failures.length === 0) this.#options.litter?.removeTree(this.key);
    return failures;
  }

  /** See `TreeWriter.move`. Rejects `unsupported` for a place in another source. */
  async moveTo(to: WritePlace, write: MoveWrite, signal: AbortSignal): Promise<readonly ResourceFailure[]> {
    if (await this.#carryTo(to, write, signal)) {
      await write.mayRemove?.();
      this.#options.removeRead?.();
      return [];
    }
    this.#checkSameSource(to);
    const { storedPath } = to.#options;
    const failures = await this.#writable().move(this.#options.storedPath, storedPath, write, signal);
    // All of them are in the way there, or all could not be removed here.
    if (failures.length === 0) this.#options.litter?.moveTree(this.key, to.key);
    const isThere = `${failures[0]?.path}/`.startsWith(`${storedPath}/`);
    return (isThere ? to : this).#located(failures);
  }

  /** See `TreeWriter.copy`. Rejects `unsupported` for a place in another source. */
  async copyTo(to: WritePlace, write: CopyWrite, signal: AbortSignal): Promise<readonly ResourceFailure[]> {
    if (await this.#carryTo(to, write, signal)) return [];
    this.#checkSameSource(to);
    const { storedPath } = to.#options;
    to.#writable();
    return to.#located(await this.#writable().copy(this.#options.storedPath, storedPath, write, signal));
  }

  /** See `TreeWriter.setModifiedTime`. */
  async setModifiedTime(modifiedMs: number, signal: AbortSignal, permit?: Permit): Promise<void> {
    await this.#writable().setModifiedTime(this.#options.storedPath, modifiedMs, signal, permit);
  }

  /** See `TreeWriter.undisturbed`. Above all sources there is nothing to be disturbed by. */
  async undisturbed<T>(work: () => Promise<T>): Promise<T> {
    const { writer } = this.#options;
    return writer === null ? await work() : await writer.undisturbed(work);
  }

  /** See `TreeWriter.checkSpace`. */
  async checkSpace(sizeBytes: number, signal: AbortSignal): Promise<void> {
    const { storedPath } = this.#options;
    const folder = storedPath.slice(0, Math.max(storedPath.lastIndexOf('/'), 0));
    await this.#writable().checkSpace(folder, sizeBytes, signal);
  }

  #writable(): TreeWriter {
    const { writer } = this.#options;
    if (writer !== null && !this.isFixed) return writer;
    if (this.#options.read !== null)
      throw new CodedError(
        'denied',
        'Of a folder that is only a view, single files can be copied, not all of it.',
      );
    throw new CodedError('denied', 'The settings of this server say what is here: it stays as it is.');
  }

  /**
   * macOS saves by moving a file from a folder of temporary items to its place; and what a view of a source shows has no
   * path there: where the source cannot show it in two places itself, its bytes are put. @returns false where neither is so.
   */
  async #carryTo(to: WritePlace, { over, permit }: MoveWrite, signal: AbortSignal): Promise<boolean> {
    const { read, sourceId, writer } = this.#options;
    const isOneSource = sourceId === to.#options.sourceId;
    if (read === null || isOneSource !== (writer === null) || this.node?.kind !== 'asset') return false;
    const { sizeBytes, modifiedMs, ref } = this.node.asset;
    if (isOneSource) {
      const { storedPath } = to.#options;
      const write = { over, ...(permit && { permit }) };
      if (await to.#writable().copyAsset(ref.id, storedPath, write, signal)) return true;
    }
    const content = await read(signal);
    try {
      const claims = { sizeBytes, digests: {}, modifiedMs };
      await to.put(content, { claims, over, ...(permit && { permit }) }, signal);
    } finally {
      content.destroy();
    }
    return true;
  }

  #checkSameSource(other: WritePlace): void {
    if (other.#options.sourceId === this.#options.sourceId || other.isFixed || this.isFixed) return;
    const text = 'Between two sources nothing is copied or moved by this server: download and upload it.';
    throw new CodedError('unsupported', text);
  }

  /** Resources by their paths in the source; the source's own names lead to them as the shown ones do. */
  #located(failures: readonly WriteFailure[]): readonly ResourceFailure[] {
    return failures.map(({ path, code, message }) => {
      const below = path.slice(this.#options.storedPath.length).split('/').filter(Boolean);
      const located = below.reduce((above, name) => above.child(name), this.path);
      return { path: located, error: new CodedError(code, message) };
    });
  }
}
