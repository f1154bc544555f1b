import { randomUUID } from 'node:crypto';

export interface UploadForm {
  readonly contentType: string;
  /** What comes before the bytes of the file, and after them. */
  readonly head: Buffer;
  readonly tail: Buffer;
}

/**
 * A form of RFC 7578 around the bytes of one file. The fields come first: Immich checks the name when the file begins, and
 * does not look at what comes later.
 */
export function uploadForm(fields: Readonly<Record<string, string>>, fileName: string): UploadForm {
  const boundary = `mediadav-${randomUUID()}`;
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file =
    `--${boundary}\r\nContent-Disposition: form-data; name="assetData"; filename="${quoted(fileName)}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n';
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    head: Buffer.from(parts.join('') + file),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
  };
}

/** As browsers write it. The exact name goes in a field beside it, which Immich heeds from 1.135 on. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
