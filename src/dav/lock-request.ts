import type { LockRecord } from '../catalog/lock-store.ts';
import { CodedError } from '../model/coded-error.ts';
import { ElementCopy, ScopeStack } from './element-copy.ts';
import {
  DAV_NAMESPACE,
  decodeXml,
  type PropertyName,
  readXml,
  type XmlElement,
  type XmlReader,
} from './xml-request.ts';

/** What the body of a LOCK asks for. */
export type LockInfo = Pick<LockRecord, 'scope' | 'owner'>;

/** The owner element says who to call about a lock: a name, an address. */
const MAX_OWNER_BYTES = 4 * 1024;

/**
 * Parses the body of a LOCK (RFC 4918 section 14.11).
 * @returns null for an empty one, which means a refresh.
 * @throws CodedError `invalid` for what is no lockinfo document of a write lock, `too-large` for an endless owner.
 */
export function parseLockInfo(body: Buffer): LockInfo | null {
  if (body.length === 0) return null;
  const reader = new LockInfoReader();
  readXml(decodeXml(body), reader);
  if (reader.scope === null || !reader.isWrite) {
    throw new CodedError('invalid', 'The lockinfo must ask for an exclusive or a shared write lock.');
  }
  if (Buffer.byteLength(reader.owner) > MAX_OWNER_BYTES) {
    throw new CodedError('too-large', `The owner of a lock is longer than ${MAX_OWNER_BYTES} bytes.`);
  }
  return { scope: reader.scope, owner: reader.owner };
}

class LockInfoReader implements XmlReader {
  scope: LockRecord['scope'] | null = null;
  isWrite = false;
  owner = '';
  readonly #scopes = new ScopeStack();
  #copy: ElementCopy | null = null;
  #part = '';

  open({ length: depth }: readonly PropertyName[], element: XmlElement): void {
    if (this.#copy !== null) {
      this.#copy.open(element);
      return;
    }
    const local = element.uri === DAV_NAMESPACE ? element.local : '';
    if (depth === 1 && local !== 'lockinfo') {
      throw new CodedError('invalid', 'The request body must be a DAV: lockinfo element.');
    }
    if (depth === 2) this.#part = local;
    if (depth === 2 && local === 'owner') {
      this.#copy = new ElementCopy(element, this.#scopes.current);
      return;
    }
    if (depth === 3 && this.#part === 'locktype' && local === 'write') this.isWrite = true;
    if (depth === 3 && this.#part === 'lockscope') this.#choose(local);
    this.#scopes.enter(element);
  }

  text(text: string): void {
    this.#copy?.text(text);
  }

  close(): void {
    if (this.#copy === null) {
      this.#scopes.leave();
      return;
    }
    if (!this.#copy.close()) return;
    this.owner = this.#copy.xml;
    this.#copy = null;
  }

  #choose(local: string): void {
    if (local !== 'exclusive' && local !== 'shared') return;
    if (this.scope !== null) throw new CodedError('invalid', 'The lockinfo asks for two scopes.');
    this.scope = local;
  }
}
