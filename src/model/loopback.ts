/**
 * Is this host one that only this computer can reach: `localhost` and names below it (RFC 6761 section 6.3),
 * 127.0.0.0/8 and `::1`, in every spelling, also mapped into IPv6?
 * @param host a name or an address, with or without brackets; no port.
 */
export function isLoopbackHost(host: string): boolean {
  const url = `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}/`;
  // User info would move the host: `localhost@example.com`.
  if (/[@/?#\\]/.test(host) || !URL.canParse(url)) return false;
  // The URL class writes every spelling of an address in one way.
  const plain = new URL(url).hostname.replace(/\.$/, '');
  if (plain === 'localhost' || plain.endsWith('.localhost') || plain === '[::1]') return true;
  // `::ffff:127.0.0.1` is written `[::ffff:7f00:1]`.
  return /^127(\.\d{1,3}){3}$/.test(plain) || /^\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\]$/.test(plain);
}
