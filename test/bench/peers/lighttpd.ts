import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, type PeerKind, startCommand } from './peer.ts';

const DAV_MODULE = '/usr/lib/lighttpd/mod_webdav.so';

export const lighttpd: PeerKind = {
  name: 'lighttpd mod_webdav',
  async start(tree, home, { isWritable = false } = {}) {
    if (!existsSync(DAV_MODULE)) return null;
    const port = await freePort();
    const file = join(home, 'lighttpd.conf');
    await writeFile(
      file,
      `
server.modules = ( "mod_webdav" )
server.document-root = "${tree}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${home}/error.log"
server.max-keep-alive-requests = 1000000
mimetype.assign = ( ".jpg" => "image/jpeg", ".mp4" => "video/mp4" )
webdav.activate = "enable"
webdav.is-readonly = "${isWritable ? 'disable' : 'enable'}"
server.upload-dirs = ( "${home}" )
`,
    );
    const args = ['-D', '-f', file];
    return await startCommand({ name: 'lighttpd mod_webdav', program: 'lighttpd', args, port });
  },
};
