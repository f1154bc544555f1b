import { type MediaTypes, mediaTypes } from './media-types.ts';

export type Version = '1.118.0' | '1.144.1' | '2.7.5' | '3.1.0';

/** How one version of Immich behaves, where versions differ. Recorded on real servers; nothing else may ask for the number. */
export interface Traits {
  readonly version: Version;
  /** Error bodies and validation: the long form with `error` and `statusCode`, or the short one with zod issues. */
  readonly errors: 'long' | 'short';
  /** `album`: only albums, tags, people, memories, API keys and restore ask for a permission. `all`: everything does. */
  readonly permissions: 'album' | 'all';
  readonly features: Readonly<Record<string, boolean>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly mediaTypes: MediaTypes;
  readonly hasOwnKeyInfo: boolean;
  readonly hasSync: boolean;

  readonly album: {
    /** `GET /albums`: `owned` lists the user's own and knows `shared`; `all` lists every visible one and knows `isOwned` and so on. */
    readonly list: 'owned' | 'all';
    /** Whether album answers have `assets`, `ownerId` and `owner`. */
    readonly hasAssetsAndOwner: boolean;
    readonly hasContributorCounts: boolean;
    readonly getHasLastModified: boolean;
    /** `lastModifiedAssetTimestamp` is the newest row change, or only the newest file date. */
    readonly lastModified: 'row' | 'file';
    /** The dates of an album: full times of `fileCreatedAt`, or days of `localDateTime`. */
    readonly span: 'instant' | 'local-day';
    readonly createShowsExif: boolean;
    readonly removalMovesUpdatedAt: boolean;
    readonly emptyPatchMovesUpdatedAt: boolean;
    readonly editorMayRename: boolean;
    readonly deleteStatus: 200 | 204;
    readonly addPermission: string;
    readonly removePermission: string;
    readonly hasBulkAdd: boolean;
  };

  readonly search: {
    /** `albumIds`: not known and ignored; only the caller's own timeline; or everything in albums the caller may read. */
    readonly albumIds: 'ignored' | 'own-timeline' | 'album-access';
    readonly hasTagIds: boolean;
    /** What a search without visibility shows. */
    readonly shows: 'not-archived' | 'timeline' | 'not-locked';
    readonly exifJoin: 'left' | 'inner';
    readonly hasWithStacked: boolean;
    readonly hasStableOrder: boolean;
    readonly personFilterShowsPeople: boolean;
  };

  readonly asset: {
    readonly hasVisibility: boolean;
    readonly hasCreatedAt: boolean;
    readonly hasDimensions: boolean;
    readonly hasDevice: boolean;
    readonly hasUnassignedFaces: boolean;
    readonly duration: 'text' | 'milliseconds';
    readonly updateAnswersOwnerAndTags: boolean;
    /** Dates of exif and of joined rows: `…Z`, or as the database writes them. */
    readonly joinedDates: 'iso' | 'database';
    readonly hasCopy: boolean;
    /** What of a changed capture date shows in the exif at once; the rest follows with a job. */
    readonly dateChangeShows: 'nothing' | 'date' | 'date-and-zone';
  };

  readonly original: {
    readonly missingStatus: 400 | 404;
    readonly failedStatus: 500 | 404;
    readonly malformedRange: 'fails' | 'ignored';
    readonly hasDisposition: boolean;
    /** `?edited=true` gives the edited rendition, if there is one. */
    readonly hasEdited: boolean;
    readonly cacheControl: string;
  };

  readonly thumbnail: {
    readonly sizes: readonly string[];
    readonly original: 'unknown' | 'refused' | 'redirect';
    readonly missingCacheControl: string | undefined;
  };

  readonly upload: {
    readonly needsDevice: boolean;
    /** The `filename` field: not known; stored, but the part's name is checked; stored and checked. */
    readonly filenameField: 'ignored' | 'stored' | 'checked';
    readonly refusesEmpty: boolean;
  };

  readonly timeline: 'sized' | 'columns' | 'columns-created';
  readonly memoriesFail: boolean;
}

const FEATURES = {
  smartSearch: false,
  facialRecognition: false,
  duplicateDetection: false,
  map: true,
  reverseGeocoding: true,
  importFaces: false,
  sidecar: true,
  search: true,
  trash: true,
  oauth: false,
  oauthAutoLaunch: false,
  passwordLogin: true,
  configFile: true,
  email: false,
};

const CONFIG = {
  loginPageMessage: '',
  trashDays: 30,
  userDeleteDelay: 7,
  oauthButtonText: 'Login with OAuth',
  isInitialized: true,
  isOnboarded: true,
  externalDomain: '',
  mapDarkStyleUrl: 'https://tiles.immich.cloud/v1/style/dark.json',
  mapLightStyleUrl: 'https://tiles.immich.cloud/v1/style/light.json',
};

const CACHE_DAY = 'private, max-age=86400, no-transform';

const V1_118: Traits = {
  version: '1.118.0',
  errors: 'long',
  permissions: 'album',
  features: FEATURES,
  config: CONFIG,
  mediaTypes: mediaTypes([], []),
  hasOwnKeyInfo: false,
  hasSync: false,
  album: {
    list: 'owned',
    hasAssetsAndOwner: true,
    hasContributorCounts: false,
    getHasLastModified: false,
    lastModified: 'file',
    span: 'instant',
    createShowsExif: false,
    removalMovesUpdatedAt: true,
    emptyPatchMovesUpdatedAt: false,
    editorMayRename: false,
    deleteStatus: 200,
    addPermission: 'album.addAsset',
    removePermission: 'album.removeAsset',
    hasBulkAdd: false,
  },
  search: {
    albumIds: 'ignored',
    hasTagIds: false,
    shows: 'not-archived',
    exifJoin: 'left',
    hasWithStacked: false,
    hasStableOrder: false,
    personFilterShowsPeople: false,
  },
  asset: {
    hasVisibility: false,
    hasCreatedAt: false,
    hasDimensions: false,
    hasDevice: true,
    hasUnassignedFaces: true,
    duration: 'text',
    updateAnswersOwnerAndTags: true,
    joinedDates: 'iso',
    hasCopy: false,
    dateChangeShows: 'nothing',
  },
  original: {
    missingStatus: 400,
    failedStatus: 500,
    malformedRange: 'fails',
    hasDisposition: false,
    hasEdited: false,
    cacheControl: CACHE_DAY,
  },
  thumbnail: { sizes: ['preview', 'thumbnail'], original: 'unknown', missingCacheControl: 'none' },
  upload: { needsDevice: true, filenameField: 'ignored', refusesEmpty: false },
  timeline: 'sized',
  memoriesFail: true,
};

const V1_144: Traits = {
  ...V1_118,
  version: '1.144.1',
  permissions: 'all',
  config: { ...CONFIG, publicUsers: true },
  mediaTypes: mediaTypes(['.m2t', '.vob'], ['.jp2']),
  hasOwnKeyInfo: true,
  hasSync: true,
  album: {
    ...V1_118.album,
    getHasLastModified: true,
    lastModified: 'row',
    span: 'local-day',
    createShowsExif: true,
    removalMovesUpdatedAt: false,
    emptyPatchMovesUpdatedAt: true,
    deleteStatus: 204,
    addPermission: 'albumAsset.create',
    removePermission: 'albumAsset.delete',
    hasBulkAdd: true,
  },
  search: {
    ...V1_118.search,
    albumIds: 'own-timeline',
    hasTagIds: true,
    shows: 'timeline',
    exifJoin: 'inner',
    personFilterShowsPeople: true,
  },
  asset: {
    ...V1_118.asset,
    hasVisibility: true,
    hasCreatedAt: true,
    updateAnswersOwnerAndTags: false,
    joinedDates: 'database',
    dateChangeShows: 'date',
  },
  original: { ...V1_118.original, hasDisposition: true },
  thumbnail: {
    sizes: ['fullsize', 'preview', 'thumbnail'],
    original: 'unknown',
    missingCacheControl: undefined,
  },
  upload: { ...V1_118.upload, filenameField: 'stored' },
  timeline: 'columns',
  memoriesFail: false,
};

const V2_7: Traits = {
  ...V1_144,
  version: '2.7.5',
  features: { ...FEATURES, ocr: false },
  config: { ...V1_144.config, maintenanceMode: false },
  mediaTypes: mediaTypes(['.m2t', '.mxf', '.ts', '.vob'], ['.jp2']),
  album: { ...V1_144.album, hasContributorCounts: true, editorMayRename: true },
  search: { ...V1_144.search, hasWithStacked: true, personFilterShowsPeople: false },
  asset: { ...V1_144.asset, hasDimensions: true, hasCopy: true, dateChangeShows: 'date-and-zone' },
  original: {
    ...V1_144.original,
    hasEdited: true,
    cacheControl: `${CACHE_DAY}, stale-while-revalidate=2592000, stale-if-error=2592000`,
  },
  thumbnail: {
    sizes: ['original', 'fullsize', 'preview', 'thumbnail'],
    original: 'refused',
    missingCacheControl: undefined,
  },
  upload: { ...V1_144.upload, filenameField: 'checked' },
};

const V3_1: Traits = {
  ...V2_7,
  version: '3.1.0',
  errors: 'short',
  features: { ...V2_7.features, realtimeTranscoding: false },
  config: { ...V2_7.config, minFaces: 3 },
  mediaTypes: mediaTypes(['.m2t', '.mxf', '.ts', '.vob'], ['.jp2', '.mpo']),
  album: { ...V2_7.album, list: 'all', hasAssetsAndOwner: false },
  search: { ...V2_7.search, albumIds: 'album-access', shows: 'not-locked', hasStableOrder: true },
  asset: { ...V2_7.asset, hasDevice: false, hasUnassignedFaces: false, duration: 'milliseconds' },
  original: { ...V2_7.original, missingStatus: 404, failedStatus: 404, malformedRange: 'ignored' },
  thumbnail: { ...V2_7.thumbnail, original: 'redirect' },
  upload: { needsDevice: false, filenameField: 'checked', refusesEmpty: true },
  timeline: 'columns-created',
};

const ALL: Readonly<Record<Version, Traits>> = {
  '1.118.0': V1_118,
  '1.144.1': V1_144,
  '2.7.5': V2_7,
  '3.1.0': V3_1,
};

export const VERSIONS = Object.keys(ALL) as readonly Version[];

export function traitsOf(version: Version): Traits {
  return ALL[version];
}

export function isVersion(text: string): text is Version {
  return Object.hasOwn(ALL, text);
}
