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

  /** @param settings names the settings that the source was read under. */
  under(settings: string): ContentVersionMap {
    return new Map(
      [...this.#versions].map(([collection, version]) => [collection, `${settings} ${version}`]),
    );
  }

  /** The same without the one of the whole source: for what the source has said, when more is held than that. */
  ofCollectionsUnder(settings: string): ContentVersionMap {
    const versions = new Map(this.under(settings));
    versions.delete(null);
    return versions;
  }
}

/** A version from the catalog, or null when it is one from under other settings. */
export function versionUnder(settings: string, stored: string | null): string | null {
  const prefix = `${settings} `;
  return stored?.startsWith(prefix) === true ? stored.slice(prefix.length) : null;
}
