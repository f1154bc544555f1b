import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Library } from '../fakes/immich/library.ts';
import { makeJpeg, makeMp4 } from '../fakes/immich/made-media.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { liveFilm, liveStill } from '../unit/enrich/live-photo-files.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

const ID = '570F1469-09C7-4E50-9875-05F21D5BD166';
const PATIENCE = { timeout: 60_000 };

interface FeedNode {
  readonly id: string;
  readonly parent_id: string | null;
  readonly name: string;
  readonly live_photo_video: string | null;
  readonly live_photo_still: string | null;
}

interface FeedPage {
  readonly cursor: number;
  readonly changes: readonly ({ removed: false; node: FeedNode } | { removed: true; node_id: string })[];
}

let work: string;
let server: MediadavProcess;
let fake: FakeImmich | undefined;

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-live-'));
});
afterEach(async () => {
  await server?.stop();
  await fake?.close();
  await rm(work, { recursive: true });
});

/** A client that knows only what the change feed has told it. */
class Client {
  readonly #nodes = new Map<string, FeedNode>();
  #cursor = 0;

  /** Waits until the pairs are these: name of the still, name of the film. */
  async untilPairs(...pairs: readonly [still: string, film: string][]): Promise<void> {
    const wanted = JSON.stringify(pairs.toSorted());
    await until(async () => {
      await this.#follow();
      return JSON.stringify(this.pairs()) === wanted;
    });
  }

  async untilNames(...names: string[]): Promise<void> {
    await until(async () => {
      await this.#follow();
      return names.every((name) => [...this.#nodes.values()].some((node) => node.name === name));
    });
  }

  pairs(): [string, string][] {
    const nameOf = (id: string) => this.#nodes.get(id)?.name ?? `nothing known of ${id}`;
    const pairs: [string, string][] = [];
    for (const { id, name, live_photo_video: film, live_photo_still: still } of this.#nodes.values()) {
      // Both halves say the same of each other.
      if (film !== null) expect(this.#nodes.get(film)?.live_photo_still).toBe(id);
      if (still !== null) expect(this.#nodes.get(still)?.live_photo_video).toBe(id);
      if (film !== null) pairs.push([name, nameOf(film)]);
    }
    return pairs.sort();
  }

  async #follow(): Promise<void> {
    const answer = await fetch(`${server.url}/api/v1/changes?cursor=${this.#cursor}`);
    const { cursor, changes } = (await answer.json()) as FeedPage;
    for (const change of changes) {
      if (change.removed) this.#nodes.delete(change.node_id);
      else this.#nodes.set(change.node.id, change.node);
    }
    this.#cursor = cursor;
  }
}

async function list(query = ''): Promise<Record<string, Record<string, unknown>>> {
  return (await (await fetch(`${server.url}/list${query}`)).json()) as Record<
    string,
    Record<string, unknown>
  >;
}

const sha = (algorithm: 'sha256' | 'sha1', content: Buffer) =>
  createHash(algorithm).update(content).digest('hex');
const photo = (text: string) => makeJpeg(48, 32, [10, 120, 200], text);

describe('live photos of a folder', PATIENCE, () => {
  it('are told as they come, are renamed, moved and deleted', async () => {
    const photos = join(work, 'photos');
    await mkdir(join(photos, 'films'), { recursive: true });
    await writeFile(join(photos, 'other.jpg'), photo('other'));
    server = await startProcess({ args: [photos] });
    const client = new Client();
    await client.untilNames('other.jpg');
    const [still, film] = [liveStill(photo('one'), ID), liveFilm(ID)];
    await writeFile(join(photos, 'IMG_1.HEIC'), still);
    await writeFile(join(photos, 'IMG_1.MOV'), film);
    await client.untilPairs(['IMG_1.HEIC', 'IMG_1.MOV']);
    const [stillHash, filmHash] = [sha('sha256', still), sha('sha256', film)];
    expect(await list()).toMatchObject({
      [stillHash]: { live_photo_video: filmHash, live_photo_still: null },
      [filmHash]: { live_photo_video: null, live_photo_still: stillHash },
    });
    // What both have in common goes with them.
    await rename(join(photos, 'IMG_1.MOV'), join(photos, 'films', 'renamed.mov'));
    await client.untilPairs(['IMG_1.HEIC', 'renamed.mov']);
    await rm(join(photos, 'films', 'renamed.mov'));
    await client.untilPairs();
    expect((await list())[stillHash]).toMatchObject({ live_photo_video: null });
    await writeFile(join(photos, 'IMG_1.MOV'), film);
    await client.untilPairs(['IMG_1.HEIC', 'IMG_1.MOV']);
    await rm(join(photos, 'IMG_1.HEIC'));
    await client.untilPairs();
  });

  it('whose ids were lost go by their names', async () => {
    const photos = join(work, 'photos');
    await mkdir(photos);
    await writeFile(join(photos, 'IMG_2.JPG'), photo('two'));
    await writeFile(join(photos, 'img_2.mov'), liveFilm(null));
    server = await startProcess({ args: [photos] });
    const client = new Client();
    await client.untilPairs(['IMG_2.JPG', 'img_2.mov']);
    await rename(join(photos, 'img_2.mov'), join(photos, 'other.mov'));
    await client.untilPairs();
    await rename(join(photos, 'IMG_2.JPG'), join(photos, 'Other.jpg'));
    await client.untilPairs(['Other.jpg', 'other.mov']);
    await rm(join(photos, 'other.mov'));
    await client.untilPairs();
  });
});

describe('live photos of Immich', PATIENCE, () => {
  it('are told as the server tells them', async () => {
    const library = new Library();
    const owner = library.addUser({ name: 'Ann', email: 'ann@example.com' });
    library.addKey({ user: owner, key: 'key' });
    const [stillBytes, filmBytes] = [photo('still'), makeMp4(500, 'film', 'qt  ')];
    const film = library.addAsset({ owner, name: 'IMG_1.MOV', content: filmBytes, visibility: 'hidden' });
    const add = (name: string, content: Buffer, livePhotoVideoId?: string) =>
      library.addAsset({
        owner,
        name,
        content,
        ...(livePhotoVideoId === undefined ? {} : { livePhotoVideoId }),
      });
    const still = add('IMG_1.HEIC', stillBytes, film.id);
    // Of one name, but the server knows that they have nothing to do with each other.
    const twins = [add('IMG_2.JPG', photo('twin')), add('IMG_2.MOV', makeMp4(400, 'twin', 'qt  '))];
    library.addAlbum({ owner, name: 'Album', assets: [still, ...twins] });
    fake = await startFakeImmich({ version: '2.7.5', library });
    const immich = { IMMICH_URL: fake.url, IMMICH_API_KEY: 'key', IMMICH_LIVE_VIDEOS: 'true' };
    server = await startProcess({ env: { ...immich, REFRESH_RATE_HOURS: '0.0003', HASH_REMOTE: 'true' } });
    const client = new Client();
    await client.untilNames('IMG_2.JPG', 'IMG_2.MOV');
    await client.untilPairs(['IMG_1.HEIC', 'IMG_1.MOV']);
    const [stillHash, filmHash] = [sha('sha1', stillBytes), sha('sha1', filmBytes)];
    expect(await list('?hash=sha1')).toMatchObject({
      [stillHash]: { live_photo_video: filmHash },
      [filmHash]: { live_photo_still: stillHash },
    });
    library.updateAsset(still, { livePhotoVideoId: null });
    await client.untilPairs();
  });
});
