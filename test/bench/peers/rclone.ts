import { freePort, type PeerKind, startCommand } from './peer.ts';

export const rclone: PeerKind = {
  name: 'rclone serve webdav',
  async start(tree, _home, { isWritable = false } = {}) {
    const port = await freePort();
    const args = ['serve', 'webdav', tree, '--addr', `127.0.0.1:${port}`];
    if (!isWritable) args.push('--read-only');
    return await startCommand({ name: 'rclone serve webdav', program: 'rclone', args, port });
  },
};
