import { foldName } from '../model/name.ts';
import { quote } from '../model/setting-parser.ts';
import type { Problem } from './config-error.ts';
import { isWithin } from './place.ts';

/** How a source is shown. */
export type Layout = 'folders' | 'flat' | 'type' | 'date';

/** What of an Immich server is shown, in folders of its own kind. */
export type ImmichView = 'albums' | 'favorites' | 'people' | 'tags' | 'places' | 'timeline' | 'memories';

/** One configured source, whatever its provider. */
export interface CommonSourceConfig {
  /** The folder it is shown under; also what the catalog knows it by. Unique, and a safe name. */
  readonly name: string;
  /** Shown at `/` instead of `/<name>/`; then it is the only source. */
  readonly mountsAtRoot: boolean;
  /** At least one. Of several, each is shown in a folder of its name. */
  readonly layouts: readonly Layout[];
  /** In `folders`, albums are split into `images/` and `videos/`. Always false for local folders. */
  readonly splitsByType: boolean;
  /** Every file, not only media. */
  readonly showsAllFiles: boolean;
  readonly isWritable: boolean;
  /** Lower case, without the dot. */
  readonly excludedExtensions: readonly string[];
  /** Patterns as picomatch reads them. */
  readonly excludedGlobs: readonly string[];
  /** Milliseconds between two full scans; 0: only at start. */
  readonly rescanIntervalMs: number;
  /** Every asset is read once, for digests and for what the source does not tell of it. */
  readonly enriches: boolean;
}

export interface LocalSourceConfig extends CommonSourceConfig {
  readonly provider: 'local';
  /** Absolute; need not exist now, a disk may be unmounted. */
  readonly path: string;
}

export interface ImmichSourceConfig extends CommonSourceConfig {
  readonly provider: 'immich';
  /** The server's base, without `/api` and without slash at the end. */
  readonly url: string;
  /** Secret. */
  readonly apiKey: string;
  /** Empty: all albums. */
  readonly albumIds: readonly string[];
  readonly rendition: 'original' | 'edited' | 'preview';
  readonly showsArchived: boolean;
  /** The hidden videos of live photos show beside their stills. */
  readonly showsLiveVideos: boolean;
  /** What DELETE of a file means where `isWritable`. */
  readonly deletes: 'album' | 'trash';
  /** Of each stack only the first photo shows. */
  readonly collapsesStacks: boolean;
  /** At least one. Of several, or beside searches, each is shown in a folder of its name. */
  readonly views: readonly ImmichView[];
  /** There is a folder whose folders are the answers to searches. */
  readonly hasSearch: boolean;
  /** An album that looks unchanged is read anew after so many milliseconds all the same. */
  readonly fullReadMs: number;
}

export type SourceConfig = LocalSourceConfig | ImmichSourceConfig;

/** A source and how messages call the setting it came from. */
export interface Draft {
  readonly config: SourceConfig;
  readonly setting: string;
  readonly where: string | null;
  /** How to give it another name there. */
  readonly renaming: string;
}

const MAX_NAME_BYTES = 255;

/** Why a folder of the mounted tree cannot have that name, completing "the name … "; null when it can. */
export function nameFault(name: string): string | null {
  if (name.trim() === '') return 'is empty';
  if (name === '.' || name === '..') return `must not be ${quote(name)}`;
  if (/[/\\]/.test(name)) return 'must not hold a slash or backslash';
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'must not hold control characters';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `must not be longer than ${MAX_NAME_BYTES} bytes`;
  return null;
}

/** Rules that hold between sources. */
export function checkSources(drafts: readonly Draft[], problems: Problem[]): void {
  const firstByName = new Map<string, Draft>();
  for (const draft of drafts) {
    const folded = foldName(draft.config.name);
    const first = firstByName.get(folded);
    if (first === undefined) firstByName.set(folded, draft);
    else problems.push(clash(first, draft));

    if (draft.config.mountsAtRoot && drafts.length > 1) {
      problems.push({
        name: draft.setting,
        where: draft.where,
        text: `cannot be shown at the top (/) because there are ${drafts.length} sources: give it a name instead of /`,
      });
    }
  }
}

/** Files of our own must not be shown, and a source must not fill our own folder. */
export function checkDataDir(
  own: readonly { readonly name: string; readonly where: string | null; readonly path: string }[],
  drafts: readonly Draft[],
  problems: Problem[],
): void {
  for (const { name, where, path } of own) {
    for (const { config, setting } of drafts) {
      if (config.provider !== 'local') continue;
      if (isWithin(path, config.path)) {
        const text = `is ${path}, inside the shared folder ${config.path} (${setting}): set ${name} to a place outside it`;
        problems.push({ name, where, text });
      } else if (isWithin(config.path, path)) {
        const text = `is ${path}, and the shared folder ${config.path} (${setting}) lies inside it: move one of them`;
        problems.push({ name, where, text });
      }
    }
  }
}

function clash(first: Draft, second: Draft): Problem {
  const place = (draft: Draft) =>
    draft.config.provider === 'local' ? draft.config.path : `the Immich server of ${draft.setting}`;
  return {
    name: second.setting,
    where: second.where,
    text: `uses the name ${quote(second.config.name)} twice, for ${place(first)} and ${place(second)}: ${second.renaming}`,
  };
}
