import type { LockStore } from '../catalog/lock-store.ts';
import type { PropertyStore } from '../catalog/property-store.ts';

/** What the edge itself keeps about resources. */
export interface DavStores {
  readonly locks: LockStore;
  readonly properties: PropertyStore;
  /** Milliseconds since 1970: by this clock locks expire. */
  now(): number;
}
