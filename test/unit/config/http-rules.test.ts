import { expect, test } from 'vitest';
import { reasonOf } from '../../../src/config/place.ts';
import { LOOPBACK_CERTIFICATE } from '../http/loopback-certificate.ts';
import { problemsIn, Workspace } from './workspace.ts';

test.each(['127.0.0.1', '127.9.8.7', '::1', '[::1]', '0:0:0:0:0:0:0:1', 'localhost', '::ffff:127.0.0.1'])(
  '%s needs no login',
  (HOST) => {
    expect(new Workspace().read({ env: { HOST } }).http.login).toBeNull();
  },
);

test.each(['0.0.0.0', '::', '192.168.1.2', 'nas.local', '127.example.com', '::ffff:10.0.0.1', '::2'])(
  '%s needs a login',
  (HOST) => {
    const workspace = new Workspace();
    expect(problemsIn(workspace.complaint({ env: { HOST } }))).toEqual([
      expect.stringMatching(
        /^HOST \(environment\) is .*, which lets other devices in, and no login is set: /,
      ),
    ]);
    expect(workspace.read({ env: { HOST, ALLOW_ANONYMOUS: 'yes' } }).http.allowsAnonymous).toBe(true);
    expect(workspace.read({ env: { HOST, API_KEYS: 'a, b' } }).http.apiKeys).toEqual(['a', 'b']);
    expect(workspace.read({ env: { HOST, AUTH_USERNAME: 'joe', AUTH_PASSWORD: ' p ' } }).http.login).toEqual({
      username: 'joe',
      password: ' p ',
    });
  },
);

test('user name and password need each other', () => {
  const complain = (env: Record<string, string>) => problemsIn(new Workspace().complaint({ env }));
  expect(complain({ HOST: '::', AUTH_USERNAME: 'joe' })).toEqual([
    'AUTH_USERNAME (environment) needs AUTH_PASSWORD or AUTH_PASSWORD_FILE beside it.',
  ]);
  expect(complain({ AUTH_PASSWORD: 'hush' })).toEqual([
    'AUTH_PASSWORD (environment) needs AUTH_USERNAME beside it.',
  ]);
  expect(complain({ HOST: '::', AUTH_USERNAME: 'jo:e', AUTH_PASSWORD: 'hush' })).toEqual([
    'AUTH_USERNAME (environment) must not hold a colon: browsers and WebDAV clients cannot send it.',
  ]);
});

test('ports must differ, unless the system picks them', () => {
  const workspace = new Workspace();
  expect(problemsIn(workspace.complaint({ env: { PORT: '1700' } }))).toEqual([
    'WEBDAV_PORT (default) is 1700, and so is PORT (environment): choose another, or off.',
  ]);
  expect(workspace.read({ env: { PORT: '0', WEBDAV_PORT: '0' } }).http).toMatchObject({
    port: 0,
    webdavPort: 0,
  });
  expect(workspace.read({ env: { PORT: '1700', WEBDAV_PORT: 'Off' } }).http.webdavPort).toBeNull();
});

test('TLS needs both files', () => {
  const { cert, key } = LOOPBACK_CERTIFICATE;
  const workspace = new Workspace()
    .file('cert.pem', cert)
    .file('home/key.pem', key)
    .folder('dir')
    .file('junk.pem', 'x');
  const complain = (env: Record<string, string>) => problemsIn(workspace.complaint({ env }));
  expect(workspace.read({ env: { TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: '~/key.pem' } }).http.tls).toEqual({
    certFile: workspace.path('cert.pem'),
    keyFile: workspace.path('home', 'key.pem'),
  });
  expect(complain({ TLS_CERT_FILE: 'cert.pem' })).toEqual([
    'TLS_CERT_FILE (environment) needs TLS_KEY_FILE beside it.',
  ]);
  expect(complain({ TLS_KEY_FILE: 'none.pem' })).toEqual([
    'TLS_KEY_FILE (environment) needs TLS_CERT_FILE beside it.',
    `TLS_KEY_FILE (environment) names a file that cannot be read: ${workspace.path('none.pem')} (there is no such file).`,
  ]);
  expect(complain({ TLS_CERT_FILE: 'junk.pem', TLS_KEY_FILE: '~/key.pem' })).toEqual([
    'TLS_CERT_FILE (environment) and TLS_KEY_FILE are not a PEM certificate with its private key.',
  ]);
  expect(complain({ TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: 'dir' })).toEqual([
    `TLS_KEY_FILE (environment) names a file that cannot be read: ${workspace.path('dir')} (it is a folder).`,
  ]);
});

test('errors of the file system are told in plain words', () => {
  const told = (code: string) => reasonOf(Object.assign(new Error('open'), { code }));
  expect(told('EACCES')).toBe('no permission to read it');
  expect(told('ENOTDIR')).toBe('there is no such file');
  expect(told('EIO')).toBe('EIO');
  expect(reasonOf('what')).toBe('unknown reason');
});
