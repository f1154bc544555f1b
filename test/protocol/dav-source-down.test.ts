import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp, writeFiles } from './dav-app.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { ask, propfind, type WireAnswer } from './dav-wire.ts';

const FILES = { 'a.jpg': 'a', 'sub/b.jpg': 'b' };
/** What Finder, Explorer and other systems look for in every folder. */
const PROBES = [
  '._a.jpg',
  '._.',
  '.DS_Store',
  '.hidden',
  '.localized',
  '.Spotlight-V100',
  '.Trashes',
  '.metadata_never_index',
  '.ql_disablethumbnails',
  'mach_kernel',
  'Contents/Info.plist',
  'desktop.ini',
  'Desktop.ini',
  'Thumbs.db',
  'folder.jpg',
  'Folder.jpg',
  'folder.gif',
  'AlbumArtSmall.jpg',
  'autorun.inf',
  '.directory',
  '.Trash-1000',
  '.xdg-volume-info',
  'albumart.jpg',
  'movie.nfo',
];

let running: FolderApp;

afterEach(async () => {
  await running.stop();
});

/** 503 with a time to come again: the one answer that no client takes for a deletion. */
function expectUnavailable(what: string, answer: WireAnswer): void {
  expect([what, answer.status]).toEqual([what, 503]);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect(answer.headers).not.toHaveProperty('etag');
}

async function listing(path: string): Promise<string> {
  return (await propfind(running.davPort, path, { headers: { Depth: '1' } })).text;
}

describe('a folder that was read and then went away', () => {
  /** Each is undone by its second function. */
  const OUTAGES: Record<string, [down: () => Promise<void>, up: () => Promise<void>]> = {
    'is not there': [
      () => rename(running.root, `${running.root}-away`),
      () => rename(`${running.root}-away`, running.root),
    ],
    'is an empty mount point': [
      async () => {
        await rename(running.root, `${running.root}-away`);
        await mkdir(running.root);
      },
      async () => {
        await rm(running.root, { recursive: true });
        await rename(`${running.root}-away`, running.root);
      },
    ],
    'is a file': [
      async () => {
        await rename(running.root, `${running.root}-away`);
        await writeFile(running.root, '');
      },
      async () => {
        await rm(running.root);
        await rename(`${running.root}-away`, running.root);
      },
    ],
  };

  beforeEach(async () => {
    running = await startFolderApp({ files: FILES });
  });

  it.each(Object.entries(OUTAGES))(
    'and %s: listed as before, its bytes 503, and back without a restart',
    async (_what, outage) => {
      const [down, up] = outage;
      const before = [await listing('/'), await listing('/photos/'), await listing('/photos/sub/')];
      await down();
      for (const moment of ['at once', 'after another scan']) {
        expect([await listing('/'), await listing('/photos/'), await listing('/photos/sub/')]).toEqual(
          before,
        );
        const paths = ['/photos/a.jpg', '/photos/sub/b.jpg'];
        const asked = paths.flatMap((path) => [
          ask(running.davPort, path),
          ask(running.davPort, path, { headers: { Range: 'bytes=0-0' } }),
        ]);
        for (const answer of await Promise.all(asked)) expectUnavailable(moment, answer);
        // What was never there is not said to come back.
        expect((await ask(running.davPort, '/photos/missing.jpg')).status).toBe(404);
        await running.rescan();
      }
      await up();
      expect((await ask(running.davPort, '/photos/a.jpg')).text).toBe('a');
      await running.rescan();
      expect((await ask(running.davPort, '/photos/sub/b.jpg')).text).toBe('b');
      expect(await listing('/photos/')).toBe(before[1]);
    },
  );

  it('answers the probes of clients from memory', async () => {
    // Were the folder asked for any of them, the answer would be 503.
    await rename(running.root, `${running.root}-away`);
    for (const name of PROBES) {
      for (const folder of ['/', '/photos/', '/photos/sub/']) {
        const answers = [
          await ask(running.davPort, folder + name),
          await propfind(running.davPort, folder + name),
        ];
        expect([folder + name, ...answers.map(({ status }) => status)]).toEqual([folder + name, 404, 404]);
        expect(answers.map(({ headers }) => headers['cache-control'])).toEqual(['no-store', 'no-store']);
      }
    }
  });
});

describe('a folder that was never read', () => {
  beforeEach(async () => {
    running = await startFolderApp({ isMissing: true });
  });

  it('is there, but neither empty nor without what is asked for', async () => {
    const mounts = readMultistatus((await propfind(running.davPort, '/', { headers: { Depth: '1' } })).body);
    expect(mounts.map(({ href }) => href)).toEqual(['/', '/photos/']);
    const asked: [string, WireAnswer][] = [
      ['listing', await propfind(running.davPort, '/photos/', { headers: { Depth: '1' } })],
      ['page', await ask(running.davPort, '/photos/')],
      ['page by HEAD', await ask(running.davPort, '/photos/', { method: 'HEAD' })],
      ['file', await ask(running.davPort, '/photos/a.jpg')],
      ['properties of a file', await propfind(running.davPort, '/photos/sub/b.jpg')],
    ];
    for (const [what, answer] of asked) expectUnavailable(what, answer);
    // Nothing of this machine is told.
    for (const [, answer] of asked) expect(answer.text).not.toContain(running.root);
  });

  it('shows up once it can be read', async () => {
    await writeFiles(running.root, FILES);
    await running.rescan();
    const members = readMultistatus(
      (await propfind(running.davPort, '/photos/', { headers: { Depth: '1' } })).body,
    );
    expect(members.map(({ href }) => href)).toEqual(['/photos/', '/photos/a.jpg', '/photos/sub/']);
    expect((await ask(running.davPort, '/photos/a.jpg')).text).toBe('a');
  });

  it('is still writable by nobody', async () => {
    for (const method of ['PUT', 'MKCOL', 'DELETE']) {
      expect([method, (await ask(running.davPort, '/photos/new', { method })).status]).toEqual([method, 403]);
    }
    expect(await readdir(join(running.root, '..'))).not.toContain('photos');
  });
});
