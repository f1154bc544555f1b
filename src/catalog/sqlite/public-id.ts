import type { NodeId } from '../../model/node.ts';

/** The super-root's public id, as the reference of the change feed has it. */
export const SUPER_ROOT_PUBLIC_ID = '00000000-0000-0000-0000-000000000000';

const SHAPE = /^([0-9a-f]{8})-([0-9a-f]{4})-8000-8([0-9a-f]{3})-([0-9a-f]{12})$/i;
const TWO_POW_48 = 2 ** 48;

/**
 * A UUID of version 8 (RFC 9562 section 5.8: custom content) made of the catalog's epoch (48 bits) and the row
 * number (60 bits). Row numbers are never reused, so the id is unique and stable without being stored.
 * @param epoch 12 hexadecimal digits.
 */
export function toPublicId(epoch: string, id: NodeId): string {
  const high = Math.floor(id / TWO_POW_48)
    .toString(16)
    .padStart(3, '0');
  const low = (id % TWO_POW_48).toString(16).padStart(12, '0');
  return `${epoch.slice(0, 8)}-${epoch.slice(8, 12)}-8000-8${high}-${low}`;
}

/** The row number in a public id of this epoch, or null. */
export function fromPublicId(epoch: string, publicId: string): NodeId | null {
  const match = SHAPE.exec(publicId);
  if (match === null) return null;
  const [, first = '', second = '', high = '', low = ''] = match;
  if (`${first}${second}`.toLowerCase() !== epoch) return null;
  const id = Number.parseInt(high, 16) * TWO_POW_48 + Number.parseInt(low, 16);
  return Number.isSafeInteger(id) ? id : null;
}
