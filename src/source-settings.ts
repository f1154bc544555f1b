import { basename } from 'node:path';
import { IMMICH_ENTRY_SETTINGS, type IMMICH_SETTINGS } from '../providers/immich/settings.ts';
import {
  LOCAL_ENTRY_SETTINGS,
  type LOCAL_SETTINGS,
  type NamedPath,
  parseNamedPath,
} from '../providers/local/settings.ts';
import { COMMANDS } from './config/commands.ts';
import type { Problem } from './config/config-error.ts';
import type { DirectoryArgument } from './config/flags.ts';
import { type Reading, type ReadOptions, readTable } from './config/layers.ts';
import { kindOf, type Place, resolvePath } from './config/place.ts';
import { type Draft, type LocalSourceConfig, nameFault, type SourceConfig } from './config/source-config.ts';
import { checkEntryKeys, ENTRY_SETTINGS } from './config/source-entry.ts';
import type { YamlEntry, YamlFile } from './config/yaml-file.ts';
import type { INGEST_SETTINGS } from './ingest/settings.ts';
import { messageOf } from './model/coded-error.ts';
import { safeName } from './model/name.ts';
import type { SettingValues } from './model/setting.ts';
import { quote } from './model/setting-parser.ts';

const MS_PER_SECOND = 1000;
const MS_PER_HOUR = 3_600_000;
const DEFAULT_MEDIA = './media';

/** Everything that may name a source. */
export interface SourceGivens {
  readonly directories: readonly DirectoryArgument[];
  readonly local: Reading<typeof LOCAL_SETTINGS>;
  readonly immich: Reading<typeof IMMICH_SETTINGS>;
  readonly ingest: SettingValues<typeof INGEST_SETTINGS>;
  readonly yaml: YamlFile;
  readonly place: Place;
  readonly problems: Problem[];
}

/** Where a source is told, for messages. */
interface Origin {
  readonly setting: string;
  readonly where: string | null;
  readonly renaming: string;
}

type CommonValues = SettingValues<typeof ENTRY_SETTINGS>;

/** A folder before it is looked at. */
interface Folder extends NamedPath {
  readonly origin: Origin;
  /** Whoever types a folder wants to see it now; one in a file may be unmounted for a while. */
  readonly mustExist: boolean;
}

const DEFAULT_IMMICH_NAME = 'immich';
const BY_LIST = 'write name=/path to choose a name';
const BY_ENTRY = 'give it another name';

/**
 * All sources that are configured, or `./media` when none is. Folders of the command line take the place of all
 * folders told elsewhere; LOCAL_PATHS of the environment or `.env` takes the place of `watches`, which is its
 * name in the YAML file. Immich servers and the other entries of `sources:` stay beside them.
 */
export function gatherSources(givens: SourceGivens): { drafts: readonly Draft[]; usedDefaultMedia: boolean } {
  return new Gatherer(givens).gather();
}

class Gatherer {
  readonly #givens: SourceGivens;
  readonly #drafts: Draft[] = [];

  constructor(givens: SourceGivens) {
    this.#givens = givens;
  }

  gather(): { drafts: readonly Draft[]; usedDefaultMedia: boolean } {
    const { directories, local, immich, yaml } = this.#givens;
    const typed = this.#typedFolders();
    const folders = typed.length > 0 ? typed : this.#configuredFolders();
    for (const folder of folders) this.#addFolder(folder);

    const hasImmich = immich.given.has('IMMICH_URL') || immich.given.has('IMMICH_API_KEY');
    if (hasImmich) this.#addImmich();
    for (const entry of yaml.entries) this.#addEntry(entry, typed.length > 0);

    // A folder that was told but could not be understood is no reason to complain about ./media as well.
    const isConfigured =
      folders.length > 0 ||
      directories.length > 0 ||
      local.failed.has('LOCAL_PATHS') ||
      hasImmich ||
      yaml.entries.length > 0;
    if (!isConfigured) {
      const origin = { setting: 'the default folder', where: null, renaming: BY_LIST };
      this.#addFolder({ name: null, path: DEFAULT_MEDIA, origin, mustExist: false });
    }
    return { drafts: this.#drafts, usedDefaultMedia: !isConfigured };
  }

  /** Folders of the command line: arguments, `--storage_dir` and `--local_paths`. */
  #typedFolders(): readonly Folder[] {
    const { directories, local, place } = this.#givens;
    const folders: Folder[] = [];
    for (const { text, where } of directories) {
      const setting = where === 'argument' ? quote(text) : 'the folder';
      const origin = { setting, where, renaming: BY_LIST };
      // A folder may have an equals sign in its name.
      if (kindOf(resolvePath(text, place)) === 'directory') {
        folders.push({ name: null, path: text, origin, mustExist: true });
        continue;
      }
      try {
        folders.push({ ...parseNamedPath(text), origin, mustExist: true });
      } catch (error) {
        this.#fail(origin, messageOf(error));
      }
    }
    if (local.given.get('LOCAL_PATHS')?.kind === 'flag') folders.push(...this.#localPaths(true));
    return folders;
  }

  #configuredFolders(): readonly Folder[] {
    const { local, yaml } = this.#givens;
    const folders = this.#localPaths(false);
    const isFromFile = (local.given.get('LOCAL_PATHS')?.kind ?? 'file') === 'file';
    if (!isFromFile) return folders;
    const origin = { setting: 'watches', where: yaml.where, renaming: BY_ENTRY };
    const watches = [...yaml.watches].map(([name, path]) => ({ name, path, origin, mustExist: false }));
    return [...folders, ...watches];
  }

  #localPaths(mustExist: boolean): readonly Folder[] {
    const { values, given } = this.#givens.local;
    const where = given.get('LOCAL_PATHS')?.where ?? null;
    const origin = { setting: 'LOCAL_PATHS', where, renaming: BY_LIST };
    return values.LOCAL_PATHS.map((folder) => ({ ...folder, origin, mustExist }));
  }

  #addFolder(folder: Folder, entry: Partial<LocalSourceConfig> = {}): void {
    const { ingest, local, place, yaml } = this.#givens;
    const path = resolvePath(folder.path, place);
    const kind = kindOf(path);
    if (kind === 'file') this.#fail(folder.origin, `must be a folder, and ${path} is a file`);
    if (kind === 'missing' && folder.mustExist) {
      const isWord = folder.origin.where === 'argument' && /^[\w-]+$/.test(folder.path);
      const hint = isWord ? `, and it is no command either (${COMMANDS.join(', ')})` : '';
      this.#fail(folder.origin, `does not exist: there is no folder ${path}${hint}`);
    }
    const isWritable = entry.isWritable ?? local.values.LOCAL_WRITABLE;
    this.#add(folder.origin, {
      provider: 'local',
      name: folder.name ?? basename(path),
      mountsAtRoot: false,
      path,
      layouts: local.values.LOCAL_LAYOUT,
      splitsByType: false,
      showsAllFiles: local.values.LOCAL_ALL_FILES ?? isWritable,
      excludedExtensions: ingest.EXCLUDED_FILE_TYPES,
      excludedGlobs: yaml.exclude,
      rescanIntervalMs: local.values.RESCAN_INTERVAL * MS_PER_SECOND,
      enriches: true,
      ...entry,
      isWritable,
    });
  }

  #addImmich(): void {
    const { ingest, immich, yaml } = this.#givens;
    const { values, given } = immich;
    const origin = (setting: string) => ({
      setting,
      where: given.get(setting)?.where ?? null,
      renaming: 'choose another IMMICH_MOUNT',
    });
    if (!given.has('IMMICH_API_KEY')) {
      this.#fail(
        origin('IMMICH_URL'),
        'needs IMMICH_API_KEY beside it: make one in Immich, Account Settings, API Keys',
      );
    }
    if (!given.has('IMMICH_URL')) {
      this.#fail(origin('IMMICH_API_KEY'), 'needs IMMICH_URL beside it, the address of the server');
    }
    const mount = mountOf(values.IMMICH_MOUNT, null);
    this.#add(origin(given.has('IMMICH_MOUNT') ? 'IMMICH_MOUNT' : 'IMMICH_URL'), {
      provider: 'immich',
      name: mount.name ?? DEFAULT_IMMICH_NAME,
      mountsAtRoot: mount.mountsAtRoot,
      url: values.IMMICH_URL ?? '',
      apiKey: values.IMMICH_API_KEY ?? '',
      albumIds: values.ALBUM_IDS,
      ...albumChoiceOf(values),
      layouts: ['folders'],
      splitsByType: !(values.FLATTEN_ASSET_STRUCTURE ?? values.IMMICH_WRITABLE),
      showsAllFiles: true,
      isWritable: values.IMMICH_WRITABLE,
      deletes: values.IMMICH_DELETE,
      excludedExtensions: ingest.EXCLUDED_FILE_TYPES,
      excludedGlobs: yaml.exclude,
      rescanIntervalMs: hoursToMs(values.REFRESH_RATE_HOURS),
      enriches: ingest.HASH_REMOTE,
    });
  }

  /** One entry of `sources:`. Its filters come beside those for every source; its other keys come before them. */
  #addEntry(entry: YamlEntry, areFoldersTyped: boolean): void {
    const { problems } = this.#givens;
    const { values, failed } = readTable(ENTRY_SETTINGS, [entry.layer], this.#optionsOf(entry));
    if (values.TYPE === 'local') {
      checkEntryKeys(entry, 'local', LOCAL_ENTRY_SETTINGS, IMMICH_ENTRY_SETTINGS, problems);
      if (!areFoldersTyped) this.#addLocalEntry(entry, values);
    } else if (values.TYPE === 'immich') {
      checkEntryKeys(entry, 'immich', IMMICH_ENTRY_SETTINGS, LOCAL_ENTRY_SETTINGS, problems);
      this.#addImmichEntry(entry, values);
    } else if (!failed.has('TYPE')) {
      this.#fail(originOf(entry), 'needs "type: local" or "type: immich"');
    }
  }

  #addLocalEntry(entry: YamlEntry, common: CommonValues): void {
    const { values } = readTable(LOCAL_ENTRY_SETTINGS, [entry.layer], this.#optionsOf(entry));
    const origin = originOf(entry);
    if (values.PATH === null) {
      this.#fail(origin, 'needs a path');
      return;
    }
    const mount = mountOf(common.MOUNT, common.NAME);
    const folder = { name: mount.name, path: values.PATH, origin, mustExist: false };
    this.#addFolder(folder, {
      mountsAtRoot: mount.mountsAtRoot,
      ...this.#filters(common, entry),
      ...(values.LAYOUT !== null && { layouts: values.LAYOUT }),
      ...(values.WRITABLE !== null && { isWritable: values.WRITABLE }),
      ...(values.ALL_FILES !== null && { showsAllFiles: values.ALL_FILES }),
      ...(values.RESCAN_INTERVAL !== null && { rescanIntervalMs: values.RESCAN_INTERVAL * MS_PER_SECOND }),
    });
  }

  #addImmichEntry(entry: YamlEntry, common: CommonValues): void {
    const { values, given } = readTable(IMMICH_ENTRY_SETTINGS, [entry.layer], this.#optionsOf(entry));
    const fallback = this.#givens.immich.values;
    const origin = originOf(entry);
    if (!given.has('URL')) this.#fail(origin, 'needs a url, the address of the server');
    if (!given.has('API_KEY')) this.#fail(origin, 'needs an api_key or api_key_file');
    const mount = mountOf(common.MOUNT, common.NAME);
    const isWritable = values.WRITABLE ?? fallback.IMMICH_WRITABLE;
    this.#add(origin, {
      provider: 'immich',
      name: mount.name ?? DEFAULT_IMMICH_NAME,
      mountsAtRoot: mount.mountsAtRoot,
      url: values.URL ?? '',
      apiKey: values.API_KEY ?? '',
      albumIds: values.ALBUM_IDS,
      ...albumChoiceOf({
        IMMICH_RENDITION: values.RENDITION ?? fallback.IMMICH_RENDITION,
        IMMICH_ARCHIVED: values.ARCHIVED ?? fallback.IMMICH_ARCHIVED,
        IMMICH_LIVE_VIDEOS: values.LIVE_VIDEOS ?? fallback.IMMICH_LIVE_VIDEOS,
        IMMICH_STACKS: values.STACKS ?? fallback.IMMICH_STACKS,
        IMMICH_FULL_READ_HOURS: values.FULL_READ_HOURS ?? fallback.IMMICH_FULL_READ_HOURS,
        IMMICH_VIEWS: values.VIEWS ?? fallback.IMMICH_VIEWS,
        IMMICH_SEARCH: values.SEARCH ?? fallback.IMMICH_SEARCH,
      }),
      layouts: values.LAYOUT,
      splitsByType:
        values.LAYOUT.includes('folders') &&
        !(values.FLATTEN_ASSET_STRUCTURE ?? fallback.FLATTEN_ASSET_STRUCTURE ?? isWritable),
      showsAllFiles: true,
      isWritable,
      deletes: values.DELETE ?? fallback.IMMICH_DELETE,
      ...this.#filters(common, entry),
      rescanIntervalMs: hoursToMs(values.REFRESH_RATE_HOURS ?? fallback.REFRESH_RATE_HOURS),
      enriches: this.#givens.ingest.HASH_REMOTE,
    });
  }

  #add(origin: Origin, config: SourceConfig): void {
    const fault = nameFault(config.name);
    if (fault !== null) {
      const subject = config.provider === 'local' ? config.path : 'Immich';
      this.#fail(
        origin,
        `gives ${subject} the name ${quote(config.name)}, which ${fault}: ${origin.renaming}`,
      );
      return;
    }
    const name = safeName(config.name, this.#givens.ingest.NAMES);
    this.#drafts.push({ ...origin, config: { ...config, name } });
  }

  #filters(
    common: CommonValues,
    entry: YamlEntry,
  ): Pick<SourceConfig, 'excludedExtensions' | 'excludedGlobs'> {
    const { ingest, yaml } = this.#givens;
    return {
      excludedExtensions: [...new Set([...ingest.EXCLUDED_FILE_TYPES, ...common.EXCLUDED_FILE_TYPES])],
      excludedGlobs: [...yaml.exclude, ...entry.exclude],
    };
  }

  #optionsOf(entry: YamlEntry): ReadOptions {
    const { place, problems } = this.#givens;
    return { place, problems, nameOf: (name) => `${name.toLowerCase()} of ${entry.label}` };
  }

  #fail({ setting, where }: Origin, text: string): void {
    this.#givens.problems.push({ name: setting, where, text });
  }
}

type AlbumChoiceValues = Pick<
  SettingValues<typeof IMMICH_SETTINGS>,
  | 'IMMICH_RENDITION'
  | 'IMMICH_ARCHIVED'
  | 'IMMICH_LIVE_VIDEOS'
  | 'IMMICH_STACKS'
  | 'IMMICH_FULL_READ_HOURS'
  | 'IMMICH_VIEWS'
  | 'IMMICH_SEARCH'
>;

/** What of an Immich server is shown. */
function albumChoiceOf(values: AlbumChoiceValues) {
  return {
    rendition: values.IMMICH_RENDITION,
    showsArchived: values.IMMICH_ARCHIVED,
    showsLiveVideos: values.IMMICH_LIVE_VIDEOS,
    collapsesStacks: values.IMMICH_STACKS === 'primary',
    fullReadMs: hoursToMs(values.IMMICH_FULL_READ_HOURS),
    views: values.IMMICH_VIEWS,
    hasSearch: values.IMMICH_SEARCH,
  };
}

function originOf(entry: YamlEntry): Origin {
  return { setting: entry.label, where: entry.where, renaming: BY_ENTRY };
}

/** `/` is the top of the tree; slashes around a name do not count. A mount comes before a name. */
function mountOf(mount: string | null, name: string | null): { name: string | null; mountsAtRoot: boolean } {
  if (mount === null) return { name, mountsAtRoot: false };
  const bare = mount.replace(/^\/+|\/+$/g, '');
  return bare === '' ? { name, mountsAtRoot: true } : { name: bare, mountsAtRoot: false };
}

function hoursToMs(hours: number): number {
  return Math.max(1, Math.round(hours * MS_PER_HOUR));
}
