import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type AuthenticatorOptions, createAuthenticator } from '../../../src/http/authentication.ts';
import { codeOf } from '../../../src/model/coded-error.ts';

const DAV = { acceptsApiKeys: false };
const API = { acceptsApiKeys: true };
const PASSWORD = 'pa:ss:wörd?>~';

const login: AuthenticatorOptions = {
  username: 'anna',
  password: PASSWORD,
  apiKeys: ['key-one', 'key-two'],
  allowsAnonymous: false,
};
const keysOnly = { ...login, username: null, password: null };
const nothing: AuthenticatorOptions = { username: null, password: null, apiKeys: [], allowsAnonymous: false };

function requestWith(headers: Record<string, string> = {}): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  for (const [name, value] of Object.entries(headers)) {
    req.headers[name.toLowerCase()] = value;
    req.headersDistinct[name.toLowerCase()] = [value];
  }
  return req;
}

function basic(text: string, scheme = 'Basic'): { authorization: string } {
  return { authorization: `${scheme} ${Buffer.from(text).toString('base64')}` };
}

/** The user, or the code of the refusal. */
function attempt(options: AuthenticatorOptions, headers: Record<string, string>, edge = DAV): string {
  try {
    return createAuthenticator(options).authenticate(requestWith(headers), edge);
  } catch (error) {
    return codeOf(error);
  }
}

describe('Basic login', () => {
  test('lets exactly the right credentials in', () => {
    expect(attempt(login, basic(`anna:${PASSWORD}`))).toBe('anna');
    expect(attempt(login, basic(`anna:${PASSWORD}`, 'bASIC'))).toBe('anna');
    expect(attempt(login, basic(`anna:${PASSWORD}`, 'Basic  '))).toBe('anna');
  });

  test('with + and / in its base64, padded or not', () => {
    const password = '~~~???>>>ÿÿ1';
    const token = Buffer.from(`u:${password}`).toString('base64');
    expect(token).toMatch(/\+.*\/|\/.*\+/);
    expect(token.endsWith('=')).toBe(true);
    const options = { ...login, username: 'u', password };
    expect(attempt(options, { authorization: `Basic ${token}` })).toBe('u');
    expect(attempt(options, { authorization: `Basic ${token.replace(/=+$/, '')}` })).toBe('u');
  });

  test('with a password typed in another Unicode form', () => {
    expect(attempt(login, basic(`anna:${PASSWORD.normalize('NFD')}`))).toBe('anna');
  });

  test.each([
    'anna:',
    'anna',
    ':',
    '',
    `:${PASSWORD}`,
    `Anna:${PASSWORD}`,
    `anna:${PASSWORD} `,
    'anna:pa',
    'anna:pa:ss',
    `anna::${PASSWORD}`,
    'anna:wrong',
    'constructor:',
    'constructor:undefined',
    '__proto__:',
    '__proto__:[object Object]',
    'toString:function toString() { [native code] }',
    'hasOwnProperty:',
    'anonymous:',
    'api-key:key-one',
    'undefined:undefined',
    'null:null',
  ])('refuses %j', (credentials) => {
    expect(attempt(login, basic(credentials))).toBe('unauthenticated');
    expect(attempt(login, basic(credentials), API)).toBe('unauthenticated');
  });

  test('refuses what is no Basic header', () => {
    const token = Buffer.from(`anna:${PASSWORD}`).toString('base64');
    const latin1 = Buffer.from(`anna:${PASSWORD}`, 'latin1').toString('base64');
    for (const authorization of [
      '',
      'Basic',
      'Basic ',
      'Basic !!!!',
      `Basic ${token} x`,
      `Basic${token}`,
      `Digest ${token}`,
      `Digest username="anna", response=""`,
      token,
      `Basic ${latin1}`,
      `Bearer ${token}`,
    ]) {
      expect(attempt(login, { authorization }), authorization).toBe('unauthenticated');
    }
    expect(attempt(login, {})).toBe('unauthenticated');
  });

  test('needs name and password together, and a name without colon', () => {
    for (const half of [
      { username: 'anna', password: null },
      { username: 'anna', password: '' },
      { username: null, password: 'secret' },
      { username: 'an:na', password: 'secret' },
    ]) {
      expect(() => createAuthenticator({ ...nothing, ...half })).toThrow(/AUTH_USERNAME/);
    }
  });
});

describe('API keys', () => {
  test('count only where the edge accepts them', () => {
    for (const headers of [{ 'x-api-key': 'key-two' }, { authorization: 'bearer key-one' }]) {
      expect(attempt(login, headers, API)).toBe('api-key');
      expect(attempt(login, headers, DAV)).toBe('unauthenticated');
    }
  });

  test.each(['', 'key', 'key-one ', 'KEY-ONE', 'key-one,key-two', '0', 'length', 'constructor'])(
    'refuses %j',
    (key) => {
      expect(attempt(login, { 'x-api-key': key }, API)).toBe('unauthenticated');
      expect(attempt(login, { authorization: `Bearer ${key}x` }, API)).toBe('unauthenticated');
    },
  );

  test('alone: an edge without keys lets nobody in', () => {
    expect(attempt(keysOnly, { 'x-api-key': 'key-one' }, API)).toBe('api-key');
    expect(attempt(keysOnly, {}, API)).toBe('unauthenticated');
    expect(attempt(keysOnly, {}, DAV)).toBe('unauthenticated');
    for (const credentials of [':', 'anonymous:', 'key-one:', ':key-one', 'null:null']) {
      expect(attempt(keysOnly, basic(credentials), DAV)).toBe('unauthenticated');
    }
  });

  test('an empty key in the settings is none', () => {
    expect(attempt({ ...keysOnly, apiKeys: ['', 'k'] }, { 'x-api-key': '' }, API)).toBe('unauthenticated');
  });
});

describe('anonymous', () => {
  test('is everybody where nothing is configured, whatever they send', () => {
    expect(attempt(nothing, {})).toBe('anonymous');
    expect(attempt(nothing, basic('left:over'))).toBe('anonymous');
    expect(attempt({ ...nothing, username: '', password: '' }, basic(':'))).toBe('anonymous');
    expect(createAuthenticator(nothing).letsEveryoneIn).toBe(true);
    expect(createAuthenticator(login).letsEveryoneIn).toBe(false);
    expect(createAuthenticator(keysOnly).letsEveryoneIn).toBe(false);
  });

  test('may be allowed beside a login; wrong credentials are still wrong', () => {
    const open = { ...login, allowsAnonymous: true };
    expect(attempt(open, {})).toBe('anonymous');
    expect(attempt(open, basic(`anna:${PASSWORD}`))).toBe('anna');
    expect(attempt(open, basic('anna:wrong'))).toBe('unauthenticated');
    expect(createAuthenticator(open).letsEveryoneIn).toBe(true);
  });
});
