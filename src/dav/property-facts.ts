import { ANONYMOUS_USER } from '../http/authentication.ts';
import type { Node } from '../model/node.ts';
import type { Space } from '../model/space.ts';
import type { DavRequest } from './dav-request.ts';
import { hidesQuota } from './quota-client.ts';
import { isDav, type PropertyName } from './xml-request.ts';

/** What properties are made of beside the resource itself: gathered once a request, before anything is listed. */
export interface PropertyFacts {
  readonly epoch: string;
  /** Place of the newest change; null when nobody asked for it. */
  readonly head: number | null;
  /** By source; empty when nobody asked for it, or the client is better off without. */
  readonly spaces: ReadonlyMap<number, Space>;
  /** Null: nobody is logged in. */
  readonly principalHref: string | null;
}

/** @param names what the request names; nothing dear is looked up for anything else. */
export async function gatherFacts(
  request: DavRequest,
  node: Node,
  names: readonly PropertyName[],
): Promise<PropertyFacts> {
  const asks = (...locals: string[]) => names.some((name) => locals.some((local) => isDav(name, local)));
  const { vfs, exchange, config } = request;
  const wantsHead = asks('sync-token') && node.kind === 'collection';
  const wantsSpaces =
    asks('quota-available-bytes', 'quota-used-bytes') &&
    !hidesQuota(config.quota, request.header('user-agent'));
  return {
    epoch: vfs.epoch,
    // Before the listing, so that whoever goes on from here misses nothing.
    head: wantsHead ? (await vfs.changes.stateOf(node)).cursor : null,
    spaces: wantsSpaces ? await vfs.spacesAt(node) : new Map(),
    // There are no users to be looked at: the one there may be is known by the address of the tree.
    principalHref: isLoggedIn(exchange.user) ? request.rootHref : null,
  };
}

function isLoggedIn(user: string | null): boolean {
  return user !== null && user !== ANONYMOUS_USER;
}
