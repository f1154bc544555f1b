import { fileURLToPath } from 'node:url';
import { v2 as webdav } from 'webdav-server';
import { freePort, type PeerKind, startCommand } from './peer.ts';

const FILE = fileURLToPath(import.meta.url);

/** The npm package as it comes, without anything of ours. */
export const stockWebdavServer: PeerKind = {
  name: 'stock webdav-server',
  async start(tree) {
    const port = await freePort();
    const args = [FILE, tree, String(port)];
    return await startCommand({ name: 'stock webdav-server', program: process.execPath, args, port });
  },
};

if (process.argv[1] === FILE) {
  const [tree = '', port = ''] = process.argv.slice(2);
  const server = new webdav.WebDAVServer({ port: Number(port), hostname: '127.0.0.1' });
  await server.setFileSystemAsync('/', new webdav.PhysicalFileSystem(tree));
  await server.startAsync(Number(port));
}
