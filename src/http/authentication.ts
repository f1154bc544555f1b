import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { CodedError } from '../model/coded-error.ts';

/** The value of `WWW-Authenticate` in every 401 (RFC 7617 sections 2 and 2.1). */
export const CHALLENGE = 'Basic realm="mediadav", charset="UTF-8"';

/** The user of a request that needed no credentials. */
export const ANONYMOUS_USER = 'anonymous';
/** The user of a request that came with an API key. */
export const API_KEY_USER = 'api-key';

export interface AuthenticatorOptions {
  /** Name and password go together: both set, or both null or empty for "no login". */
  readonly username: string | null;
  readonly password: string | null;
  readonly apiKeys: readonly string[];
  /** Let requests without any credentials in although some are configured. Wrong ones are refused all the same. */
  readonly allowsAnonymous: boolean;
}

export interface Authenticator {
  /** True when requests without credentials are let in everywhere. */
  readonly letsEveryoneIn: boolean;
  /**
   * The user of a request: the login name, `api-key` or `anonymous`.
   * @param edge API keys count only where the edge says so.
   * @throws CodedError `unauthenticated`, which becomes a 401 with the challenge.
   */
  authenticate(req: IncomingMessage, edge: { readonly acceptsApiKeys: boolean }): string;
}

/**
 * Basic login (RFC 7617) and API keys. Secrets are kept as digests and compared in constant time; a user name is
 * compared, never looked up, so no name is special.
 * @throws CodedError `invalid` when only one of name and password is set, or a name holds a colon.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const username = options.username ?? '';
  const password = options.password ?? '';
  if ((username === '') !== (password === '')) {
    throw new CodedError('invalid', 'AUTH_USERNAME and AUTH_PASSWORD must be set together.');
  }
  if (username.includes(':')) throw new CodedError('invalid', 'AUTH_USERNAME must not hold a colon.');

  const login = username === '' ? null : { name: digestOf(username), password: digestOf(password) };
  const apiKeys = options.apiKeys.filter((key) => key !== '').map(digestOf);
  const isOpen = login === null && apiKeys.length === 0;
  const letsEveryoneIn = isOpen || options.allowsAnonymous;

  const isLogin = (credentials: Credentials): boolean => {
    if (login === null) return false;
    const isName = timingSafeEqual(digestOf(credentials.username), login.name);
    const isPassword = timingSafeEqual(digestOf(credentials.password), login.password);
    return isName && isPassword;
  };

  const isApiKey = (offered: string | null): boolean => {
    if (offered === null) return false;
    const digest = digestOf(offered);
    // No early end: every key is compared.
    return apiKeys.filter((key) => timingSafeEqual(digest, key)).length > 0;
  };

  return {
    letsEveryoneIn,
    authenticate(req, { acceptsApiKeys }) {
      const basic = readBasic(req);
      if (basic !== null && isLogin(basic)) return username;
      if (acceptsApiKeys && (isApiKey(readBearer(req)) || isApiKey(readApiKeyHeader(req))))
        return API_KEY_USER;

      const isOffering = req.headers.authorization !== undefined || readApiKeyHeader(req) !== null;
      // Where nothing is configured, a client that always sends its keyring's password must still get in.
      if (isOpen || (letsEveryoneIn && !isOffering)) return ANONYMOUS_USER;
      throw new CodedError(
        'unauthenticated',
        isOffering ? 'The credentials are wrong.' : 'This server needs a login.',
      );
    },
  };
}

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** RFC 7617 section 2: base64 of `user-id ":" password` in UTF-8; only the first colon separates. */
function readBasic(req: IncomingMessage): Credentials | null {
  const token = /^basic +([a-z\d+/]+)={0,2} *$/i.exec(req.headers.authorization ?? '')?.[1];
  if (token === undefined) return null;
  const text = decodeUtf8(Buffer.from(token, 'base64'));
  const colon = text?.indexOf(':') ?? -1;
  if (text === null || colon === -1) return null;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** RFC 6750 section 2.1. */
function readBearer(req: IncomingMessage): string | null {
  return /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1] ?? null;
}

function readApiKeyHeader(req: IncomingMessage): string | null {
  const values = req.headersDistinct['x-api-key'];
  return values?.length === 1 ? (values[0] ?? null) : null;
}

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8, so not what the challenge asked for: the credentials are wrong.
    return null;
  }
}

/** RFC 7617 section 2.1 asks for NFC; macOS may type passwords in NFD. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text.normalize('NFC')).digest();
}
