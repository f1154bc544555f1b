import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/*
 * `pass-through.ts <url>`: asks that server what it is asked, and pipes the answer on. Nothing is checked, counted, kept
 * or logged, so nothing in Node that stands between a client and a server takes less: what mediadav takes beyond it is
 * mediadav's. Tells its URL as a line.
 */
const [target = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const server = createServer((req, res) => {
  const { host: _, connection: __, ...headers } = req.headers;
  get(target + req.url, { agent, headers }, (answer) => {
    const { connection: ___, ...told } = answer.headers;
    res.writeHead(answer.statusCode ?? 502, told);
    pipeline(answer, res).catch(() => res.destroy());
  }).on('error', () => res.destroy());
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
