import { randomUUID } from 'node:crypto';

/** A file without bytes yet: Immich takes none, or would keep an empty photo. */
const HELD_BACK = /^held-back-[0-9a-f-]{36}(?:\.(?<asset>[\w-]{1,64}))?$/;

/** @param asset that is to be replaced once there are bytes; it is not shown until then. */
export function newHeldBackId(asset: string | null): string {
  return `held-back-${randomUUID()}${asset === null ? '' : `.${asset}`}`;
}

export function isHeldBack(ref: string): boolean {
  return HELD_BACK.test(ref);
}

export function heldBackAsset(ref: string): string | null {
  return HELD_BACK.exec(ref)?.groups?.asset ?? null;
}
