import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { succeed } from './client-command.ts';
import { listTree } from './dav-listing.ts';
import { digestsBelow, filesBelow, sha1Of } from './disk-listing.ts';
import { BIG_PATH, CONTROL_NAME, numberedBytes, oddTree, type TreeFile, writeTree } from './media-tree.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { Rclone, type RcloneEntry, undoRcloneNames } from './rclone.ts';
import { FUSE, lookUp } from './tool-lookup.ts';

const needs = lookUp('rclone');
const needsMount = lookUp('rclone', 'fusermount3', FUSE);
const needsTls = lookUp('rclone', 'openssl');

/** rclone itself takes two names that differ by Unicode form for one, unless told. */
const AS_THEY_ARE = { flags: ['--no-unicode-normalization'] };
const PORTS = ['WEBDAV_PORT at /', 'PORT at /dav/'] as const;
const TREE = oddTree();

let work = '';
let root = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-rclone-test-'));
  root = join(work, 'disk');
  await writeTree(root, TREE);
});

afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

function addressOf(server: MediadavProcess, port: (typeof PORTS)[number]): string {
  return port === 'PORT at /dav/' ? `${server.url}/dav` : server.webdavUrl;
}

/** Path, size and time to the second of every file rclone lists below the source `media`. */
function filesListed(
  entries: readonly RcloneEntry[],
): Map<string, { sizeBytes: number; modifiedSeconds: number }> {
  const files = entries.filter(({ IsDir }) => !IsDir);
  return new Map(
    files.map(({ Path, Size, ModTime }) => [
      Path.replace(/^media\//, ''),
      { sizeBytes: Size, modifiedSeconds: Math.floor(Date.parse(ModTime) / 1000) },
    ]),
  );
}

/** What is on disk, by the names that clients are shown. */
async function filesToShow(pathOf: (file: TreeFile) => string): Promise<ReturnType<typeof filesListed>> {
  const disk = await filesBelow(root);
  return new Map(
    TREE.map((file) => {
      const found = disk.get(file.storedPath);
      if (found === undefined) throw new Error(`not on disk: ${file.storedPath}`);
      return [pathOf(file), found];
    }),
  );
}

async function emptyFolder(): Promise<string> {
  return await mkdtemp(join(work, 'copy-'));
}

describe.skipIf(needs.areMissing)(`rclone on a folder${needs.note}`, () => {
  let server: MediadavProcess;

  beforeAll(async () => {
    server = await startProcess({ env: { LOCAL_PATHS: `media=${root}`, LOCAL_ALL_FILES: 'true' } });
  });

  afterAll(async () => {
    await server.stop();
  });

  it.each(PORTS)('lists exactly what is on disk, %s', async (port) => {
    const rclone = await Rclone.at(addressOf(server, port), AS_THEY_ARE);
    const listed = filesListed(await rclone.list());
    expect(listed).toEqual(await filesToShow(({ shownPath }) => shownPath));
    expect(listed.size).toBe(TREE.length);
  });

  it.each(PORTS)('copies every file byte for byte, %s', async (port) => {
    const rclone = await Rclone.at(addressOf(server, port), AS_THEY_ARE);
    const to = await emptyFolder();
    await rclone.copy('media', to);
    const wanted = new Map(TREE.map(({ shownPath, bytes }) => [shownPath, sha1Of(bytes)]));
    expect(await digestsBelow(to)).toEqual(wanted);
  });

  it('tells the content type of each kind of file', async () => {
    const resources = await listTree(server.webdavUrl);
    const typeOf = (path: string) => resources.get(`media/${path}`)?.contentType;
    expect(typeOf('names/IMG_0001.jpg')).toBe('image/jpeg');
    expect(typeOf('names/CASE.JPG')).toBe('image/jpeg');
    expect(typeOf('second.png')).toBe('image/png');
    expect(typeOf('clip.mov')).toBe('video/quicktime');
    expect(typeOf(BIG_PATH)).toBe('video/mp4');
    expect(typeOf('sound.mp3')).toBe('audio/mpeg');
    expect(typeOf('raw.CR2')).toBe('image/x-canon-cr2');
    // Known by its content, where the name says nothing.
    expect(typeOf('names/trailing dot．')).toBe('image/jpeg');
  });

  it('gives rclone the types it shows to people', async () => {
    const rclone = await Rclone.at(server.webdavUrl, AS_THEY_ARE);
    const entries = await rclone.list('media');
    const types = new Map(entries.map(({ Path, MimeType }) => [Path, MimeType]));
    expect(types.get('names/IMG_0001.jpg')).toBe('image/jpeg');
    expect(types.get(BIG_PATH)).toBe('video/mp4');
    expect(types.get('2024')).toBe('inode/directory');
  });

  it('leaves files on the disk alone when rclone wants to change something', async () => {
    const before = await filesBelow(root);
    const rclone = await Rclone.at(server.webdavUrl);
    const commands: [string, string[]][] = [
      ['copyto', [join(root, 'clip.mov'), ':webdav:media/new.mov']],
      ['copyto', [join(root, 'clip.mov'), ':webdav:media/sound.mp3']],
      ['deletefile', [':webdav:media/clip.mov']],
      ['moveto', [':webdav:media/clip.mov', ':webdav:media/moved.mov']],
      ['mkdir', [':webdav:media/folder']],
      ['purge', [':webdav:media/2024']],
    ];
    for (const [command, paths] of commands) {
      const { code, stderr } = await rclone.run(command, paths);
      expect(code, `rclone ${command}`).not.toBe(0);
      expect(stderr, `rclone ${command}`).toContain('403');
    }
    expect(await filesBelow(root)).toEqual(before);
  });
});

describe.skipIf(needs.areMissing)(`rclone on a folder with NAMES=exact${needs.note}`, () => {
  let server: MediadavProcess;

  beforeAll(async () => {
    const env = { LOCAL_PATHS: `media=${root}`, LOCAL_ALL_FILES: 'true', NAMES: 'exact' };
    server = await startProcess({ env });
  });

  afterAll(async () => {
    await server.stop();
  });

  it("lists the disk's own names", async () => {
    const rclone = await Rclone.at(server.webdavUrl, AS_THEY_ARE);
    const listed = filesListed(await rclone.list());
    expect(listed).toEqual(await filesToShow(({ storedPath }) => storedPath));
  });

  it.each(PORTS)('has no difference to the disk for check --download, %s', async (port) => {
    const rclone = await Rclone.at(addressOf(server, port), AS_THEY_ARE);
    const { code, stderr } = await rclone.check(root, 'media');
    expect(stderr).toContain(' 0 differences found');
    expect(stderr).toContain(` ${TREE.length} matching files`);
    expect(code).toBe(0);
  });
});

describe.skipIf(needs.areMissing)(`names that need more than a twin${needs.note}`, () => {
  let server: MediadavProcess;
  const clashing: TreeFile[] = [
    { storedPath: 'a?.jpg', shownPath: '', bytes: Buffer.from('a question mark') },
    { storedPath: 'a？.jpg', shownPath: '', bytes: Buffer.from('its fullwidth twin') },
    { storedPath: 'b.jpg', shownPath: 'b.jpg', bytes: Buffer.from('plain') },
  ];
  const [storedControls, shownControls] = CONTROL_NAME;

  beforeAll(async () => {
    const folder = join(work, 'clashing');
    const controls = { storedPath: storedControls, shownPath: shownControls, bytes: Buffer.from('controls') };
    await writeTree(folder, [...clashing, controls]);
    server = await startProcess({ env: { LOCAL_PATHS: `media=${folder}` } });
  });

  afterAll(async () => {
    await server.stop();
  });

  it('shows a file and the one that is named like its twin, each with its own bytes', async () => {
    const to = await emptyFolder();
    await (await Rclone.at(server.webdavUrl, AS_THEY_ARE)).copy('media', to);
    const copied = [...(await digestsBelow(to))].filter(([path]) => !path.includes('/'));
    expect(copied.map(([, digest]) => digest).sort()).toEqual(
      clashing.map(({ bytes }) => sha1Of(bytes)).sort(),
    );
    for (const [path] of copied) expect(path).toMatch(/^(a？|a？~[0-9a-f]{8}|b)\.jpg$/);
  });

  it('shows control characters by their pictures', async () => {
    const resources = await listTree(`${server.webdavUrl}/media`);
    expect(resources.get(shownControls)?.displayName).toBe(shownControls.slice('names/'.length));
    const to = await emptyFolder();
    await (await Rclone.at(server.webdavUrl, AS_THEY_ARE)).copy('media/names', to);
    const copied = [...(await digestsBelow(to))].map(([path, digest]) => [undoRcloneNames(path), digest]);
    expect(copied).toEqual([[shownControls.slice('names/'.length), sha1Of(Buffer.from('controls'))]]);
  });
});

describe.skipIf(needsMount.areMissing)(`rclone mount${needsMount.note}`, () => {
  it('reads all files through the kernel, whole and in parts', async () => {
    const server = await startProcess({ env: { LOCAL_PATHS: `media=${root}`, LOCAL_ALL_FILES: 'true' } });
    const mounted = await (await Rclone.at(server.webdavUrl, AS_THEY_ARE)).mount();
    try {
      await readParts(join(mounted.path, 'media', BIG_PATH));
      const wanted = new Map(TREE.map(({ shownPath, bytes }) => [`media/${shownPath}`, sha1Of(bytes)]));
      expect(await digestsBelow(mounted.path)).toEqual(wanted);
      await expect(mkdir(join(mounted.path, 'media', 'new'))).rejects.toMatchObject({ code: 'EROFS' });
    } finally {
      await mounted.unmount();
      await server.stop();
    }
  });

  /** As a player does that jumps around in a film. */
  async function readParts(path: string): Promise<void> {
    const whole = TREE.find(({ storedPath }) => storedPath === BIG_PATH)?.bytes ?? Buffer.alloc(0);
    expect(whole.equals(numberedBytes(whole.length))).toBe(true);
    const file = await open(path, 'r');
    try {
      for (const start of [whole.length - 5, 20_000_001, 7, 33_333_333, 4095, 12_345_678]) {
        const part = Buffer.alloc(Math.min(100_000, whole.length - start));
        const { bytesRead } = await file.read(part, 0, part.length, start);
        expect(bytesRead).toBe(part.length);
        expect(part.equals(whole.subarray(start, start + bytesRead))).toBe(true);
      }
    } finally {
      await file.close();
    }
  }
});

describe.skipIf(needs.areMissing)(`rclone with a login${needs.note}`, () => {
  const login = { username: 'family', password: 'correct horse: bättery "staple"' };
  let server: MediadavProcess;

  beforeAll(async () => {
    const env = { AUTH_USERNAME: login.username, AUTH_PASSWORD: login.password };
    server = await startProcess({ env: { LOCAL_PATHS: `media=${root}`, ...env } });
  });

  afterAll(async () => {
    await server.stop();
  });

  it.each(PORTS)('lets the right password in, %s', async (port) => {
    const rclone = await Rclone.at(addressOf(server, port), { login });
    const { stdout, code } = await rclone.run('cat', [':webdav:media/clip.mov']);
    expect(code).toBe(0);
    expect(stdout).toBe((await readFile(join(root, 'clip.mov'))).toString());
  });

  it.each(PORTS)('refuses a wrong password, another name and none at all, %s', async (port) => {
    const wrong = [{ ...login, password: 'correct horse' }, { ...login, username: 'Family' }, undefined];
    for (const given of wrong) {
      const rclone = await Rclone.at(addressOf(server, port), given === undefined ? {} : { login: given });
      const { code, stdout, stderr } = await rclone.run('lsf', [':webdav:']);
      expect(code).not.toBe(0);
      expect(stderr).toContain('401');
      expect(stdout).toBe('');
    }
  });
});

describe.skipIf(needsTls.areMissing)(`rclone over HTTPS${needsTls.note}`, () => {
  let server: MediadavProcess;
  let certificate = '';

  beforeAll(async () => {
    certificate = join(work, 'cert.pem');
    const key = join(work, 'key.pem');
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    args.push('-subj', '/CN=mediadav test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1');
    await succeed('openssl', [...args, '-keyout', key, '-out', certificate]);
    const env = { LOCAL_PATHS: `media=${root}`, TLS_CERT_FILE: certificate, TLS_KEY_FILE: key };
    server = await startProcess({ env });
  });

  afterAll(async () => {
    await server.stop();
  });

  it.each(PORTS)('reads files with --no-check-certificate, %s', async (port) => {
    expect(addressOf(server, port)).toMatch(/^https:/);
    const rclone = await Rclone.at(addressOf(server, port), { flags: ['--no-check-certificate'] });
    const to = await emptyFolder();
    await rclone.copy('media/2024', to);
    expect(await digestsBelow(to)).toEqual(await digestsBelow(join(root, '2024')));
  });

  it('shows the configured certificate, and no other, to a client that checks it', async () => {
    const trusting = await Rclone.at(server.webdavUrl, { flags: ['--ca-cert', certificate] });
    expect((await trusting.run('lsf', [':webdav:'])).stdout).toBe('media/\n');
    const strange = await (await Rclone.at(server.webdavUrl)).run('lsf', [':webdav:']);
    expect(strange.code).not.toBe(0);
    expect(strange.stderr).toContain('certificate');
  });
});

const realMedia = process.env.MEDIADAV_MEDIA ?? '';
const noMedia = realMedia === '' ? ' [skipped: MEDIADAV_MEDIA names no folder]' : '';

describe.skipIf(needs.areMissing || realMedia === '')(`rclone on real photos${needs.note}${noMedia}`, () => {
  let server: MediadavProcess;

  beforeAll(async () => {
    server = await startProcess({ env: { LOCAL_PATHS: `media=${realMedia}`, LOCAL_ALL_FILES: 'true' } });
  });

  afterAll(async () => {
    await server.stop();
  });

  it.each(PORTS)('lists the folder as it is on disk, %s', async (port) => {
    const listed = filesListed(await (await Rclone.at(addressOf(server, port))).list());
    const disk = await filesBelow(realMedia);
    expect(listed).toEqual(disk);
    expect(disk.size).toBeGreaterThan(0);
  });

  it.each(PORTS)('copies it, and check --download finds no difference, %s', async (port) => {
    const rclone = await Rclone.at(addressOf(server, port));
    const to = await emptyFolder();
    await rclone.copy('media', to);
    expect(await digestsBelow(to)).toEqual(await digestsBelow(realMedia));
    const { code, stderr } = await rclone.check(realMedia, 'media');
    expect(stderr).toContain(' 0 differences found');
    expect(code).toBe(0);
  });
});
