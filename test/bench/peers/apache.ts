import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, type PeerKind, startCommand } from './peer.ts';

/** Debian's place for them. */
const MODULES = '/usr/lib/apache2/modules';

export const apache: PeerKind = {
  name: 'Apache mod_dav',
  async start(tree, home) {
    if (!existsSync(join(MODULES, 'mod_dav_fs.so'))) return null;
    const port = await freePort();
    const file = join(home, 'apache.conf');
    await mkdir(join(home, 'locks'));
    // Its workers are another user, and `umask` takes rights away from what is made.
    await chmod(join(home, 'locks'), 0o777);
    await writeFile(file, configFor(tree, home, port));
    const args = ['-d', home, '-f', file, '-DFOREGROUND'];
    return await startCommand({ name: 'Apache mod_dav', program: 'apache2', args, port });
  },
};

/** Debian's `event` workers and limits; no access log, and connections that are kept for as long as the load lasts. */
function configFor(tree: string, home: string, port: number): string {
  const modules = ['mpm_event', 'authz_core', 'mime', 'dav', 'dav_fs'];
  // Started by root it wants to be somebody else.
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : '';
  return `
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
${user}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${home}/apache.pid
ErrorLog ${home}/error.log
DefaultRuntimeDir ${home}
Mutex file:${home}
MaxKeepAliveRequests 0
TypesConfig /dev/null
AddType image/jpeg .jpg
AddType video/mp4 .mp4
DavLockDB ${home}/locks/db
DocumentRoot ${tree}
LimitRequestBody 0
<Directory ${tree}>
  Require all granted
  Dav On
</Directory>
`;
}
