import type { SettingTable } from '../model/setting.ts';
import { apiKeyList, boolean, host, offOr, secret, text, wholeNumber } from '../model/setting-parser.ts';

const LAST_PORT = 65_535;

/** Where mediadav listens and whom it lets in. */
export const HTTP_SETTINGS = {
  HOST: {
    parse: host,
    default: '127.0.0.1',
    help: 'Address to listen on. 127.0.0.1 means this computer only; 0.0.0.0 (or :: with IPv6) lets other devices in and then needs a login, see below.',
  },
  PORT: {
    parse: wholeNumber(0, LAST_PORT),
    default: 8000,
    help: 'Port of the web page and the HTTP API. WebDAV lives here too, under /dav/. 0 picks a free port.',
  },
  WEBDAV_PORT: {
    parse: offOr(wholeNumber(0, LAST_PORT)),
    default: 1700,
    help: 'A port of its own with the same WebDAV tree at /, for clients that cannot use a sub-folder. off disables it.',
  },
  AUTH_USERNAME: {
    parse: userName,
    default: null,
    help: 'User name of the login that protects everything. Needs AUTH_PASSWORD or AUTH_PASSWORD_FILE.',
    example: 'family',
  },
  AUTH_PASSWORD: {
    parse: secret,
    default: null,
    help: 'Password of that login.',
    isSecret: true,
  },
  AUTH_PASSWORD_FILE: {
    parse: text,
    default: null,
    help: 'A file that holds the password (a Docker secret, for example), instead of AUTH_PASSWORD.',
    example: '/run/secrets/mediadav_password',
  },
  API_KEYS: {
    parse: apiKeyList,
    default: [],
    help: 'Keys for programs, separated by commas. Accepted by the HTTP API as "X-API-Key: KEY" or "Authorization: Bearer KEY".',
    isSecret: true,
  },
  ALLOW_ANONYMOUS: {
    parse: boolean,
    default: false,
    help: 'true lets mediadav listen beyond this computer without any login. Only for networks where you trust everybody.',
  },
  TLS_CERT_FILE: {
    parse: text,
    default: null,
    help: 'Certificate (PEM, with its chain) for HTTPS on both ports. Needs TLS_KEY_FILE.',
    example: '/etc/mediadav/fullchain.pem',
  },
  TLS_KEY_FILE: {
    parse: text,
    default: null,
    help: 'Private key (PEM) that belongs to TLS_CERT_FILE.',
    example: '/etc/mediadav/privkey.pem',
  },
} as const satisfies SettingTable;

/** The slice of the configuration that `http/` gets. */
export interface HttpConfig {
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Null: no port of its own. 0: any free port. */
  readonly webdavPort: number | null;
  /** The Basic login; null when none is wanted. */
  readonly login: { readonly username: string; readonly password: string } | null;
  readonly apiKeys: readonly string[];
  /** The administrator said that no login is needed beyond this computer. */
  readonly allowsAnonymous: boolean;
  /** Absolute paths of PEM files; null: plain HTTP. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
}

/** RFC 7617 section 2: a colon ends the user name in the header, so one that holds it can never log in. */
function userName(given: string): string {
  const name = given.trim();
  if (name.includes(':'))
    throw new Error('must not hold a colon: browsers and WebDAV clients cannot send it');
  if (/[\u0000-\u001f\u007f]/.test(name)) throw new Error('must not hold control characters');
  return name;
}
