import { afterEach, beforeEach } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';

/** One engine under test. `open` gives the same catalog as after a restart, once the one before is closed. */
export interface CatalogUnderTest {
  open(): Promise<Catalog>;
  dispose(): Promise<void>;
}

/** A new catalog with one source for each case of a suite. */
export class CatalogCase {
  #under: CatalogUnderTest | null = null;
  #catalog: Catalog | null = null;
  sourceId = 0;
  rootId = 0;

  /** @param source its name. */
  constructor(create: () => Promise<CatalogUnderTest>, source = 'photos') {
    beforeEach(async () => {
      this.#under = await create();
      this.#catalog = await this.#under.open();
      ({ id: this.sourceId, rootId: this.rootId } = await this.catalog.writer.ensureSource(source));
    });
    afterEach(async () => {
      await this.#catalog?.close();
      await this.#under?.dispose();
    });
  }

  get catalog(): Catalog {
    if (this.#catalog === null) throw new Error('only in a case');
    return this.#catalog;
  }

  /** After `catalog.close()`. */
  async reopen(): Promise<void> {
    if (this.#under === null) throw new Error('only in a case');
    this.#catalog = await this.#under.open();
  }
}
