import { ask, type WireAnswer } from './dav-wire.ts';

/** A lockinfo body as clients send it. */
export function lockInfo(
  scope: 'exclusive' | 'shared' = 'exclusive',
  owner = '<D:href>ann</D:href>',
): string {
  const asked = `<D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype>`;
  return `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:">${asked}<D:owner>${owner}</D:owner></D:lockinfo>`;
}

/** A propertyupdate body. @param inner `set` and `remove` elements of `D:`; `Z:` is Microsoft's namespace. */
export function propertyUpdate(inner: string): string {
  const namespaces = 'xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"';
  return `<?xml version="1.0"?><D:propertyupdate ${namespaces}>${inner}</D:propertyupdate>`;
}

/** Sets properties, given as XML. */
export function setting(properties: string): string {
  return propertyUpdate(`<D:set><D:prop>${properties}</D:prop></D:set>`);
}

export function lock(port: number, path: string, headers: Record<string, string> = {}): Promise<WireAnswer> {
  return ask(port, path, { method: 'LOCK', headers, body: lockInfo() });
}

/** The token of a lock that has to be given. */
export async function locked(
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<string> {
  return tokenOf(await lock(port, path, headers));
}

/** The token in the `Lock-Token` of an answer. */
export function tokenOf(answer: WireAnswer): string {
  const token = /^<(urn:uuid:[0-9a-f-]{36})>$/.exec(answer.headers['lock-token'] ?? '')?.[1];
  if (token === undefined) throw new Error(`no lock: ${answer.statusLine} ${answer.text}`);
  return token;
}
