import type { IncomingMessage } from 'node:http';

export interface Part {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly bytes: Buffer;
}

/**
 * The parts of a multipart body, in their order. `onFile` is called as soon as a file part starts, with the fields before it, since
 * Immich judges a file by what it knows then.
 */
export async function readMultipart(
  request: IncomingMessage,
  onFile: (fileName: string, fieldsBefore: ReadonlyMap<string, string>) => void,
): Promise<{ fields: Map<string, string>; files: Map<string, Part> }> {
  const boundary = /boundary=(?:"([^"]+)"|([^;]+))/i.exec(request.headers['content-type'] ?? '');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const fields = new Map<string, string>();
  const files = new Map<string, Part>();
  for (const part of split(Buffer.concat(chunks), boundary?.[1] ?? boundary?.[2] ?? '')) {
    if (part.fileName === undefined) {
      fields.set(part.name, part.bytes.toString('utf8'));
    } else {
      if (part.name === 'assetData') onFile(part.fileName, fields);
      files.set(part.name, part);
    }
  }
  return { fields, files };
}

function* split(body: Buffer, boundary: string): Generator<Part> {
  const delimiter = Buffer.from(`--${boundary}`);
  let at = body.indexOf(delimiter);
  while (at !== -1) {
    const start = at + delimiter.length + 2;
    const next = body.indexOf(delimiter, start);
    if (next === -1) return;
    const headEnd = body.indexOf('\r\n\r\n', start);
    const head = body.toString('utf8', start, headEnd);
    const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? '';
    yield {
      name: /\bname="([^"]*)"/.exec(disposition)?.[1] ?? '',
      fileName: fileNameOf(disposition),
      bytes: body.subarray(headEnd + 4, next - 2),
    };
    at = next;
  }
}

/** Browsers write `%22` for a quote; a name may also come in the extended notation. */
function fileNameOf(disposition: string): string | undefined {
  const extended = /\bfilename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  if (extended !== undefined) return decodeURIComponent(extended.trim());
  return /\bfilename="((?:[^"\\]|\\.)*)"/
    .exec(disposition)?.[1]
    ?.replace(/\\(.)/g, '$1')
    .replaceAll('%22', '"');
}
