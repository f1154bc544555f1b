import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { parseRequestTarget } from '../../../src/http/exchange.ts';
import { codeOf } from '../../../src/model/coded-error.ts';
import { withFields } from '../../../src/model/logger.ts';
import { keepingLogger } from './running-listener.ts';

function parse(url: string, { method = 'GET', hosts = ['h:1'] } = {}) {
  const req = new IncomingMessage(new Socket());
  req.method = method;
  req.url = url;
  req.headersDistinct.host = hosts;
  try {
    return parseRequestTarget(req);
  } catch (error) {
    return codeOf(error);
  }
}

describe('request target', () => {
  test.each([
    ['/', { path: '/', query: '', authority: 'h:1' }],
    ['/a%20b/%2e?x=1?y', { path: '/a%20b/%2e', query: 'x=1?y', authority: 'h:1' }],
    ['/a?', { path: '/a', query: '', authority: 'h:1' }],
    ['//evil/x', { path: '//evil/x', query: '', authority: 'h:1' }],
    ['http://other:80/a?b', { path: '/a', query: 'b', authority: 'other:80' }],
    ['HTTPS://other', { path: '/', query: '', authority: 'other' }],
    ['http://other?b', { path: '/', query: 'b', authority: 'other' }],
    ['http://[::1]:8000/a', { path: '/a', query: '', authority: '[::1]:8000' }],
    ['/100%', { path: '/100%', query: '', authority: 'h:1' }],
  ])('%s', (url, target) => {
    expect(parse(url)).toEqual(target);
  });

  test.each([
    '',
    '*',
    'a',
    'http://[',
    'http://[::1',
    'http://',
    'http:///a',
    'http://a:b/',
    'http://a:99999/',
    'http://user@a/',
    'http://user:pass@a/',
    'http://a b/',
    'http://%zz/',
    'ftp://a/',
    'a.example:443',
    '/a#b',
    'http://a/#b',
  ])('%j is refused', (url) => {
    expect(parse(url)).toBe('invalid');
  });

  test('* is for OPTIONS alone', () => {
    expect(parse('*', { method: 'OPTIONS' })).toEqual({ path: '*', query: '', authority: 'h:1' });
    expect(parse('*', { method: 'PROPFIND' })).toBe('invalid');
  });

  test('Host: one, well-formed, or empty', () => {
    expect(parse('/', { hosts: [] })).toMatchObject({ authority: null });
    expect(parse('/', { hosts: [''] })).toMatchObject({ authority: null });
    expect(parse('/', { hosts: ['a', 'b'] })).toBe('invalid');
    for (const host of ['a b', 'a/b', 'a@b', '[', 'a:x', 'http://a', 'a?b']) {
      expect(parse('/', { hosts: [host] }), host).toBe('invalid');
    }
  });
});

test('a logger with fields adds them to every line', () => {
  const log = keepingLogger();
  const child = withFields(log, { request: 'id' });
  child.debug('a');
  child.info('b', { x: 1 });
  child.warn('c');
  child.error('d');
  expect(log.lines).toEqual([
    { level: 'debug', message: 'a', fields: { request: 'id' } },
    { level: 'info', message: 'b', fields: { request: 'id', x: 1 } },
    { level: 'warn', message: 'c', fields: { request: 'id' } },
    { level: 'error', message: 'd', fields: { request: 'id' } },
  ]);
});
