import type { ContentVersionMap } from '../catalog/catalog.ts';
import type { CompleteEvent, Held, KeptEvent, UnchangedEvent } from '../provider/provider.ts';

/** Stands where the settings do, of a version that what is held is not compared with any more. */
const OUTDATED = '?';

/**
 * Which contents a scan has found in which versions, and whether it found that all is as it was. Versions are kept
 * together with `settings`, because under other settings the same content is told otherwise.
 */
export class ScanVersions {
  readonly #held: Held;
  readonly #versions = new Map<string | null, string>();
  #isAllUnchanged = false;
  #hasKept = false;

  constructor(held: Held) {
    this.#held = held;
  }

  async take(event: UnchangedEvent | CompleteEvent | KeptEvent): Promise<void> {
    const { kind, collection } = event;
    if (kind === 'kept') this.#hasKept = true;
    else if (kind === 'complete') this.#versions.set(collection, event.version);
    else if (collection === null) this.#isAllUnchanged = true;
    else {
      const version = await this.#held.versionOf(collection);
      if (version === null) throw new Error('a provider found unchanged what it could not compare');
      this.#versions.set(collection, version);
    }
  }

  /** The source was not read, because it is as it was. */
  get isAllUnchanged(): boolean {
    return this.#isAllUnchanged;
  }

  /**
   * Those to be remembered. When not everything that is gone was removed, what is held may be more than what was told: then
   * the whole source is to be read again, and so is each collection; its version only tells what the source has said. The
   * same goes for those that this scan told nothing of, when it had to keep something: they may be in that.
   * @param settings names the settings that the source was read under.
   * @param known those that are remembered so far.
   * @param hasRemoved all that was not told is removed.
   */
  under(settings: string, known: ContentVersionMap, hasRemoved: boolean): ContentVersionMap {
    const versions = new Map<string | null, string>();
    if (this.#hasKept) {
      for (const [collection, stored] of known)
        if (collection !== null) versions.set(collection, `${OUTDATED} ${withoutSettings(stored)}`);
    }
    for (const [collection, version] of this.#versions) {
      if (hasRemoved) versions.set(collection, `${settings} ${version}`);
      else if (collection !== null) versions.set(collection, `${OUTDATED} ${version}`);
    }
    return versions;
  }
}

/** A version from the catalog, or null when it is one from under other settings. */
export function versionUnder(settings: string, stored: string | null): string | null {
  const prefix = `${settings} `;
  return stored?.startsWith(prefix) === true ? stored.slice(prefix.length) : null;
}

/** The same, whatever the settings were. */
export function versionUnderAny(stored: string | null): string | null {
  return stored === null ? null : withoutSettings(stored);
}

function withoutSettings(stored: string): string {
  return stored.slice(stored.indexOf(' ') + 1);
}
