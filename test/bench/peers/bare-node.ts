import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { freePort, type PeerKind, startCommand } from './peer.ts';

const FILE = fileURLToPath(import.meta.url);

/**
 * The least that a server of Node can do for a GET: `stat`, a read stream, the response. No path is checked and no
 * version, nobody logs in. What stands between it and the mount is what the mount costs.
 */
export const bareNode: PeerKind = {
  name: 'bare Node http',
  async start(tree) {
    const port = await freePort();
    const args = [FILE, tree, String(port)];
    return await startCommand({ name: 'bare Node http', program: process.execPath, args, port });
  },
};

async function answer(tree: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method === 'PROPFIND') {
    res.writeHead(207, { 'Content-Length': 0 }).end();
    return;
  }
  const path = join(tree, req.url ?? '');
  const { size, mtimeMs } = await stat(path);
  const headers = { 'Last-Modified': new Date(mtimeMs).toUTCString(), ETag: `"${mtimeMs}-${size}"` };
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '') ?? [];
  if (from === undefined || to === undefined) {
    res.writeHead(200, { ...headers, 'Content-Length': size });
    await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), res);
    return;
  }
  const [start, end] = [Number(from), Number(to)];
  res.writeHead(206, {
    ...headers,
    'Content-Length': end - start + 1,
    'Content-Range': `bytes ${start}-${end}/${size}`,
  });
  await pipeline(createReadStream(path, { start, end }), res);
}

if (process.argv[1] === FILE) {
  const [tree = '', port = ''] = process.argv.slice(2);
  createServer((req, res) => {
    answer(tree, req, res).catch(() => res.destroy());
  }).listen(Number(port), '127.0.0.1');
}
