import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { succeed } from './client-command.ts';
import { patterned } from './dav-app.ts';
import { lookUp } from './tool-lookup.ts';
import { WrittenFolder } from './written-folder.ts';

const needs = lookUp('cadaver');
const PHOTO = patterned(100_000);

describe.skipIf(needs.areMissing)(`cadaver, writing${needs.note}`, () => {
  let folder: WrittenFolder;
  let local = '';

  beforeAll(async () => {
    folder = await WrittenFolder.start({ 'there.jpg': 'there', 'other.jpg': 'other' });
    local = await folder.localFolder();
    await writeFile(join(local, 'up.jpg'), PHOTO);
    await writeFile(join(local, 'short.jpg'), 'short');
  });
  afterAll(async () => {
    await folder.stop();
  });

  /** One session with these lines typed. @returns what cadaver answers to each, without the prompts. */
  async function type(...commands: readonly string[]): Promise<string[]> {
    const input = [...commands, 'quit', ''].join('\n');
    const url = `${folder.server.webdavUrl}/media/`;
    const output = await succeed('cadaver', [url], { input, cwd: local });
    const answers = output.split(/^dav:[^>]*> .*\n/m).slice(1, -1);
    expect(answers).toHaveLength(commands.length);
    return answers;
  }

  it('puts, gets, makes folders, copies, moves, locks, sets properties and deletes in one session', async () => {
    await folder.expectToHold({ 'there.jpg': 'there', 'other.jpg': 'other' });
    const id = folder.idOf('there.jpg');
    const session = {
      'mkcol album': 'succeeded',
      'mkcol "a b #1"': 'succeeded',
      'put up.jpg': 'succeeded',
      'copy up.jpg album/': 'succeeded',
      'copy up.jpg "a b #1/100% ü.jpg"': 'succeeded',
      'move there.jpg album/moved.jpg': 'succeeded',
      'move "a b #1" album/inner': 'succeeded',
      'cd album': '',
      ls: ' moved.jpg +5 ',
      'lock up.jpg': 'succeeded',
      'discover up.jpg': 'Scope: exclusive +Type: write',
      'put short.jpg up.jpg': 'succeeded',
      'propset up.jpg caption First-light': 'succeeded',
      'propget up.jpg caption': 'Value of caption is: First-light',
      'propnames up.jpg': 'custom-properties/ caption',
      'unlock up.jpg': 'succeeded',
      'propdel up.jpg caption': 'succeeded',
      // The same answer as for what never was.
      'propget up.jpg caption ': '404 Not Found',
      'get "inner/100% ü.jpg" back.jpg': 'succeeded',
      'cd ..': '',
      'delete up.jpg': 'succeeded',
      'delete other.jpg': 'succeeded',
      'mkcol passing': 'succeeded',
      'rmcol passing': 'succeeded',
    };
    const answers = await type(...Object.keys(session));
    for (const [at, [command, wanted]] of Object.entries(session).entries())
      expect(answers[at], command).toMatch(new RegExp(wanted));
    expect((await readFile(join(local, 'back.jpg'))).equals(PHOTO)).toBe(true);
    await folder.expectToHold({
      'album/inner/100% ü.jpg': PHOTO,
      'album/moved.jpg': 'there',
      'album/up.jpg': 'short',
    });
    expect(folder.idOf('album/moved.jpg')).toBe(id);
    const names = [
      '100% ü.jpg',
      'a b #1',
      'album',
      'inner',
      'moved.jpg',
      'other.jpg',
      'passing',
      'there.jpg',
    ];
    expect(folder.toldBeside(...names, 'up.jpg')).toEqual([]);
  });

  it('is kept from what another session has locked, until it takes the lock away', async () => {
    await type('put short.jpg locked.jpg', 'lock locked.jpg');
    const refused = await type('put up.jpg locked.jpg', 'delete locked.jpg', 'move locked.jpg away.jpg');
    for (const answer of refused) expect(answer).toMatch(/423 Locked/);
    const album = { 'album/inner/100% ü.jpg': PHOTO, 'album/moved.jpg': 'there', 'album/up.jpg': 'short' };
    await folder.expectToHold({ ...album, 'locked.jpg': 'short' });
    const taken = await type('steal locked.jpg', 'unlock locked.jpg', 'delete locked.jpg');
    expect(taken.at(-1)).toContain('succeeded');
    await folder.expectToHold(album);
  });

  it('keeps what it has set with what is renamed', async () => {
    await type('put short.jpg', 'propset short.jpg caption kept', 'move short.jpg later.jpg');
    expect(await type('propget later.jpg caption')).toEqual([expect.stringContaining('caption is: kept')]);
  });
});
