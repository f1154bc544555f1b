import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, send } from './http-client.ts';
import type { Library } from './library.ts';
import { RECORDED_KEYS, recordedLibrary } from './recorded-library.ts';
import { type RecordedPart, type Recording, Recordings } from './recording.ts';
import { type FakeImmich, startFakeImmich } from './server.ts';
import { differences } from './shape.ts';
import { VERSIONS, type Version } from './versions.ts';

/*
 * Replays recorded exchanges of real Immich servers against the fake, in their order, and compares the answers. The recordings are
 * no part of the project: MEDIADAV_RECORDINGS names their folder. Without it the suite is skipped, and vitest counts it as skipped.
 */
const recordings = new Recordings(process.env.MEDIADAV_RECORDINGS ?? '');

/** Exchanges that are not compared, by the number of their file, each with the reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {};

describe.skipIf(!recordings.exists)('fake Immich against recorded servers', () => {
  if (!recordings.exists) {
    // Something to skip, and so to count.
    it.each([...VERSIONS])('%s: MEDIADAV_RECORDINGS names no folder of recordings', () =>
      expect.unreachable(),
    );
    return;
  }
  console.log(`recordings left out: ${Object.keys(LEFT_OUT).length}`);

  describe.each([...VERSIONS])('%s', (version) => {
    const replay = new Replay(version);
    beforeAll(() => replay.start());
    afterAll(() => replay.fake?.close());

    it.each(recordings.files(version).filter((file) => !(file.slice(0, 3) in LEFT_OUT)))(
      '%s',
      async (file) => {
        const found = await replay.differences(file);
        expect(found, found.join('\n')).toEqual([]);
      },
    );
  });
});

/** The first recording of each version that shows what the jobs after 237 (a changed date) and 268 (an upload) did. */
const JOBS_SEEN_BEFORE: Readonly<Record<Version, string>> = {
  '1.118.0': '263',
  '1.144.1': '280',
  '2.7.5': '272',
  '3.1.0': '272',
};

/** One run through the files of a version. */
class Replay {
  readonly version: Version;
  fake: FakeImmich | undefined;
  /** Ids that the recorded server made up → those that the fake made up. */
  readonly #ids = new Map<string, string>();
  #lastTag = '';

  constructor(version: Version) {
    this.version = version;
  }

  async start(): Promise<void> {
    const library = recordedLibrary(recordings, this.version);
    this.fake = await startFakeImmich({ version: this.version, library });
  }

  async differences(file: string): Promise<string[]> {
    const recording = recordings.read(this.version, file);
    this.#arrange(file.slice(0, 3), recording);
    const answer = await this.#send(recording);
    this.#learnIds(recording, answer);
    return compare(file, this.#translated(recording), answer);
  }

  get #library(): Library {
    if (this.fake === undefined) throw new Error('not started');
    return this.fake.library;
  }

  /** What happened on the recorded servers between two exchanges. */
  #arrange(number: string, { request: { path } }: Recording): void {
    const media = recordings.media();
    const admin = media.users.admin?.ids[this.version] ?? '';
    const bob = media.users.bob?.ids[this.version] ?? '';
    const bobsUpload = () =>
      [...this.#library.assets.values()].filter((asset) => asset.ownerId === bob).slice(1);
    const dupA = media.files['dupA/IMG_1234.jpg']?.assetIds?.[this.version] ?? '';
    switch (number) {
      case '078':
        this.#exif = this.#library.asset(dupA).exif;
        this.#library.updateExif(dupA, null);
        break;
      case '082':
        this.#library.updateExif(dupA, this.#exif);
        break;
      case '212':
        for (const asset of this.#uploads()) this.#library.deleteAsset(asset);
        break;
      case '234':
        this.#library.jobs.runAll();
        break;
      case JOBS_SEEN_BEFORE[this.version]:
        this.#library.jobs.runWaiting();
        break;
      case '269': {
        const album = this.#library.addAlbum({ owner: bob, name: 'Recorder bob', assets: bobsUpload() });
        this.#ids.set(path.split('/')[3] ?? '', album.id);
        break;
      }
      case '275':
        this.#library.shareAlbum(this.#ids.get(path.split('/')[3] ?? '') ?? '', admin, 'viewer');
        break;
    }
  }

  #exif: NonNullable<ReturnType<Library['asset']>['exif']> | null = null;

  #uploads() {
    return [...this.#library.assets.values()].filter((asset) => asset.deviceId === 'recorder');
  }

  #translate<T>(value: T): T {
    let text = JSON.stringify(value);
    for (const [from, to] of this.#ids) text = text.replaceAll(from, to);
    return JSON.parse(text) as T;
  }

  #translated(recording: Recording): Recording {
    return this.#translate(recording);
  }

  /** New assets and albums have other ids on the fake. */
  #learnIds({ request: { method, path }, response }: Recording, answer: Answer): void {
    if (method !== 'POST' || !['/api/assets', '/api/albums'].includes(path) || answer.status >= 300) return;
    const recorded = (response.body as { id?: string }).id;
    const own = (JSON.parse(answer.body.toString()) as { id?: string }).id;
    if (recorded !== undefined && own !== undefined && recorded !== own) this.#ids.set(recorded, own);
  }

  async #send(recording: Recording): Promise<Answer> {
    const { method, path, as, headers, body } = this.#translated(recording).request;
    const key = RECORDED_KEYS[as];
    const sent: Record<string, string> = { ...headers };
    if (sent['x-api-key'] !== undefined) sent['x-api-key'] = key ?? '';
    if (sent.authorization !== undefined) sent.authorization = `Bearer ${key}`;
    // A JSON ETag is one of the recorded text; the fake's own takes its place.
    if (path === '/api/albums' && sent['if-none-match'] !== undefined) sent['if-none-match'] = this.#lastTag;
    const payload = payloadOf(body, sent);
    const answer = await send(`${this.fake?.url}${path}`, method, sent, payload);
    if (path === '/api/albums' && answer.status === 200) this.#lastTag ||= answer.headers.etag ?? '';
    return answer;
  }
}

function payloadOf(body: unknown, headers: Record<string, string>): Buffer | undefined {
  if (body === null) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  const parts = (body as { multipart?: RecordedPart[] }).multipart;
  if (parts === undefined) return Buffer.from(JSON.stringify(body));
  const boundary = 'recorded-boundary';
  headers['content-type'] = `multipart/form-data; boundary=${boundary}`;
  const pieces = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"`),
    part.filename === undefined
      ? Buffer.from(`\r\n\r\n${part.value}`)
      : Buffer.concat([
          Buffer.from(`; filename="${part.filename}"\r\nContent-Type: ${part.contentType}\r\n\r\n`),
          partBytes(part),
        ]),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

/** The bytes of a recorded file part; where the recordings have no such file, others of the same length do. */
function partBytes({ bytes = 0, sha1 }: RecordedPart): Buffer {
  const path = Object.entries(recordings.media().files).find(([, file]) => file.sha1 === sha1)?.[0];
  return path === undefined ? Buffer.alloc(bytes, sha1) : recordings.mediaBytes(path);
}

/** Of these only the presence is compared where they depend on bytes or texts that are the fake's own. */
const BYTE_HEADERS = ['content-length', 'content-range', 'etag', 'last-modified'];
const OTHER_HEADERS = ['content-type', 'accept-ranges', 'cache-control', 'content-disposition', 'location'];

function compare(
  file: string,
  { request: { path }, response, note = '' }: Recording,
  answer: Answer,
): string[] {
  if (answer.status !== response.status) {
    return [
      `status: expected ${response.status}, got ${answer.status}: ${answer.body.toString().slice(0, 300)}`,
    ];
  }
  // Every server makes thumbnails in its own way.
  const isPicture = path.includes('/thumbnail');
  // The server wrote this file itself: its time on disk is in no answer.
  const isExtracted = file.startsWith('180-');
  return [
    ...headerDifferences(response.headers, answer.headers, isPicture || isExtracted),
    ...bodyDifferences(response.body, answer.body, note, isPicture),
  ];
}

function headerDifferences(
  recorded: Readonly<Record<string, string>>,
  own: IncomingHttpHeaders,
  hasOwnBytes: boolean,
): string[] {
  const isJson = recorded['content-type']?.startsWith('application/json') === true;
  const isFree = hasOwnBytes || isJson || recorded['content-type'] === undefined;
  return [...BYTE_HEADERS, ...OTHER_HEADERS].flatMap((name) => {
    const [wanted, given] = [recorded[name], own[name]];
    if (wanted === given) return [];
    const isPresentInBoth = wanted !== undefined && given !== undefined;
    if (isFree && isPresentInBoth && BYTE_HEADERS.includes(name)) return [];
    return [`header ${name}: expected ${wanted}, got ${given}`];
  });
}

function bodyDifferences(recorded: unknown, own: Buffer, note: string, isPicture: boolean): string[] {
  if (recorded === null) return own.length === 0 ? [] : [`body: expected none, got ${own.length} bytes`];
  if (typeof recorded === 'string') return own.toString() === recorded ? [] : [`body: got ${own}`];
  const { sha1, bytes } = recorded as { sha1?: string; bytes?: number };
  if (sha1 === undefined) {
    const trimmed = [...note.matchAll(/([\w.]+) had (\d+) entries/g)];
    const lengths = new Map(trimmed.map(([, path = '', length]) => [path, Number(length)]));
    return differences(recorded, JSON.parse(own.toString()), {
      lengthOf: (path) => lengths.get(path),
      isExact: true,
    });
  }
  if (isPicture) return own.length > 0 ? [] : ['body: expected a picture'];
  const hash = createHash('sha1').update(own).digest('hex');
  return hash === sha1 && own.length === bytes
    ? []
    : [`body: expected ${bytes} bytes ${sha1}, got ${own.length} ${hash}`];
}
