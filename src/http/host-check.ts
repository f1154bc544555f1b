import { CodedError } from '../model/coded-error.ts';
import type { RequestTarget } from './exchange.ts';

export interface HostCheckOptions {
  /** False as soon as some requests are refused without a login. */
  readonly letsEveryoneIn: boolean;
  /** The address the listener is bound to: `127.0.0.1`, `::1`, `localhost`, `0.0.0.0`, … */
  readonly listenHost: string;
}

/**
 * Keeps web pages out of a server that asks nobody to log in. Such a server listens on loopback, but any page may
 * point a name of its own at 127.0.0.1 (DNS rebinding) and then read every photo with the visitor's browser. The
 * browser cannot hide that name, so only loopback names and addresses are let through.
 *
 * The returned check throws CodedError `denied`. It passes everything when a login is needed, and when the server
 * was told to listen beyond loopback, where the names it goes by are not known.
 */
export function createHostCheck(options: HostCheckOptions): (target: RequestTarget) => void {
  if (!options.letsEveryoneIn || !isLoopbackAuthority(bracketed(options.listenHost))) return () => undefined;
  return ({ authority }) => {
    // Only HTTP/1.0 comes without a host; no browser does.
    if (authority === null || isLoopbackAuthority(authority)) return;
    throw new CodedError(
      'denied',
      'This server asks nobody to log in, so it answers only to "localhost". ' +
        'To reach it by another name, set AUTH_USERNAME and AUTH_PASSWORD.',
    );
  };
}

/** True for `localhost`, names below it (RFC 6761 section 6.3), 127.0.0.0/8 and `[::1]`, with any port. */
export function isLoopbackAuthority(authority: string): boolean {
  // User info would move the host: `localhost@example.com`.
  if (/[@/?#\\]/.test(authority) || !URL.canParse(`http://${authority}/`)) return false;
  // The URL class writes every spelling of an address in one way.
  const host = new URL(`http://${authority}/`).hostname.replace(/\.$/, '');
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  if (host === '[::1]') return true;
  return /^127(\.\d{1,3}){3}$/.test(host);
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
