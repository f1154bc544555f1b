import type { ContentVersionMap } from '../catalog/catalog.ts';
import type { CompleteEvent, Held, UnchangedEvent } from '../provider/provider.ts';

/**
 * Which contents a scan has found in which versions, and whether it found that all is as it was. Versions are kept
 * together with `settings`, because under other settings the same content is told otherwise.
 */
export class ScanVersions {
  readonly #held: Held;
  readonly #versions = new Map<string | null, string>();
  #isAllUnchanged = false;

  constructor(held: Held) {
    this.#held = held;
  }

  async take(event: UnchangedEvent | CompleteEvent): Promise<void> {
    const { kind, collection } = event;
    if (kind === 'complete') this.#versions.set(collection, event.version);
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
   * Those to be remembered. When not everything that is gone was removed, what is held may be more than what was told: the
   * whole source is to be read again, and so is each collection, unless none is ever skipped by its version (`showsOnce`
   * false): then its version only tells what the source has said.
   * @param settings names the settings that the source was read under.
   */
  under(settings: string, { hasRemoved, showsOnce }: ScanEnd): ContentVersionMap {
    if (!hasRemoved && showsOnce) return new Map();
    const told = [...this.#versions].filter(([collection]) => hasRemoved || collection !== null);
    return new Map(told.map(([collection, version]) => [collection, `${settings} ${version}`]));
  }
}

/** How a scan has ended that came to its end. */
export interface ScanEnd {
  /** All that was not told is removed. */
  readonly hasRemoved: boolean;
  /** See `Layout.showsOnce`. */
  readonly showsOnce: boolean;
}

/** A version from the catalog, or null when it is one from under other settings. */
export function versionUnder(settings: string, stored: string | null): string | null {
  const prefix = `${settings} `;
  return stored?.startsWith(prefix) === true ? stored.slice(prefix.length) : null;
}

/** The same, whatever the settings were. */
export function versionUnderAny(stored: string | null): string | null {
  return stored === null ? null : stored.slice(stored.indexOf(' ') + 1);
}
