import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort, type PeerKind, startCommand } from './peer.ts';

/** Where Debian and its children put it (`libnginx-mod-http-dav-ext`). */
const DAV_EXT_MODULE = '/usr/lib/nginx/modules/ngx_http_dav_ext_module.so';

/** nginx answers PROPFIND with the help of a module only. */
export const nginx: PeerKind = {
  name: 'nginx',
  async start(tree, home, { isWritable = false } = {}) {
    if (!existsSync(DAV_EXT_MODULE)) return null;
    const port = await freePort();
    const file = join(home, 'nginx.conf');
    await writeFile(file, configFor({ tree, home, port, isWritable }));
    const args = ['-p', home, '-e', join(home, 'error.log'), '-c', file];
    return await startCommand({ name: 'nginx', program: 'nginx', args, port });
  },
};

interface Config {
  readonly tree: string;
  readonly home: string;
  readonly port: number;
  readonly isWritable: boolean;
}

/** As Debian has it, beside what is about places: `sendfile`, `tcp_nopush`, a worker for each core, no access log. */
function configFor({ tree, home, port, isWritable }: Config): string {
  const isRoot = process.getuid?.() === 0;
  return `
    load_module ${DAV_EXT_MODULE};
    ${isRoot ? `user ${userInfo().username};` : ''}
    daemon off;
    worker_processes auto;
    pid ${join(home, 'nginx.pid')};
    error_log ${join(home, 'error.log')};
    events { worker_connections 768; }
    http {
      types { image/jpeg jpg; video/mp4 mp4; }
      default_type application/octet-stream;
      access_log off;
      sendfile on;
      tcp_nopush on;
      keepalive_requests 1000000;
      client_body_temp_path ${join(home, 'body')};
      proxy_temp_path ${join(home, 'proxy')};
      fastcgi_temp_path ${join(home, 'fastcgi')};
      uwsgi_temp_path ${join(home, 'uwsgi')};
      scgi_temp_path ${join(home, 'scgi')};
      server {
        listen 127.0.0.1:${port};
        root ${tree};
        dav_ext_methods PROPFIND OPTIONS;
        ${isWritable ? 'dav_methods PUT; client_max_body_size 0;' : ''}
      }
    }
  `;
}
