import { CodedError } from '../model/coded-error.ts';
import type { Exchange } from './exchange.ts';

/**
 * Keeps pages of other sites from changing anything with the visitor's browser, which may know the password, or be on
 * the machine itself where none is needed. Browsers tell where such a request comes from and let no page hide it
 * (https://fetch.spec.whatwg.org/#origin-header); programs do not send these headers.
 * @throws CodedError `denied`.
 */
export function checkOrigin({ req, target }: Pick<Exchange, 'req' | 'target'>): void {
  const { origin } = req.headers;
  const site = req.headers['sec-fetch-site'];
  const isOwn =
    origin === undefined || (URL.canParse(origin) && new URL(origin).host === hostOf(target.authority));
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
  if (isOwn && isOwnSite) return;
  throw new CodedError('denied', 'A page of another site must not change anything here.');
}

/** As `URL` writes it: a port that is the default of HTTP or HTTPS is left out by browsers, too. */
function hostOf(authority: string | null): string | null {
  return authority === null ? null : authority.toLowerCase();
}
