import type { LockRecord } from '../catalog/lock-store.ts';

/** What can be locked and how (RFC 4918 section 15.10). */
export const SUPPORTED_LOCKS = ['exclusive', 'shared']
  .map(
    (scope) =>
      `<D:lockentry><D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`,
  )
  .join('');

/**
 * The value of `DAV:lockdiscovery` (RFC 4918 section 15.8). It shows the tokens, as clients need them to unlock what
 * they have lost track of; whoever may read this may write.
 * @param hrefOfKey href of a lock root.
 */
export function lockDiscovery(
  locks: readonly LockRecord[],
  nowMs: number,
  hrefOfKey: (key: string) => string,
): string {
  return locks
    .map(({ scope, depth, owner, token, path, expiresMs }) => {
      const seconds = Math.max(1, Math.ceil((expiresMs - nowMs) / 1000));
      return (
        `<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:${scope}/></D:lockscope>` +
        `<D:depth>${depth}</D:depth>${owner}<D:timeout>Second-${seconds}</D:timeout>` +
        `<D:locktoken><D:href>${token}</D:href></D:locktoken>` +
        `<D:lockroot><D:href>${hrefOfKey(path)}</D:href></D:lockroot></D:activelock>`
      );
    })
    .join('');
}
