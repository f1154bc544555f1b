/**
 * May the answer be gzip? By `Accept-Encoding` (RFC 9110 section 12.5.3): named with a weight above 0, or covered by
 * `*` without being ruled out. Without the header it is not, although the RFC would allow it: who does not ask may
 * well not be able to.
 */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const weights = new Map<string, number>();
  for (const part of String(header ?? '').split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    if (coding !== '') weights.set(coding, weight === undefined ? 1 : Number(weight));
  }
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0;
}
