import { connect } from 'node:net';

/*
 * Lists a folder again and again, as several clients at once, in a process of its own: what reads takes time from
 * whoever measures. Answers are thrown away as they come. It ends with its standard input, so that it never outlives the
 * bench, however that ends. Arguments: the URL of the folder, how many clients.
 */

const SLICE_BYTES = 512 * 1024;
const STATUS = 'HTTP/1.1 207 ';

function list(url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES);
    let isFirst = true;
    const socket = connect({
      ...{ host: url.hostname, port: Number(url.port) },
      onread: {
        buffer,
        callback: (length) => {
          const start = buffer.toString('latin1', 0, Math.min(length, STATUS.length));
          if (isFirst && start !== STATUS) socket.destroy(new Error(`not a listing: ${start}`));
          isFirst = false;
          return true;
        },
      },
    });
    socket.once('close', () => resolve()).once('error', reject);
    const head = `PROPFIND ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nDepth: 1\r\nContent-Length: 0`;
    socket.write(`${head}\r\nConnection: close\r\n\r\n`);
  });
}

async function listForEver(url: URL): Promise<never> {
  for (;;) await list(url);
}

const [address = '', clients = ''] = process.argv.slice(2);
process.stdin.resume().once('end', () => process.exit(0));
await Promise.all(Array.from({ length: Number(clients) }, () => listForEver(new URL(address))));
