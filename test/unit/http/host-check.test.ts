import { describe, expect, test } from 'vitest';
import { createHostCheck } from '../../../src/http/host-check.ts';
import { codeOf } from '../../../src/model/coded-error.ts';

function verdict(authority: string | null, letsEveryoneIn = true, listenHost = '127.0.0.1'): string {
  try {
    createHostCheck({ letsEveryoneIn, listenHost })({ path: '/', query: '', authority });
    return 'passes';
  } catch (error) {
    return codeOf(error);
  }
}

describe('without a login on loopback', () => {
  test.each([
    null,
    'localhost',
    'localhost:8000',
    'LocalHost:1',
    'localhost.',
    'photos.localhost:8000',
    '127.0.0.1',
    '127.0.0.1:8000',
    '127.5.6.7',
    '[::1]',
    '[::1]:8000',
    '[0:0:0:0:0:0:0:1]',
  ])('passes %j', (authority) => {
    expect(verdict(authority)).toBe('passes');
  });

  test.each([
    '',
    'evil.example',
    'evil.example:8000',
    'localhost.evil.example',
    'evil-localhost',
    'xlocalhost',
    '127.0.0.1.evil.example',
    '127.evil.example',
    '128.0.0.1',
    '192.168.1.2',
    '0.0.0.0',
    '[::]',
    '[::2]',
    '[fe80::1]',
    'localhost@evil.example',
    'localhost:80@evil.example',
    'localhost/x',
    'localhost:99999',
    'localhost evil',
  ])('refuses %j', (authority) => {
    expect(verdict(authority)).toBe('denied');
  });

  test.each(['localhost', '127.0.0.1', '127.0.0.2', '::1'])(
    'also when told to listen on %s',
    (listenHost) => {
      expect(verdict('evil.example', true, listenHost)).toBe('denied');
    },
  );

  test('says how to mend it', () => {
    const check = createHostCheck({ letsEveryoneIn: true, listenHost: '127.0.0.1' });
    expect(() => check({ path: '/', query: '', authority: 'nas.lan' })).toThrow(
      /set AUTH_USERNAME and AUTH_PASSWORD/,
    );
  });
});

test('any host passes where a login is needed, or where beyond loopback was asked for', () => {
  expect(verdict('nas.lan', false)).toBe('passes');
  expect(verdict('nas.lan', true, '0.0.0.0')).toBe('passes');
  expect(verdict('nas.lan', true, '::')).toBe('passes');
  expect(verdict('nas.lan', true, '192.168.1.2')).toBe('passes');
});
