import type { AssetFacts } from '../../../src/model/asset.ts';
import { CodedError, codeOf, isTransient, messageOf } from '../../../src/model/coded-error.ts';
import type { Over } from '../../../src/model/write.ts';
import type { Staged, WriteCall, WrittenEvent } from '../../../src/provider/provider.ts';
import { collectionOf } from '../album-events.ts';
import type { AlbumChanges } from './album-changes.ts';
import { HeldBackFile, timeGivenTo } from './held-back.ts';
import { isHeldBack } from './held-back-id.ts';
import { Placement, requireOriginalAt } from './placement.ts';
import {
  type AlbumPlace,
  albumPlaceAt,
  assetBehind,
  checkOver,
  hasOtherName,
  isAsset,
  missing,
  newAlbumNameAt,
  newAlbumNameOver,
} from './places.ts';
import { notUndone, notYet } from './translate-write-error.ts';
import type { Uploads } from './uploads.ts';

export interface MemberChangesOptions {
  readonly changes: AlbumChanges;
  readonly uploads: Uploads;
  /** Facts of an asset that the catalog may not have, as an album shows it; rejects `denied` for one that none would show. */
  readonly shownFactsOf: (assetId: string, call: WriteCall) => Promise<AssetFacts>;
  /** What DELETE of a file means. */
  readonly deletes: 'album' | 'trash';
  /** Why no album can be made here; null: one can. */
  readonly noNewAlbums: string | null;
  /** Ref of the view that albums are in; null: they are at the top. */
  readonly albumView: string | null;
}

const ADD = 'albumAsset.create';
const TAKE_OUT = 'albumAsset.delete';
/** Clients round times to whole seconds, or to two. */
const SAME_TIME_MS = 2_000;

/** Moves, copies and removes what albums show, and albums themselves. */
export class MemberChanges {
  readonly #options: MemberChangesOptions;

  constructor(options: MemberChangesOptions) {
    this.#options = options;
  }

  async makeAlbum(path: string, call: WriteCall): Promise<void> {
    await this.#makeAlbumNamed(await newAlbumNameAt(path, call), call);
  }

  async #makeAlbumNamed(name: string, call: WriteCall): Promise<void> {
    const { changes, uploads, noNewAlbums } = this.#options;
    if (noNewAlbums !== null) throw new CodedError('denied', noNewAlbums);
    await uploads.requirePermissions(['album.create'], call);
    call.tell(collectionOf(await changes.create(name, call), this.#options.albumView));
  }

  async remove(path: string, call: WriteCall): Promise<void> {
    const { changes, uploads } = this.#options;
    const ref = await call.held.refAt(path);
    if (ref === null) throw missing();
    if (await isAsset(ref, call)) {
      await this.#takeOut(await albumPlaceAt(path, call), call);
      return;
    }
    await uploads.requirePermissions(['album.delete'], call);
    await changes.delete(ref, call);
    call.tell({ kind: 'removed', ref });
  }

  async move(from: string, to: string, over: Over, call: WriteCall): Promise<void> {
    const ref = await call.held.refAt(from);
    if (ref === null) throw missing();
    if (!(await isAsset(ref, call))) await this.#rename(ref, to, over, call);
    else await this.#moveAsset({ ...(await albumPlaceAt(from, call)), ref }, to, over, call);
  }

  async copy(from: string, to: string, isDeep: boolean, call: WriteCall): Promise<Staged> {
    const ref = await call.held.refAt(from);
    if (ref === null) throw missing();
    if (!(await isAsset(ref, call))) {
      await newAlbumNameAt(to, call).catch(unlessInTheWay);
      if (isDeep) throw new CodedError('denied', 'Albums are not copied as a whole: copy what is in them.');
      return stagedBy(async (over) => this.#makeAlbumNamed(await newAlbumNameOver(to, over, call), call));
    }
    if (isHeldBack(ref)) return new HeldBackFile(to, await timeGivenTo(ref, call), call);
    return await this.#stageCopy(ref, from, to, call);
  }

  /** Of what no album needs to show: a view, or a search. */
  async copyAsset(ref: string, to: string, call: WriteCall): Promise<Staged> {
    return await this.#stageCopy(ref, null, to, call);
  }

  /** @param from path of it; null: it has none. */
  async #stageCopy(ref: string, from: string | null, to: string, call: WriteCall): Promise<Staged> {
    await albumPlaceAt(to, call);
    await this.#options.changes.requireMember(ref, call);
    return stagedBy(async (over) => {
      const target = await albumPlaceAt(to, call);
      await checkOver(target, over, call);
      if (target.ref === ref) return;
      const { albumId, name } = target;
      const facts = (await call.held.factsOf(ref)) ?? (await this.#options.shownFactsOf(ref, call));
      // In the same album it is one more name. What the catalog has of another one may be out of date.
      const places = from === null ? [] : await call.held.placesOf(ref, albumId);
      const isWithin = places.some((place) => place.path === from);
      const isAdded = !isWithin && (await this.#add(albumId, ref, call));
      await this.#makeRoom(target, { albumId, ref, isAdded, takenFrom: null }, call);
      call.tell({ kind: 'asset', collection: albumId, name, facts });
    });
  }

  async setModifiedTime(path: string, modifiedMs: number, call: WriteCall): Promise<void> {
    const ref = await call.held.refAt(path);
    const facts = ref === null ? null : await call.held.factsOf(ref);
    if (ref === null) throw missing();
    if (facts === null) throw new CodedError('denied', 'Immich itself keeps the times of albums.');
    if (isHeldBack(ref)) {
      const { albumId, name } = await albumPlaceAt(path, call);
      const event = await eventOf({ albumId, name, ref }, call);
      call.tell({ ...event, facts: { ...facts, modifiedMs }, takes: path });
    } else if (Math.abs(facts.modifiedMs - modifiedMs) >= SAME_TIME_MS) {
      throw new CodedError('denied', 'Immich does not let the time of a file be changed once it has it.');
    }
  }

  async #rename(albumId: string, to: string, over: Over, call: WriteCall): Promise<void> {
    const { changes, uploads } = this.#options;
    const name = await newAlbumNameOver(to, over, call);
    await uploads.requirePermissions(['album.update'], call);
    call.tell(collectionOf(await changes.rename(albumId, name, call), this.#options.albumView));
  }

  async #moveAsset(
    from: AlbumPlace & { readonly ref: string },
    to: string,
    over: Over,
    call: WriteCall,
  ): Promise<void> {
    const { changes } = this.#options;
    const { ref, path } = from;
    const target = await albumPlaceAt(to, call);
    await checkOver(target, over, call);
    const { albumId, name } = target;
    const isOther = albumId !== from.albumId;
    if (isOther && isHeldBack(ref) && assetBehind(ref) !== null) {
      throw new CodedError('denied', 'It is being written, and replaces a photo of this album.');
    }
    if (isHeldBack(ref) && target.ref !== ref && assetBehind(target.ref) !== null) {
      await this.#hold(from, target, over, call);
      return;
    }
    if (!isOther && !isHeldBack(ref) && (await this.#isWrittenOver(target, ref, call))) {
      await this.#saveOver(from, target, call);
      return;
    }
    const staysBehind = isHeldBack(ref) || !isOther || (await hasOtherName(from, ref, call));
    if (!staysBehind) await this.#options.uploads.requirePermissions([TAKE_OUT], call);
    if (isOther && !isHeldBack(ref)) await changes.requireMember(ref, call);
    const isAdded = isOther && !isHeldBack(ref) && (await this.#add(albumId, ref, call));
    // What may be refused comes before the photo that is there goes.
    if (!staysBehind) {
      try {
        await changes.remove(from.albumId, ref, call);
      } catch (error) {
        // Where it is not certain that it is still there, it stays in both: nothing is lost by that.
        const text = 'It may be in both albums now: move it again.';
        if (codeOf(error) !== 'denied')
          throw isAdded && isTransient(error) ? notYet(`${messageOf(error)} ${text}`, error) : error;
        if (isAdded)
          await changes.remove(albumId, ref, call).catch((second: unknown) => {
            throw notUndone(error, second);
          });
        throw error;
      }
    }
    const takenFrom = staysBehind ? null : from.albumId;
    if (target.ref !== ref) await this.#makeRoom(target, { albumId, ref, isAdded, takenFrom }, call);
    if (target.ref === ref) call.tell({ kind: 'gone', path });
    else call.tell({ ...(await eventOf({ albumId, name, ref }, call)), takes: path });
  }

  /** Does a photo go for this one that its album shows nowhere else? */
  async #isWrittenOver(target: AlbumPlace, ref: string, call: WriteCall): Promise<boolean> {
    const old = assetBehind(target.ref);
    return old !== null && old !== ref && !(await hasOtherName(target, old, call));
  }

  /**
   * How programs save: into a file of another name beside it, which is moved over it then. What a PUT over the photo does,
   * but for the bytes, which are there.
   */
  async #saveOver(
    { path, name, ref }: AlbumPlace & { readonly ref: string },
    target: AlbumPlace,
    call: WriteCall,
  ): Promise<void> {
    const { changes, uploads } = this.#options;
    await requireOriginalAt(target, call);
    await uploads.requirePermissions([ADD, 'asset.delete'], call);
    await changes.requireMember(ref, call);
    await changes.requireMember(assetBehind(target.ref) ?? ref, call);
    const placement = new Placement({
      ...{ assetId: ref, changes, call },
      factsOf: () => this.#factsIfThere(ref, call),
      keep: () => undefined,
    });
    const others = await placement.at(target);
    call.tell({ kind: 'gone', path });
    // The name goes with the file, also where a try before has left it.
    for (const album of others) {
      for (const place of await call.held.placesOf(ref, album))
        if (place.name === name) call.tell({ kind: 'gone', path: place.path });
    }
  }

  /** Rejects `changed` for what is in the trash by now: nothing is thrown away for it. */
  async #factsIfThere(ref: string, call: WriteCall): Promise<AssetFacts> {
    const facts = await call.held.factsOf(ref);
    if (facts === null) throw missing();
    if ((await this.#options.changes.isTrashed(ref, call)) === false) return facts;
    throw new CodedError('changed', 'It is not in Immich any more.');
  }

  /** @returns whether it was not in the album before. */
  async #add(albumId: string, ref: string, call: WriteCall): Promise<boolean> {
    await this.#options.uploads.requirePermissions([ADD], call);
    return await this.#options.changes.add(albumId, ref, call);
  }

  /** An empty file over a photo: the photo stays in Immich until there are bytes, as when the file was put there. */
  async #hold(
    { path, ref }: AlbumPlace & { readonly ref: string },
    target: AlbumPlace,
    over: Over,
    call: WriteCall,
  ): Promise<void> {
    if (assetBehind(ref) !== null) {
      throw new CodedError('denied', 'It has no content yet, and replaces another photo already.');
    }
    await requireOriginalAt(target, call);
    await new HeldBackFile(target.path, await timeGivenTo(ref, call), call).place(over);
    call.tell({ kind: 'gone', path });
  }

  /** Takes out what has the name; where that cannot be, what was put in for it is where it was. */
  async #makeRoom(
    target: AlbumPlace,
    put: {
      readonly albumId: string;
      readonly ref: string;
      readonly isAdded: boolean;
      /** Album that it was taken out of; null: none. */
      readonly takenFrom: string | null;
    },
    call: WriteCall,
  ): Promise<void> {
    if (target.ref === null) return;
    const { changes } = this.#options;
    try {
      await this.#takeOut(target, call);
    } catch (error) {
      // Back first: there is no moment in which no album has it.
      try {
        if (put.takenFrom !== null) await changes.add(put.takenFrom, put.ref, call);
        if (put.isAdded) await changes.remove(put.albumId, put.ref, call);
      } catch (second) {
        throw notUndone(error, second);
      }
      throw error;
    }
  }

  /** DELETE of a file: one name of it, or, where it has no other, what the settings say. */
  async #takeOut(place: AlbumPlace, call: WriteCall): Promise<void> {
    const { changes, uploads, deletes } = this.#options;
    const asset = assetBehind(place.ref);
    const gone = { kind: 'gone', path: place.path } as const;
    if (asset === null || (await hasOtherName(place, asset, call))) {
      call.tell(gone);
      return;
    }
    await changes.requireMember(asset, call);
    if (deletes === 'album') {
      await uploads.requirePermissions([TAKE_OUT], call);
      await changes.remove(place.albumId, asset, call);
      call.tell(gone);
      return;
    }
    await uploads.requirePermissions(['asset.delete'], call);
    await changes.trash(asset, call);
    call.tell(gone);
    call.tell({ kind: 'removed', ref: asset });
  }
}

/** A place of an asset as the catalog is to have it. */
async function eventOf(
  { albumId, name, ref }: { readonly albumId: string; readonly name: string; readonly ref: string },
  call: WriteCall,
): Promise<WrittenEvent> {
  const facts = await call.held.factsOf(ref);
  if (facts === null) throw missing();
  const event = { kind: 'asset', collection: albumId, name, facts } as const;
  if (!isHeldBack(ref)) return event;
  const hides = assetBehind(ref);
  return { ...event, isHeldBack: true, ...(hides === null ? {} : { hides }) };
}

/** Nothing is done before it is placed. */
function stagedBy(show: (over: Over) => Promise<void>): Staged {
  const place = async (over: Over) => void (await show(over));
  return { sizeBytes: 0, place, persist: async () => undefined, discard: async () => undefined };
}

/** What is in the way is seen to when the copy is placed. */
function unlessInTheWay(error: unknown): void {
  if (codeOf(error) !== 'exists') throw error;
}
