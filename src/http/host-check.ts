import { CodedError } from '../model/coded-error.ts';
import { isLoopbackHost } from '../model/loopback.ts';
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
  if (!options.letsEveryoneIn || !isLoopbackHost(options.listenHost)) return () => undefined;
  // Nearly all requests name the same one.
  let lastPassed: string | null = null;
  return ({ authority }) => {
    // Only HTTP/1.0 comes without a host; no browser does.
    if (authority === lastPassed || authority === null) return;
    if (isLoopbackAuthority(authority)) {
      lastPassed = authority;
      return;
    }
    throw new CodedError(
      'denied',
      'This server asks nobody to log in, so it answers only to "localhost". ' +
        'To reach it by another name, set AUTH_USERNAME and AUTH_PASSWORD.',
    );
  };
}

/** The same for the host and port of a request. */
export function isLoopbackAuthority(authority: string): boolean {
  return URL.canParse(`http://${authority}/`) && isLoopbackHost(authority.replace(/:\d*$/, ''));
}
