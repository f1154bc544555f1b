import { createHash, randomUUID } from 'node:crypto';
import { Content, type ContentInit } from './content.ts';
import { imageSize } from './image-size.ts';
import { Jobs } from './jobs.ts';
import { extensionOf, kindOf } from './media-types.ts';
import {
  type Album,
  type AlbumInit,
  type ApiKey,
  type Asset,
  type AssetInit,
  EMPTY_EXIF,
  type Memory,
  type Person,
  type Role,
  type Stack,
  type Tag,
  type User,
} from './model.ts';
import { Clock, type TimeLike, toInstant } from './time.ts';

const DEFAULT_FILE_TIME = '2024-01-02T03:04:05.678Z';

/** How a change of membership shows on the album, which differs between version families. */
export interface ChangeRules {
  readonly removalMovesUpdatedAt: boolean;
}

/** What the fake server has in its database: plain state, and the changes a person or a job of Immich could make to it. */
export class Library {
  readonly users = new Map<string, User>();
  readonly keys = new Map<string, ApiKey>();
  readonly assets = new Map<string, Asset>();
  readonly albums = new Map<string, Album>();
  readonly stacks = new Map<string, Stack>();
  readonly tags = new Map<string, Tag>();
  readonly people = new Map<string, Person>();
  readonly memories = new Map<string, Memory>();
  readonly jobs = new Jobs();
  /** What uploads leave behind instead of the bytes that came: a broken disk, a proxy that changes files. */
  storedInstead: Buffer | null = null;
  /** What machine learning finds for some words; null: it is off. */
  smartSearch: ((words: string, asset: Asset) => boolean) | null = null;
  /** Ids of users whose timelines a user sees as well, as searches answer them; read in the source, not recorded. */
  readonly partners = new Map<string, readonly string[]>();
  /** Set by the server to those of the version it plays. */
  rules: ChangeRules = { removalMovesUpdatedAt: false };
  readonly #clock = new Clock();
  readonly #checksums = new Map<string, Map<string, string>>();

  addUser(init: { name: string; email: string; id?: string; isAdmin?: boolean; avatarColor?: string }): User {
    const now = this.#clock.stamp();
    const user: User = {
      id: init.id ?? randomUUID(),
      name: init.name,
      email: init.email,
      isAdmin: init.isAdmin ?? false,
      avatarColor: init.avatarColor ?? 'primary',
      createdAt: now,
      updatedAt: now,
    };
    this.users.set(user.id, user);
    return user;
  }

  addKey(init: {
    user: User | string;
    key?: string;
    name?: string;
    permissions?: 'all' | readonly string[];
  }): ApiKey {
    const key: ApiKey = {
      id: randomUUID(),
      key: init.key ?? randomUUID().replaceAll('-', ''),
      userId: idOf(init.user),
      name: init.name ?? 'test',
      permissions: init.permissions === undefined || init.permissions === 'all' ? ['all'] : init.permissions,
      createdAt: this.#clock.stamp(),
    };
    this.keys.set(key.key, key);
    return key;
  }

  removeKey(key: ApiKey | string): void {
    this.keys.delete(typeof key === 'string' ? key : key.key);
  }

  addAsset(init: AssetInit): Asset {
    const now = this.#clock.stamp();
    const id = init.id ?? randomUUID();
    const ownerId = idOf(init.owner);
    const content = Content.from(init.content);
    const fileCreatedAt = toInstant(init.fileCreatedAt ?? DEFAULT_FILE_TIME);
    const fileModifiedAt = toInstant(init.fileModifiedAt ?? init.fileCreatedAt ?? DEFAULT_FILE_TIME);
    const width = init.width ?? 640;
    const height = init.height ?? 480;
    const asset: Asset = {
      id,
      ownerId,
      deviceAssetId: init.deviceAssetId ?? `${init.name}-${content.size}`,
      deviceId: init.deviceId ?? 'fake',
      libraryId: init.library?.id ?? null,
      type: init.type ?? kindOf(init.name),
      originalPath:
        init.library?.path ??
        `/data/upload/${ownerId}/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}${extensionOf(init.name)}`,
      originalFileName: init.name,
      content,
      thumbhash: init.thumbhash === undefined ? 'G6kKPZCArGd4dpmId4d3hz+G+G6G' : init.thumbhash,
      fileCreatedAt,
      fileModifiedAt,
      localDateTime: toInstant(init.localDateTime ?? fileCreatedAt),
      createdAt: now,
      updatedAt: now,
      isFavorite: init.isFavorite ?? false,
      isOffline: false,
      visibility: init.visibility ?? 'timeline',
      deletedAt: init.trashed === true ? now : null,
      durationMs: init.durationMs ?? null,
      width,
      height,
      isEdited: false,
      edited: null,
      exif:
        init.exif === null
          ? null
          : {
              ...EMPTY_EXIF,
              exifImageWidth: width,
              exifImageHeight: height,
              fileSizeInByte: content.size,
              dateTimeOriginal: fileCreatedAt,
              modifyDate: fileModifiedAt,
              ...init.exif,
            },
      livePhotoVideoId: init.livePhotoVideoId ?? null,
      duplicateId: null,
      tagIds: init.tagIds ?? [],
      personIds: [],
    };
    this.assets.set(id, asset);
    this.#checksums.get(ownerId)?.set(this.checksumOf(asset), id);
    return asset;
  }

  /** Somebody edits a photo in Immich: its checksum, size and name stay those of the original. */
  editAsset(asset: Asset | string, content: ContentInit, size: { width: number; height: number }): void {
    this.updateAsset(asset, { edited: Content.from(content), isEdited: true, ...size });
  }

  /** Base64, as the API shows it: of the content for uploads, of the path for external libraries. */
  checksumOf(asset: Asset): string {
    return asset.libraryId === null
      ? asset.content.sha1().toString('base64')
      : createHash('sha1').update(`path:${asset.originalPath}`).digest('base64');
  }

  /** The checksum that an upload of these bytes would get. */
  checksumOfContent(content: ContentInit): string {
    return Content.from(content).sha1().toString('base64');
  }

  /** The owner's asset of that checksum, the trash included. The index is built on first use, since it costs every asset's hash. */
  assetByChecksum(ownerId: string, checksum: string): Asset | undefined {
    let index = this.#checksums.get(ownerId);
    if (index === undefined) {
      index = new Map();
      for (const asset of this.assets.values()) {
        if (asset.ownerId === ownerId) index.set(this.checksumOf(asset), asset.id);
      }
      this.#checksums.set(ownerId, index);
    }
    return this.assets.get(index.get(checksum) ?? '');
  }

  /** Any change of the asset's row: shows in its `updatedAt` and, from 1.144 on, in `lastModifiedAssetTimestamp` of its albums. */
  updateAsset(asset: Asset | string, change: Partial<Omit<Asset, 'id' | 'ownerId' | 'exif'>>): Asset {
    const row = this.asset(asset);
    Object.assign(row, change, { updatedAt: this.#clock.tick() });
    return row;
  }

  /** A change of the exif row only, which moves no timestamp. */
  updateExif(asset: Asset | string, change: Partial<NonNullable<Asset['exif']>> | null): void {
    const row = this.asset(asset);
    row.exif = change === null ? null : { ...(row.exif ?? EMPTY_EXIF), ...change };
  }

  trash(...assets: readonly (Asset | string)[]): void {
    for (const asset of assets) this.updateAsset(asset, { deletedAt: this.#clock.tick() });
  }

  restore(...assets: readonly (Asset | string)[]): void {
    for (const asset of assets) this.updateAsset(asset, { deletedAt: null });
  }

  /** For good; a live photo takes its video part with it. */
  deleteAsset(asset: Asset | string): void {
    const row = this.asset(asset);
    this.assets.delete(row.id);
    this.#checksums.delete(row.ownerId);
    for (const album of this.albums.values()) album.assetIds.delete(row.id);
    for (const stack of this.stacks.values()) {
      if (stack.assetIds.includes(row.id)) this.stacks.delete(stack.id);
    }
    const part = row.livePhotoVideoId;
    const isUsed = [...this.assets.values()].some((other) => other.livePhotoVideoId === part);
    if (part !== null && this.assets.has(part) && !isUsed) this.deleteAsset(part);
  }

  addAlbum(init: AlbumInit): Album {
    const now = init.createdAt === undefined ? this.#clock.tick() : toInstant(init.createdAt);
    const assetIds = (init.assets ?? []).map(idOf);
    const album: Album = {
      id: init.id ?? randomUUID(),
      ownerId: idOf(init.owner),
      albumName: init.name,
      description: init.description ?? '',
      createdAt: now,
      updatedAt: now,
      order: 'desc',
      isActivityEnabled: true,
      albumThumbnailAssetId: assetIds[0] ?? null,
      users: new Map(Object.entries(init.users ?? {})),
      assetIds: new Set(assetIds),
    };
    this.albums.set(album.id, album);
    return album;
  }

  addToAlbum(album: Album | string, ...assets: readonly (Asset | string)[]): void {
    const row = this.album(album);
    for (const asset of assets) row.assetIds.add(idOf(asset));
    row.albumThumbnailAssetId ??= row.assetIds.values().next().value ?? null;
    row.updatedAt = this.#clock.tick();
  }

  removeFromAlbum(album: Album | string, ...assets: readonly (Asset | string)[]): void {
    const row = this.album(album);
    for (const asset of assets) row.assetIds.delete(idOf(asset));
    if (this.rules.removalMovesUpdatedAt) row.updatedAt = this.#clock.tick();
  }

  renameAlbum(album: Album | string, name: string): void {
    this.updateAlbum(album, { albumName: name });
  }

  updateAlbum(
    album: Album | string,
    change: Partial<
      Pick<Album, 'albumName' | 'description' | 'order' | 'isActivityEnabled' | 'albumThumbnailAssetId'>
    >,
  ): Album {
    return Object.assign(this.album(album), change, { updatedAt: this.#clock.tick() });
  }

  shareAlbum(album: Album | string, user: User | string, role: Role | null): void {
    const row = this.album(album);
    if (role === null) row.users.delete(idOf(user));
    else row.users.set(idOf(user), role);
    row.updatedAt = this.#clock.tick();
  }

  deleteAlbum(album: Album | string): void {
    this.albums.delete(idOf(album));
  }

  addStack(...assets: readonly [Asset | string, ...(Asset | string)[]]): Stack {
    const assetIds = assets.map(idOf);
    const primary = this.asset(assets[0]);
    const stack = { id: randomUUID(), ownerId: primary.ownerId, primaryAssetId: primary.id, assetIds };
    this.stacks.set(stack.id, stack);
    for (const id of assetIds) this.updateAsset(id, {});
    return stack;
  }

  /** `trip/japan` makes its parent `trip` too, if that is missing. */
  addTag(user: User | string, value: string, id: string = randomUUID()): Tag {
    const userId = idOf(user);
    const known = [...this.tags.values()].find((tag) => tag.userId === userId && tag.value === value);
    if (known !== undefined) return known;
    const slash = value.lastIndexOf('/');
    const now = this.#clock.stamp();
    const parentId = slash === -1 ? null : this.addTag(user, value.slice(0, slash)).id;
    const tag = { id, userId, value, parentId, createdAt: now, updatedAt: now };
    this.tags.set(id, tag);
    return tag;
  }

  tagAsset(asset: Asset | string, tag: Tag): void {
    this.updateAsset(asset, { tagIds: [...this.asset(asset).tagIds, tag.id] });
  }

  /** A named person, with one face in each of the assets. */
  addPerson(init: {
    owner: User | string;
    name: string;
    id?: string;
    isHidden?: boolean;
    assets: (Asset | string)[];
  }): Person {
    const id = init.id ?? randomUUID();
    const { name, isHidden = false } = init;
    const person = { id, ownerId: idOf(init.owner), name, isHidden, updatedAt: this.#clock.stamp() };
    this.people.set(id, person);
    for (const asset of init.assets) this.asset(asset).personIds.push(id);
    return person;
  }

  /** @param init `year`: the one that is looked back at; default: that of `memoryAt`. */
  addMemory(init: {
    owner: User | string;
    memoryAt: TimeLike;
    year?: number;
    assets: readonly (Asset | string)[];
  }): Memory {
    const memoryAt = toInstant(init.memoryAt);
    const memory = {
      id: randomUUID(),
      ownerId: idOf(init.owner),
      year: init.year ?? new Date(memoryAt).getUTCFullYear(),
      memoryAt,
      createdAt: this.#clock.stamp(),
      assetIds: init.assets.map(idOf),
    };
    this.memories.set(memory.id, memory);
    return memory;
  }

  /** An upload as the server stores it: name, size and checksum at once; picture size, thumbnail and date by a later job. */
  upload(init: AssetInit): Asset {
    const asset = this.addAsset({ ...init, thumbhash: null, content: this.storedInstead ?? init.content });
    Object.assign(asset, { width: null, height: null });
    asset.exif = { ...EMPTY_EXIF, fileSizeInByte: asset.content.size };
    this.jobs.add(() => this.#readMetadata(asset));
    return asset;
  }

  #readMetadata(asset: Asset): void {
    if (!this.assets.has(asset.id)) return;
    const size = imageSize(asset.content.bytes(0, Math.min(asset.content.size, 65536)));
    const width = size?.width ?? null;
    const height = size?.height ?? null;
    this.updateExif(asset, {
      exifImageWidth: width,
      exifImageHeight: height,
      dateTimeOriginal: asset.fileCreatedAt,
      modifyDate: asset.fileModifiedAt,
    });
    this.updateAsset(asset, { width, height });
    // Garbage with the name of a picture never gets a thumbnail.
    if (size === undefined) return;
    this.jobs.add(() => {
      if (this.assets.has(asset.id))
        this.updateAsset(asset, { thumbhash: 'lUoDBwBpah15iIeIiJh4aHiOgICIZ3gA' });
    });
  }

  /**
   * What the server does before it answers an album request: an album whose cover is gone gets its newest asset as cover,
   * and that moves `updatedAt`, as it does on real servers.
   */
  refreshCovers(): void {
    for (const album of this.albums.values()) {
      const cover = this.assets.get(album.albumThumbnailAssetId ?? '');
      if (cover !== undefined && cover.deletedAt === null && album.assetIds.has(cover.id)) continue;
      const newest = this.assetsOf(album)
        .filter((asset) => asset.deletedAt === null)
        .reduce<Asset | null>(
          (best, asset) => (best === null || asset.fileCreatedAt > best.fileCreatedAt ? asset : best),
          null,
        );
      if ((newest?.id ?? null) === album.albumThumbnailAssetId) continue;
      this.updateAlbum(album, { albumThumbnailAssetId: newest?.id ?? null });
    }
  }

  /** Every member still in the database, the trash included. */
  assetsOf(album: Album): Asset[] {
    return [...album.assetIds].map((id) => this.assets.get(id)).filter((asset) => asset !== undefined);
  }

  stackOf(asset: Asset): Stack | undefined {
    for (const stack of this.stacks.values()) if (stack.assetIds.includes(asset.id)) return stack;
    return undefined;
  }

  asset(asset: Asset | string): Asset {
    return found(this.assets.get(idOf(asset)), 'asset', idOf(asset));
  }

  album(album: Album | string): Album {
    return found(this.albums.get(idOf(album)), 'album', idOf(album));
  }

  user(user: User | string): User {
    return found(this.users.get(idOf(user)), 'user', idOf(user));
  }
}

function idOf(thing: { id: string } | string): string {
  return typeof thing === 'string' ? thing : thing.id;
}

function found<T>(thing: T | undefined, kind: string, id: string): T {
  if (thing === undefined) throw new Error(`the fake library has no ${kind} ${id}`);
  return thing;
}
