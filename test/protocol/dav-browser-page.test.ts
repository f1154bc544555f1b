import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { ask } from './dav-wire.ts';

const HOSTILE = [
  '<img src=x onerror=alert(1)>.jpg',
  '"onmouseover="alert(1).jpg',
  "'onmouseover='alert(1).jpg",
  '<title><script>alert(1)<script>.jpg',
  'javascript:alert(1).jpg',
  '&lt;b&gt;.jpg',
  '\u202egpj.exe.jpg',
  'a#b?c%d.jpg',
];
const FOLDER = '<script>alert(2)';

let running: FolderApp;

beforeAll(async () => {
  running = await startFolderApp({
    files: Object.fromEntries(
      [...HOSTILE, 'sub/deeper/plain.jpg', `${FOLDER}/in.jpg`].map((name) => [name, name]),
    ),
    env: { NAMES: 'exact' },
  });
});

afterAll(async () => {
  await running.stop();
});

/** Targets of all links of a page. */
function linksIn(page: string): string[] {
  return [...page.matchAll(/<a href="([^"]*)">/g)].map(([, href]) => href ?? '');
}

describe('the page of a collection', () => {
  it('is HTML for whoever opens it in a browser', async () => {
    const answer = await ask(running.davPort, '/photos/');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.text).toMatch(/^<!doctype html>/);
  });

  it('holds no element but its own, whatever files are called', async () => {
    for (const path of ['/', '/photos/', '/photos/sub/', `/photos/${encodeURIComponent(FOLDER)}/`]) {
      const { text } = await ask(running.davPort, path);
      const elements = [...text.matchAll(/<([!/]?\w+)[^<>]*>/g)].map(([, name]) => name);
      const own = [
        '!doctype',
        'meta',
        'title',
        '/title',
        'style',
        '/style',
        'h1',
        '/h1',
        'table',
        '/table',
        'tr',
        '/tr',
        'td',
        '/td',
        'a',
        '/a',
      ];
      expect(elements.filter((name) => !own.includes(name ?? ''))).toEqual([]);
      expect(text.match(/<title>/g)?.length).toBe(1);
      const tags = [...text.matchAll(/<\w+((?:\s+[\w-]+="[^"]*")*)>/g)];
      const attributes = tags.flatMap(([, all]) => all?.match(/[\w-]+(?==)/g) ?? []);
      expect(attributes.filter((name) => !['charset', 'href', 'align'].includes(name))).toEqual([]);
    }
  });

  it('links to every member by an address that works, with and without a slash at its end', async () => {
    for (const [port, prefix] of [
      [running.davPort, ''],
      [running.port, '/dav'],
    ] as const) {
      for (const path of ['/photos', '/photos/']) {
        const { text } = await ask(port, prefix + path);
        const links = linksIn(text);
        expect(links.length).toBe(1 + HOSTILE.length + 2);
        for (const link of links) {
          expect(link).toMatch(/^\//);
          expect([link, (await ask(port, link)).status]).toEqual([link, 200]);
        }
        expect(links[0]).toBe(`${prefix}/`);
      }
    }
  });

  it('leads back up, but not out of the mount', async () => {
    const up = async (path: string) => linksIn((await ask(running.port, path)).text)[0];
    expect(await up('/dav/photos/sub/deeper')).toBe('/dav/photos/sub/');
    expect(await up('/dav/photos/sub/deeper/')).toBe('/dav/photos/sub/');
    expect(await up('/dav/photos')).toBe('/dav/');
    expect(await up('/dav/')).toBe('/dav/photos/');
  });

  it('may run nothing and load nothing', async () => {
    const { headers } = await ask(running.davPort, '/photos/');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'unsafe-inline'; [^;]*frame-ancestors 'none'/,
    );
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('has its headers by HEAD, and no body', async () => {
    const page = await ask(running.davPort, '/photos/');
    const head = await ask(running.davPort, '/photos/', { method: 'HEAD' });
    expect([head.status, head.headers['content-type']]).toEqual([200, page.headers['content-type']]);
    expect(head.headers['content-security-policy']).toBe(page.headers['content-security-policy']);
  });
});

it('an error is plain text, so that no path in it can act', async () => {
  const answer = await ask(running.davPort, '/photos/<script>alert(1)</script>');
  expect(answer.status).toBe(404);
  expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
  expect(answer.text).not.toContain('script');
});
