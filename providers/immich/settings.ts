import type { SettingTable } from '../../src/model/setting.ts';
import {
  apiKey,
  boolean,
  commaList,
  httpUrl,
  numberAbove,
  oneOf,
  someOf,
  text,
} from '../../src/model/setting-parser.ts';
import { VIEW_NAMES } from './views/view-names.ts';

/** Timers of Node cannot wait longer than 2^31 milliseconds (24 days). */
const LONGEST_REFRESH_HOURS = 596;

/** Settings of the one Immich server that needs no YAML file. */
export const IMMICH_SETTINGS = {
  IMMICH_URL: {
    parse: immichUrl,
    default: null,
    help: 'Address of your Immich server, as in the browser.',
    example: 'https://immich.example.com',
  },
  IMMICH_API_KEY: {
    parse: apiKey,
    default: null,
    help: 'API key of your Immich account: in Immich under Account Settings, API Keys.',
    isSecret: true,
  },
  IMMICH_API_KEY_FILE: {
    parse: text,
    default: null,
    help: 'A file that holds the API key (a Docker secret, for example), instead of IMMICH_API_KEY.',
    example: '/run/secrets/immich_api_key',
  },
  IMMICH_MOUNT: {
    parse: text,
    default: 'immich',
    help: 'Folder under which the albums are shown. / shows them at the top, if Immich is the only source.',
  },
  ALBUM_IDS: {
    parse: commaList,
    default: [],
    help: 'Ids of the albums to show, separated by commas; the id is the last part of the album address in the browser. Empty: all albums.',
    example: '6b2a51f4-2d1a-4b4c-9f0a-7e0f6a7f1c11',
  },
  REFRESH_RATE_HOURS: {
    parse: numberAbove(0, LONGEST_REFRESH_HOURS),
    default: 1,
    help: 'Hours between two looks at the albums; 0.5 is half an hour.',
  },
  FLATTEN_ASSET_STRUCTURE: {
    parse: boolean,
    default: null,
    help: 'true shows album/photo.jpg, false shows album/images/photo.jpg and album/videos/clip.mp4. If not set, true where writing is allowed and false elsewhere.',
    example: 'true',
  },
  IMMICH_FULL_READ_HOURS: {
    parse: numberAbove(0, LONGEST_REFRESH_HOURS),
    default: 24,
    help: 'Albums that look unchanged in the list are read anew after so many hours all the same, for the few changes that the list does not tell.',
  },
  IMMICH_RENDITION: {
    parse: oneOf(['original', 'edited', 'preview']),
    default: 'original',
    help: 'original shows files as they were uploaded; edited shows the result where a photo was edited in Immich (2.5 and later); preview shows photos as smaller JPEG files.',
  },
  IMMICH_ARCHIVED: {
    parse: boolean,
    default: true,
    help: 'false leaves archived photos out of the albums.',
  },
  IMMICH_LIVE_VIDEOS: {
    parse: boolean,
    default: false,
    help: 'true shows the video of a live photo beside it: IMG_1.mov beside IMG_1.heic.',
  },
  IMMICH_STACKS: {
    parse: oneOf(['all', 'primary']),
    default: 'all',
    help: 'primary shows only the first photo of each stack; the API key then needs stack.read as well.',
  },
  IMMICH_VIEWS: {
    parse: someOf(VIEW_NAMES),
    default: ['albums'],
    help: 'What is shown: albums, favorites, people, tags, places, timeline, memories. One alone is shown as it is, several (separated by commas) in a folder each.',
    example: 'albums,favorites,timeline',
  },
  IMMICH_SEARCH: {
    parse: boolean,
    default: false,
    help: 'true adds a folder search: opening search/dog on the beach shows what Immich finds. What IMMICH_VIEWS shows is then in folders, too.',
  },
  IMMICH_WRITABLE: {
    parse: boolean,
    default: false,
    help: 'true lets clients change albums and upload to Immich.',
  },
  IMMICH_DELETE: {
    parse: oneOf(['album', 'trash']),
    default: 'album',
    help: 'What deleting a file does: album takes it out of its album, trash puts it into the trash of Immich.',
  },
} as const satisfies SettingTable;

/**
 * Keys of an entry of `sources:` with `type: immich`, there in lower case. Null: what the setting of the same
 * meaning says. Albums and address belong to one server, so they have no such fallback.
 */
export const IMMICH_ENTRY_SETTINGS = {
  URL: { parse: immichUrl, default: null, help: 'As IMMICH_URL.' },
  API_KEY: { parse: apiKey, default: null, help: 'As IMMICH_API_KEY.', isSecret: true },
  API_KEY_FILE: { parse: text, default: null, help: 'As IMMICH_API_KEY_FILE.' },
  ALBUM_IDS: { parse: commaList, default: [], help: 'As ALBUM_IDS.' },
  LAYOUT: {
    parse: someOf(['folders', 'flat', 'type', 'date']),
    default: ['folders'],
    help: 'folders shows the albums; flat, type and date as in LOCAL_LAYOUT.',
  },
  REFRESH_RATE_HOURS: {
    parse: IMMICH_SETTINGS.REFRESH_RATE_HOURS.parse,
    default: null,
    help: 'As REFRESH_RATE_HOURS.',
  },
  FLATTEN_ASSET_STRUCTURE: { parse: boolean, default: null, help: 'As FLATTEN_ASSET_STRUCTURE.' },
  FULL_READ_HOURS: {
    parse: IMMICH_SETTINGS.IMMICH_FULL_READ_HOURS.parse,
    default: null,
    help: 'As IMMICH_FULL_READ_HOURS.',
  },
  RENDITION: { parse: IMMICH_SETTINGS.IMMICH_RENDITION.parse, default: null, help: 'As IMMICH_RENDITION.' },
  ARCHIVED: { parse: boolean, default: null, help: 'As IMMICH_ARCHIVED.' },
  LIVE_VIDEOS: { parse: boolean, default: null, help: 'As IMMICH_LIVE_VIDEOS.' },
  STACKS: { parse: IMMICH_SETTINGS.IMMICH_STACKS.parse, default: null, help: 'As IMMICH_STACKS.' },
  VIEWS: { parse: IMMICH_SETTINGS.IMMICH_VIEWS.parse, default: null, help: 'As IMMICH_VIEWS.' },
  SEARCH: { parse: boolean, default: null, help: 'As IMMICH_SEARCH.' },
  WRITABLE: { parse: boolean, default: null, help: 'As IMMICH_WRITABLE.' },
  DELETE: { parse: IMMICH_SETTINGS.IMMICH_DELETE.parse, default: null, help: 'As IMMICH_DELETE.' },
} as const satisfies SettingTable;

/** The server's base: people copy the address with or without `/api` and slashes at the end. */
function immichUrl(given: string): string {
  return httpUrl(given)
    .replace(/\/api$/, '')
    .replace(/\/+$/, '');
}
