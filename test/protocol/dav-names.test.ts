import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { foldName } from '../../src/model/name.ts';
import { FIRST_TIME_S, type FolderApp, startFolderApp, writeFiles } from './dav-app.ts';
import { type MultistatusResponse, readMultistatus } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';
import { CONTROL_NAME, oddTree } from './media-tree.ts';

const COMPOSED = 'Gr\u00fc\u00dfe caf\u00e9.jpg';
const DECOMPOSED = COMPOSED.normalize('NFD');
const HANGUL = '\ud55c\uae00 \u5199\u771f.jpg';

/** By name on disk; the content is the name, so that it shows which file was given. */
const FILES = Object.fromEntries(
  [
    ...oddTree()
      .map(({ storedPath }) => storedPath)
      .filter((path) => path.startsWith('names/')),
    CONTROL_NAME[0],
    // Twins only after they were made safe for Windows.
    'names/clash:.jpg',
    'names/clash：.jpg',
    'names/%00.jpg',
    'names/&amp;.jpg',
    'names/]]>.jpg',
    "names/'quote'.jpg",
    'names/a=b;c,d.jpg',
    'names/\u200b zero width.jpg',
    'names/\u202egpj.exe.jpg',
    'names/\ufeffmark.jpg',
    'names/\u0085next line.jpg',
    'names/private \ue000.jpg',
    'names/\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}.jpg',
    `names/${HANGUL.normalize('NFD')}`,
  ].map((path) => [path, path]),
);

let running: FolderApp;

afterEach(async () => {
  await running.stop();
});

/** Everything that is listed below a path, collections too. */
async function listAll(port: number, path: string): Promise<MultistatusResponse[]> {
  const answer = await propfind(port, path, { headers: { Depth: '1' } });
  expect([path, answer.status]).toEqual([path, 207]);
  const [, ...members] = readMultistatus(answer.body);
  const below = members.filter(({ href }) => href.endsWith('/')).map(({ href }) => listAll(port, href));
  return [...members, ...(await Promise.all(below)).flat()];
}

function nameOf({ href }: MultistatusResponse): string {
  return decodeURIComponent(href.replace(/\/$/, '').split('/').at(-1) ?? '');
}

/** What Explorer can show (Microsoft, "Naming Files, Paths, and Namespaces"). */
function isStorableOnWindows(name: string): boolean {
  if (/[<>:"/\\|?*\u0000-\u001f]|[. ]$/.test(name)) return false;
  return !/^(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(\.|$)/i.test(name);
}

describe('names of a disk', () => {
  describe.each(['windows', 'exact'])('as %s', (policy) => {
    beforeEach(async () => {
      running = await startFolderApp({ files: FILES, env: { NAMES: policy, LOCAL_ALL_FILES: 'true' } });
    });

    it('every href of every listing gives the bytes of its own file, on both ports', async () => {
      for (const [port, prefix] of [
        [running.davPort, ''],
        [running.port, '/dav'],
      ] as const) {
        const members = await listAll(port, `${prefix}/photos/`);
        const files = members.filter(({ href }) => !href.endsWith('/'));
        const contents = await Promise.all(files.map(async ({ href }) => (await ask(port, href)).text));
        expect(contents.sort()).toEqual(Object.keys(FILES).sort());
      }
    });

    it('are written so that nothing has to be escaped again', async () => {
      for (const { href } of await listAll(running.davPort, '/')) expect(href).toMatch(/^(\/[\w.~%-]+)+\/?$/);
    });

    it('hold nothing that nobody sees and that changes what is read', async () => {
      const names = (await listAll(running.davPort, '/')).map(nameOf);
      expect(
        names.filter((name) => /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(name)),
      ).toEqual([]);
      expect(names).toContain('{U+202E}gpj.exe.jpg');
    });

    it('are told the same by displayname and by href', async () => {
      for (const response of await listAll(running.davPort, '/')) {
        expect(response.found.get('displayname')).toBe(nameOf(response));
      }
    });

    it('can be asked for by the name on disk, whatever is shown', async () => {
      for (const path of Object.keys(FILES)) {
        // Shown under a longer name, because what it is called is what its twin is shown as.
        if (policy === 'windows' && path === 'names/clash：.jpg') continue;
        const encoded = path.split('/').map(encodeURIComponent).join('/');
        const answer = await ask(running.davPort, `/photos/${encoded}`);
        expect([path, answer.status, answer.text]).toEqual([path, 200, path]);
      }
    });

    it('can be asked for in every way of writing an escape', async () => {
      const everyByte = [...Buffer.from('names/IMG_0001.jpg')]
        .map((byte) => `%${byte.toString(16)}`)
        .join('');
      const paths = [
        `/photos/${everyByte.replaceAll('%2f', '/')}`,
        '/photos/names/a%23b.jpg',
        '//photos///names/./a%23b.jpg',
        '/photos/names/%f0%9f%8f%96%ef%b8%8f%20beach%20%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7.jpg',
      ];
      for (const path of paths)
        expect([path, (await ask(running.davPort, path)).status]).toEqual([path, 200]);
    });
  });

  it('are all such that Windows can store them, unless told otherwise', async () => {
    running = await startFolderApp({ files: FILES, env: { LOCAL_ALL_FILES: 'true' } });
    const names = (await listAll(running.davPort, '/photos/names/')).map(nameOf);
    expect(names.length).toBe(Object.keys(FILES).length);
    expect(names.filter((name) => !isStorableOnWindows(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('Unicode forms', () => {
  beforeEach(async () => {
    running = await startFolderApp({
      files: {
        [COMPOSED]: 'composed',
        [HANGUL.normalize('NFD')]: 'decomposed',
        '\u00dcber/x.jpg': 'below a composed folder',
        'both \u00e9.jpg': 'both, composed',
        'both e\u0301.jpg': 'both, decomposed',
        'what\u2019s caf\u00e9?.jpg': 'odd, composed',
        'a\u0308: b.jpg': 'odd, decomposed',
      },
    });
  });

  it.each([
    [COMPOSED, 'composed'],
    [DECOMPOSED, 'composed'],
    [HANGUL, 'decomposed'],
    [HANGUL.normalize('NFD'), 'decomposed'],
    ['\u00dcber/x.jpg', 'below a composed folder'],
    ['U\u0308ber/x.jpg', 'below a composed folder'],
    ['both \u00e9.jpg', 'both, composed'],
    ['both e\u0301.jpg', 'both, decomposed'],
    // By the name on the disk, which is not the one that is shown.
    ['what\u2019s caf\u00e9?.jpg', 'odd, composed'],
    ['what\u2019s cafe\u0301?.jpg', 'odd, composed'],
    ['\u00e4: b.jpg', 'odd, decomposed'],
    ['a\u0308: b.jpg', 'odd, decomposed'],
  ])('%s finds its file', async (path, content) => {
    const encoded = `/photos/${path.split('/').map(encodeURIComponent).join('/')}`;
    expect((await ask(running.davPort, encoded)).text).toBe(content);
    const answer = await propfind(running.davPort, encoded);
    expect(answer.status).toBe(207);
    // The answer is matched with what was asked by comparing paths.
    const hrefs = readMultistatus(answer.body).map(({ href }) => decodeURIComponent(href));
    expect(hrefs).toEqual([`/photos/${path}`]);
  });
});

describe.each(['flat', 'type', 'date'])('names of the virtual layout "%s"', (layout) => {
  /** Equal names, names equal but for case, and but for Unicode form, in many folders. */
  const TWINS = Object.fromEntries(
    ['one', 'two', 'three/four'].flatMap((folder) =>
      [
        'IMG_1.jpg',
        'img_1.JPG',
        'caf\u00e9.jpg',
        'cafe\u0301.jpg',
        'CAF\u00c9.jpg',
        'a:b.jpg',
        'STRASSE.jpg',
        'stra\u00dfe.jpg',
      ].map((name) => [`${folder}/${name}`, `${folder}/${name}`] as const),
    ),
  );

  it('are unique for every client, and each reaches its own file', async () => {
    running = await startFolderApp({ files: TWINS, env: { LOCAL_LAYOUT: layout } });
    const members = await listAll(running.davPort, '/photos/');
    const folded = members.map((member) => {
      const folder = member.href.replace(/[^/]+\/?$/, '');
      return `${folder}${foldName(nameOf(member))}`;
    });
    expect(new Set(folded).size).toBe(folded.length);
    const files = members.filter(({ href }) => !href.endsWith('/'));
    const contents = await Promise.all(
      files.map(async ({ href }) => (await ask(running.davPort, href)).text),
    );
    expect(contents.sort()).toEqual(Object.keys(TWINS).sort());
    for (const member of files) expect(isStorableOnWindows(nameOf(member))).toBe(true);
  });
});

describe('names of mounts', () => {
  it('may hold what URLs and the shell below cannot', async () => {
    const work = await mkdtemp(join(tmpdir(), 'mediadav-mount-names-'));
    const names = ['my photos', '100% #1', '\u00dcber', '__proto__', "it's (1)"];
    for (const name of names) await writeFiles(join(work, name), { 'a.jpg': name });
    const paths = names.map((name) => `${name}=${join(work, name)}`).join(',');
    running = await startFolderApp({ env: { LOCAL_PATHS: paths } });
    const [, ...mounts] = readMultistatus(
      (await propfind(running.davPort, '/', { headers: { Depth: '1' } })).body,
    );
    expect(mounts.map(nameOf)).toEqual(names);
    for (const mount of mounts) {
      expect((await ask(running.davPort, `${mount.href}a.jpg`)).text).toBe(nameOf(mount));
      expect((await propfind(running.davPort, mount.href)).status).toBe(207);
    }
    await rm(work, { recursive: true });
  });
});

describe('odd times', () => {
  it('of one file do not make its folder unreadable', async () => {
    running = await startFolderApp();
    const times = {
      'before 1970.jpg': -86_400 * 365,
      'zero.jpg': 0,
      'far ahead.jpg': 15_000_000_000,
      'now.jpg': FIRST_TIME_S,
    };
    await mkdir(join(running.root, 'odd'));
    for (const [name, seconds] of Object.entries(times)) {
      await writeFile(join(running.root, 'odd', name), name);
      await utimes(join(running.root, 'odd', name), seconds, seconds);
    }
    await running.rescan();
    const answer = await propfind(running.davPort, '/photos/odd/', { headers: { Depth: '1' } });
    const [, ...members] = readMultistatus(answer.body);
    expect(members.length).toBe(4);
    for (const { href, found } of members) {
      const { headers, status } = await ask(running.davPort, href);
      expect([href, status]).toEqual([href, 200]);
      for (const text of [
        found.get('getlastmodified'),
        headers['last-modified'],
        found.get('creationdate'),
      ]) {
        const ms = Date.parse(text ?? '');
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(Date.now());
      }
    }
    expect((await ask(running.davPort, '/photos/odd/')).status).toBe(200);
  });
});
