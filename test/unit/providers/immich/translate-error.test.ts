import { AxiosError } from 'axios';
import { describe, expect, it } from 'vitest';
import {
  retryAfterOf,
  translateAnswer,
  translateNetworkError,
} from '../../../../providers/immich/translate-error.ts';
import { CodedError } from '../../../../src/model/coded-error.ts';

function translated(status: number, text: string, headers: Record<string, string> = {}): CodedError {
  return translateAnswer(
    { status, headers: { 'content-type': 'application/json', ...headers }, text },
    'this album',
  );
}

describe('an answer that is no success', () => {
  it.each([
    [401, '{"message":"Invalid API key"}', 'denied', 'The Immich server refused the API key.'],
    [
      403,
      '{"message":"Missing required permission: asset.read"}',
      'denied',
      'The Immich API key lacks the permission "asset.read", which is needed to list the photos and videos of albums.',
    ],
    [
      403,
      '{"message":"Missing required permission: queue.read"}',
      'denied',
      'The Immich API key lacks the permission "queue.read".',
    ],
    [403, '{"message":"Forbidden"}', 'denied', 'The Immich server refused access with this API key.'],
    [
      400,
      '{"message":"Not found or no album.read access"}',
      'not-found',
      'Immich does not have this album, or the API key may not see it.',
    ],
    [
      404,
      '{"message":"Not Found"}',
      'not-found',
      'Immich does not have this album, or the API key may not see it.',
    ],
    [
      400,
      '{"message":["id must be a UUID"]}',
      'not-found',
      'Immich does not have this album, or the API key may not see it.',
    ],
    [500, '{"message":"Internal server error"}', 'unavailable', 'The Immich server failed with status 500.'],
    [418, '', 'unavailable', 'The Immich server failed with status 418.'],
    [429, '', 'throttled', 'The Immich server asks to slow down.'],
    [301, '', 'unavailable', 'The Immich server sends requests to another address.'],
  ])('%i %s', (status, text, code, message) => {
    expect(translated(status, text)).toMatchObject({ code, message });
  });

  it.each([200, 401, 403, 404, 502])('that is a web page comes from a proxy: %i', (status) => {
    expect(translated(status, '<!DOCTYPE html>', { 'content-type': 'text/html; charset=utf-8' }).code).toBe(
      'unavailable',
    );
    expect(translated(status, ' <html lang="en">', { 'content-type': '' }).code).toBe('unavailable');
  });

  it('says how long to wait', () => {
    expect(translated(429, '', { 'retry-after': '120' }).retryAfterMs).toBe(120_000);
    expect(translated(503, '', { 'retry-after': '1' }).retryAfterMs).toBe(1000);
    expect(translated(503, '').retryAfterMs).toBeUndefined();
  });

  it('keeps what the server said as the cause', () => {
    expect(translated(400, '{"message":["a","b"]}').cause).toMatchObject({ message: 'HTTP 400: a; b' });
    expect(translated(500, 'x'.repeat(1000)).cause).toMatchObject({
      message: `HTTP 500: ${'x'.repeat(200)}`,
    });
  });
});

describe('Retry-After', () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['0', 0],
    [' 15 ', 15_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thu, 01 Jan 2020 00:00:30 GMT', 0],
    ['99999999999', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
    [undefined, undefined],
  ])('%s', (value, expected) => {
    if (value === '-5') expect(retryAfterOf(value, nowMs) ?? 0).toBe(0);
    else expect(retryAfterOf(value, nowMs)).toBe(expected);
  });
});

describe('no whole answer', () => {
  const config = { headers: { 'x-api-key': 'secret' }, url: 'http://photos.example' };

  it('is unavailable, and its cause holds neither key nor request', () => {
    const node = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const error = AxiosError.from(node, 'ECONNREFUSED', config as never);
    const coded = translateNetworkError(error);
    expect(coded).toMatchObject({
      code: 'unavailable',
      message: 'The Immich server cannot be reached: it refuses connections.',
    });
    expect(coded.cause).toBe(node);
    const timeout = translateNetworkError(
      new AxiosError('timeout of 5ms exceeded', 'ETIMEDOUT', config as never),
    );
    expect(timeout.message).toBe('The Immich server cannot be reached: it did not answer in time.');
    expect(timeout.cause).not.toHaveProperty('config');
    expect(translateNetworkError('strange').code).toBe('unavailable');
  });

  it('is cancelled when the caller gave up, and unavailable when a deadline did', () => {
    const error = new AxiosError('canceled', 'ERR_CANCELED');
    expect(translateNetworkError(error, AbortSignal.abort()).code).toBe('cancelled');
    const late = new DOMException('too late', 'TimeoutError');
    expect(translateNetworkError(error, AbortSignal.abort(late)).code).toBe('unavailable');
    const reason = new CodedError('unavailable', 'The source does not answer.');
    expect(translateNetworkError(error, AbortSignal.abort(reason))).toBe(reason);
  });

  it('may be one that is too large', () => {
    const error = new AxiosError('maxContentLength size of 5 exceeded', 'ERR_BAD_RESPONSE');
    expect(translateNetworkError(error).code).toBe('too-large');
  });
});
