import { expect } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { propfind, type WireAnswer } from './dav-wire.ts';
import { sha1Of } from './disk-listing.ts';
import { SMALL_KEY } from './immich-small-library.ts';
import { hrefOf, type ImmichWriteApp } from './immich-write-app.ts';

/** Names of photos by album, as Immich has them: what is in the trash is not among them. */
export type Held = Readonly<Record<string, readonly string[]>>;

/** Two albums that share a photo, for one write and all that may go wrong with it. */
export class WorkPlace {
  readonly on: ImmichWriteApp;
  readonly album: string;
  readonly other: string;
  readonly #serial: number;

  private constructor(on: ImmichWriteApp, serial: number) {
    this.on = on;
    this.#serial = serial;
    this.album = `Album ${serial}.1`;
    this.other = `Album ${serial}.2`;
  }

  /** `one.jpg` in both albums, `two.jpg` in the first one and `three.jpg` in the other. All of them are shown. */
  static async make(on: ImmichWriteApp, serial: number): Promise<WorkPlace> {
    const place = new WorkPlace(on, serial);
    const { library } = on.fake;
    const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
    const add = (name: string) => library.addAsset({ owner, name, content: place.photo(name) });
    const [one, two, three] = ['one.jpg', 'two.jpg', 'three.jpg'].map(add);
    if (one === undefined || two === undefined || three === undefined) throw new Error('no photos');
    library.addAlbum({ owner, name: place.album, assets: [one, two] });
    library.addAlbum({ owner, name: place.other, assets: [one, three] });
    await place.readAgain();
    return place;
  }

  /** As the photo of that name is, or is to be. */
  readonly photo = (name: string): Buffer => makeJpeg(32, 24, [60, 60, 200], `${name} of ${this.#serial}`);

  /** Has Immich read until that went well. */
  async readAgain(): Promise<void> {
    for (let tries = 0; tries < 5; tries += 1) {
      await this.on.rescan();
      const { sources } = await this.on.app.status();
      if (sources.every(({ lastError }) => lastError === null)) return;
    }
    throw new Error('Immich could not be read');
  }

  /** By content: a photo is called as it was made here, whatever its name. */
  inImmich(): Held {
    const { library } = this.on.fake;
    const albums = [...library.albums.values()].filter(({ albumName }) => this.#isOwn(albumName));
    const held = albums.map(({ albumName, assetIds }) => {
      const assets = [...assetIds].map((id) => library.asset(id)).filter((each) => each.deletedAt === null);
      const shown = assets.map(({ content }) => this.#nameOf(sha1Of(content.bytes())));
      return [albumName, shown.sort()] as const;
    });
    return Object.fromEntries(held.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** By the digests that a client is told: `one.jpg`, or `one.jpg is new.jpg` when another photo has its name. */
  async inMount(): Promise<Held> {
    const albums = (await this.on.names()).filter((name) => this.#isOwn(name));
    const shown = albums.map(async (album) => {
      const href = `${hrefOf(album)}/`;
      const [, ...members] = readMultistatus(
        (await propfind(this.on.port, href, { headers: { Depth: '1' } })).body,
      );
      const names = members.map((member) => {
        const name = decodeURIComponent(member.href.slice(href.length));
        const content = this.#nameOf(String(member.found.get('getetag')).replaceAll('"', ''));
        return content === name ? name : `${name} is ${content}`;
      });
      return [album, names.sort()] as const;
    });
    return Object.fromEntries(await Promise.all(shown));
  }

  /** Takes its albums away, so that nothing has to be read of them any more. */
  clear(): void {
    const { library } = this.on.fake;
    for (const album of [...library.albums.values()]) {
      if (this.#isOwn(album.albumName)) library.deleteAlbum(album);
    }
  }

  /** Of the photo that is, or was, in this place; null: Immich does not have it. */
  isTrashed(name: string): boolean | null {
    const sha1 = sha1Of(this.photo(name));
    const found = [...this.on.fake.library.assets.values()].find(
      ({ content }) => sha1Of(content.bytes()) === sha1,
    );
    return found === undefined ? null : found.deletedAt !== null;
  }

  #nameOf(sha1: string): string {
    const names = ['one.jpg', 'two.jpg', 'three.jpg', 'new.jpg'];
    return names.find((name) => sha1Of(this.photo(name)) === sha1) ?? 'something else';
  }

  #isOwn(albumName: string): boolean {
    return albumName.startsWith(`Album ${this.#serial}.`);
  }
}

/** Something that a client does, and how things are when it is done. */
export interface Work {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  run(at: WorkPlace): Promise<WireAnswer>;
  /** Of both Immich and the mount. */
  done(at: WorkPlace): Held;
  /** In the mount, where it gives a photo another name there. */
  shown?(at: WorkPlace): Held;
  /** Photos that are in the trash then. */
  readonly trashes?: readonly string[];
  /** How things may be as well when it is refused halfway: nothing that was there is missing. */
  readonly mayLeave?: (at: WorkPlace) => readonly Held[];
}

const ALBUM = ['one.jpg', 'two.jpg'];
const OTHER = ['one.jpg', 'three.jpg'];

export function heldBefore({ album, other }: WorkPlace): Held {
  return { [album]: ALBUM, [other]: OTHER };
}

/** What becomes of `one.jpg` when `new.jpg` is saved over it, however a program does that. */
const SAVED_OVER: Pick<Work, 'done' | 'shown' | 'trashes' | 'mayLeave'> = {
  done: ({ album, other }) => ({ [album]: ['new.jpg', 'two.jpg'], [other]: ['new.jpg', 'three.jpg'] }),
  shown: ({ album, other }) => ({
    [album]: ['one.jpg is new.jpg', 'two.jpg'],
    [other]: ['one.jpg is new.jpg', 'three.jpg'],
  }),
  trashes: ['one.jpg'],
  // Before the old one goes, the new one is everywhere it was.
  mayLeave: ({ album, other }) => [
    { [album]: ['new.jpg', ...ALBUM], [other]: OTHER },
    { [album]: ['new.jpg', ...ALBUM], [other]: ['new.jpg', ...OTHER] },
  ],
};

export const WORKS: readonly Work[] = [
  {
    name: 'PUT of a new photo',
    run: ({ on, album, photo }) => on.send('PUT', `${album}/new.jpg`, { body: photo('new.jpg') }),
    done: ({ album, other }) => ({ [album]: ['new.jpg', ...ALBUM], [other]: OTHER }),
  },
  {
    name: 'PUT over a photo',
    run: ({ on, album, photo }) => on.send('PUT', `${album}/one.jpg`, { body: photo('new.jpg') }),
    ...SAVED_OVER,
  },
  {
    name: 'MOVE over a photo, as programs save',
    async run({ on, album, photo }) {
      const put = await on.send('PUT', `${album}/saving.jpg`, { body: photo('new.jpg') });
      return put.status < 300 ? await on.move(`${album}/saving.jpg`, `${album}/one.jpg`) : put;
    },
    ...SAVED_OVER,
  },
  {
    name: 'MOVE of a photo to another album',
    run: ({ on, album, other }) => on.move(`${album}/two.jpg`, `${other}/two.jpg`),
    done: ({ album, other }) => ({ [album]: ['one.jpg'], [other]: [...OTHER, 'two.jpg'] }),
    mayLeave: ({ album, other }) => [{ [album]: ALBUM, [other]: [...OTHER, 'two.jpg'] }],
  },
  {
    name: 'MOVE over a photo of another album',
    async run({ on, album, other }) {
      // Immich hears nothing of that, and the second time it is done.
      await on.move(`${other}/three.jpg`, `${other}/two.jpg`);
      return await on.move(`${album}/two.jpg`, `${other}/two.jpg`);
    },
    done: ({ album, other }) => ({ [album]: ['one.jpg'], [other]: ['one.jpg', 'two.jpg'] }),
    mayLeave: ({ album, other }) => [{ [album]: ALBUM, [other]: [...OTHER, 'two.jpg'] }],
  },
  {
    name: 'COPY of a photo to another album',
    run: ({ on, album, other }) => on.copy(`${album}/two.jpg`, `${other}/two.jpg`),
    done: ({ album, other }) => ({ [album]: ALBUM, [other]: [...OTHER, 'two.jpg'] }),
  },
  {
    name: 'DELETE of a photo',
    run: ({ on, album }) => on.send('DELETE', `${album}/one.jpg`),
    done: ({ album, other }) => ({ [album]: ['two.jpg'], [other]: OTHER }),
  },
  {
    name: 'DELETE of a photo, into the trash',
    env: { IMMICH_DELETE: 'trash' },
    run: ({ on, album }) => on.send('DELETE', `${album}/one.jpg`),
    done: ({ album, other }) => ({ [album]: ['two.jpg'], [other]: ['three.jpg'] }),
    trashes: ['one.jpg'],
  },
  {
    name: 'MKCOL',
    run: ({ on, album }) => on.send('MKCOL', `${album} new`),
    done: (at) => ({ ...heldBefore(at), [`${at.album} new`]: [] }),
  },
  {
    name: 'MOVE of an album',
    run: ({ on, album }) => on.move(album, `${album} renamed`),
    done: ({ album, other }) => ({ [`${album} renamed`]: ALBUM, [other]: OTHER }),
  },
  {
    name: 'DELETE of an album',
    run: ({ on, album }) => on.send('DELETE', album),
    done: ({ other }) => ({ [other]: OTHER }),
  },
];

/** The requests that a write makes when nothing goes wrong, whatever they are about. */
export async function requestsOf(work: Work, at: WorkPlace): Promise<RegExp[]> {
  const { requests } = at.on.fake;
  const from = requests.length;
  expect((await work.run(at)).status).toBeLessThan(300);
  await expectDone(work, at);
  const kinds = requests.slice(from).map(({ method, path }) => {
    const escaped = path.replace(/[.?+*]/g, '\\$&');
    return `^${method} ${escaped.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '[^/?]+')}$`;
  });
  return [...new Set(kinds)].map((kind) => new RegExp(kind));
}

/** Immich holds it, every client sees it, and nothing has gone that was to stay. */
export async function expectDone(work: Work, at: WorkPlace): Promise<void> {
  expect(at.inImmich()).toEqual(sorted(work.done(at)));
  expect(await at.inMount()).toEqual(sorted((work.shown ?? work.done)(at)));
  for (const name of [...ALBUM, 'three.jpg']) {
    expect([name, at.isTrashed(name)]).toEqual([name, work.trashes?.includes(name) ?? false]);
  }
  expect(await at.on.waitingUploads()).toEqual([]);
}

/** What was answered 2xx is done; whatever else was answered has cost nothing. */
export async function expectKept(work: Work, at: WorkPlace, answer: WireAnswer): Promise<void> {
  if (answer.status < 300) {
    await expectDone(work, at);
    return;
  }
  expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/\w/)]);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  const shown = await at.inMount();
  for (const [album, names] of Object.entries(heldBefore(at))) {
    const contents = shown[album]?.map((name) => name.replace(/^.* is /, ''));
    expect(contents).toEqual(expect.arrayContaining([...names]));
  }
  const allowed = [heldBefore(at), ...(work.mayLeave?.(at) ?? [])].map(sorted);
  expect(allowed).toContainEqual(at.inImmich());
  for (const name of [...ALBUM, 'three.jpg']) expect([name, at.isTrashed(name)]).toEqual([name, false]);
  expect(await at.on.waitingUploads()).toEqual([]);
}

/** Now that nothing goes wrong any more: it comes through, and a refresh changes nothing of it. */
export async function expectHealed(work: Work, at: WorkPlace, answer: WireAnswer): Promise<void> {
  await at.readAgain();
  if (answer.status >= 300) {
    // 404 and 405 where it was done, and only the answer was lost.
    const again = await work.run(at);
    expect([200, 201, 204, 404, 405]).toContain(again.status);
    await expectDone(work, at);
    await at.readAgain();
  }
  await expectDone(work, at);
}

function sorted(held: Held): Held {
  return Object.fromEntries(Object.entries(held).map(([album, names]) => [album, [...names].sort()]));
}
