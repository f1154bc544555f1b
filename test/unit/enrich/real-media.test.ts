import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalProvider } from '../../../providers/local/provider.ts';
import type { ProblemCount } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { Enricher } from '../../../src/enrich/enricher.ts';
import { WorkerPool } from '../../../src/enrich/worker-pool.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import type { AssetFacts } from '../../../src/model/asset.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';

/*
 * Everything in a folder of real photos, compared with what ExifTool says of it.
 * MEDIADAV_MEDIA names the folder; exiftool comes with Debian's libimage-exiftool-perl.
 */
const media = process.env.MEDIADAV_MEDIA ?? '';
const hasExiftool = spawnSync('exiftool', ['-ver']).status === 0;

/** Where the two are known to differ, and why. `ours` is what is found here. */
const EXCEPTIONS: readonly { file: string; what: 'time' | 'size' | 'place'; ours: unknown; why: string }[] = [
  {
    ...{ file: 'exif-samples/jpg/exif-org/olympus-d320l.jpg', what: 'time', ours: null },
    why: 'A camera of 1998, without EXIF: the date stands in a text of its own (APP12), which only ExifTool reads.',
  },
  {
    ...{ file: 'exif-samples/jpg/exif-org/sony-powershota5.jpg', what: 'time', ours: null },
    why: 'A camera of 1998, without EXIF: the date stands in a CIFF block, the format before it.',
  },
  {
    ...{ file: 'immich-test-assets/formats/jxl/16bit-HDR-P3-nclx.jxl', what: 'size', ours: [5667, 3685] },
    why: 'ExifTool 12 reads the size of bare JPEG XL codestreams only, not of those in a container.',
  },
];

type Told = Readonly<Record<string, unknown>>;

let facts: Map<string, AssetFacts>;
let told: Map<string, Told>;
let problems: () => Promise<readonly ProblemCount[]>;
let closings: (() => Promise<void>)[] = [];

describe.skipIf(media === '' || !hasExiftool)('real media', () => {
  beforeAll(async () => {
    const home = await mkdtemp(join(tmpdir(), 'mediadav-real-'));
    const catalog = openSqliteCatalog(join(home, 'catalog.db'), 'windows');
    const filter = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
    const source = new Source({
      ...{ name: 'media', provider: createLocalProvider({ path: media }), filter, logger: QUIET_LOGGER },
    });
    const layout = { layouts: ['folders'], splitsByType: false } as const;
    const ingest = new SourceIngest({ source, catalog, layout, logger: QUIET_LOGGER });
    const { id: sourceId, rootId } = await ingest.prepare();
    const pool = new WorkerPool();
    const enricher = new Enricher({ source, sourceId, catalog, pool, logger: QUIET_LOGGER });
    closings = [
      () => rm(home, { recursive: true, force: true }),
      () => catalog.close(),
      () => ingest.close(),
      () => pool.close(),
      () => enricher.close(),
    ];
    await ingest.scan();
    enricher.wake();
    await enricher.idle();
    facts = new Map();
    const walk = async (id: number): Promise<void> => {
      for (const node of (await catalog.reader.children(id, { limit: 100_000 })).entries) {
        if (node.kind === 'collection') await walk(node.id);
        else facts.set(node.asset.ref.path, node.asset);
      }
    };
    await walk(rootId);
    problems = () => catalog.reader.problems(sourceId);
    told = exiftool(media, ['-G1', '-a']);
  }, 120_000);
  afterAll(async () => {
    for (const close of closings.reverse()) await close();
  });

  it('is all there, with all digests, and nothing of it is damaged', async () => {
    const entries = await readdir(media, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => relative(media, join(entry.parentPath, entry.name)));
    expect([...facts.keys()].sort()).toEqual(paths.sort());
    for (const [path, { digests }] of facts) expect(Object.keys(digests), path).toHaveLength(3);
    expect(await problems()).toEqual([]);
    const count = (isKnown: (asset: AssetFacts) => boolean) => [...facts.values()].filter(isKnown).length;
    const known = {
      times: count(({ taken }) => taken !== null),
      sizes: count(({ width }) => width !== null),
      places: count(({ latitude }) => latitude !== null),
    };
    console.info(`${facts.size} files: ${JSON.stringify(known)}`);
    expect(known.sizes).toBeGreaterThan(0);
  });

  it('has the types that its content has', () => {
    const differing = compare((file, asset) => {
      // For sound there are several names of each type.
      const isShown = asset.kind !== 'audio';
      return isShown ? [asset.contentType, told.get(file)?.['File:MIMEType']] : [0, 0];
    });
    expect(differing).toEqual([]);
  });

  it('has the capture times of ExifTool', () => {
    const differing = compare((file, asset) => {
      const expected = timeOf(told.get(file) ?? {});
      const ours = asset.taken?.localText.slice(0, 19) ?? null;
      return allowed(file, 'time', ours) ? [0, 0] : [ours, expected];
    });
    expect(differing).toEqual([]);
  });

  it('has the capture time that ExifTool itself prefers', () => {
    const preferred = exiftool(media, ['-DateTimeOriginal', '-CreateDate']);
    const differing = compare((file, asset) => {
      const { DateTimeOriginal: original, CreateDate: created } = preferred.get(file) ?? {};
      const expected = timeText(original) ?? timeText(created);
      const ours = asset.taken?.localText.slice(0, 19) ?? null;
      // Where it has neither, another field may tell: the satellites' time, or a date of XMP, IPTC or PNG.
      return expected === null || allowed(file, 'time', ours) ? [0, 0] : [ours, expected];
    });
    expect(differing).toEqual([]);
  });

  it('has the offsets of ExifTool where there are any, and instants only with an offset', () => {
    const differing = compare((file, { taken }) => {
      const record = told.get(file) ?? {};
      const text = record['ExifIFD:OffsetTimeOriginal'] ?? record['ExifIFD:OffsetTime'];
      return typeof text === 'string' && taken !== null ? [offsetText(taken.offsetMinutes), text] : [0, 0];
    });
    expect(differing).toEqual([]);
    for (const { taken } of facts.values()) {
      if (taken !== null) expect(taken.instantMs === null).toBe(taken.offsetMinutes === null);
    }
  });

  it('has the sizes of ExifTool, as displayed', () => {
    const differing = compare((file, asset) => {
      const ours = asset.width === null ? null : [asset.width, asset.height];
      return allowed(file, 'size', ours) ? [0, 0] : [ours, sizeOf(told.get(file) ?? {})];
    });
    expect(differing).toEqual([]);
  });

  it('has the places of ExifTool', () => {
    const differing = compare((file, asset) => {
      const record = told.get(file) ?? {};
      const [latitude, longitude] = [record['Composite:GPSLatitude'], record['Composite:GPSLongitude']];
      const expected =
        typeof latitude === 'number' && typeof longitude === 'number' ? [latitude, longitude] : null;
      const ours =
        asset.latitude === null || asset.longitude === null ? null : [asset.latitude, asset.longitude];
      const isNear =
        ours?.every((degrees, at) => Math.abs(degrees - (expected?.[at] ?? 1000)) < 1e-5) ?? false;
      return isNear || allowed(file, 'place', ours) ? [0, 0] : [ours, expected];
    });
    expect(differing).toEqual([]);
  });

  it('has the ids of live photos that ExifTool reads', () => {
    const ids = exiftool(media, ['-ContentIdentifier', '-MediaGroupUUID']);
    const differing = compare((file, asset) => {
      const { ContentIdentifier: now, MediaGroupUUID: before } = ids.get(file) ?? {};
      return [asset.livePhotoId, now ?? before ?? null];
    });
    expect(differing).toEqual([]);
  });

  it('differs from ExifTool only where the list of exceptions says so', () => {
    for (const { file, what, ours } of EXCEPTIONS) {
      const record = told.get(file);
      if (record === undefined) continue;
      const theirs = what === 'time' ? timeOf(record) : sizeOf(record);
      expect(theirs, `${file} is an exception no more`).not.toEqual(ours);
    }
  });
});

/** Media files for which both values are not equal. */
function compare(values: (file: string, asset: AssetFacts) => readonly [unknown, unknown]): unknown[] {
  const differing: unknown[] = [];
  for (const [file, asset] of facts) {
    if (asset.kind === 'other') continue;
    const [ours, theirs] = values(file, asset);
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) differing.push({ file, ours, theirs });
  }
  return differing;
}

function allowed(file: string, what: string, ours: unknown): boolean {
  const exception = EXCEPTIONS.find((one) => one.file === file && one.what === what);
  return exception !== undefined && JSON.stringify(exception.ours) === JSON.stringify(ours);
}

/** By path, numbers as numbers. @param wanted names of fields, or `-G1` for names with their groups. */
function exiftool(folder: string, wanted: readonly string[]): Map<string, Told> {
  const options = ['-r', '-n', '-json', ...wanted, '-fast', '-charset', 'filename=utf8'];
  const text = execFileSync('exiftool', [...options, folder], {
    maxBuffer: 1e9,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const records = JSON.parse(text.toString()) as Told[];
  return new Map(records.map((record) => [relative(folder, String(record.SourceFile)), record]));
}

/** The first of the fields that we go by, in our order, as `YYYY-MM-DDTHH:MM:SS`. */
function timeOf(record: Told): string | null {
  const fields = [
    ...['ExifIFD:DateTimeOriginal', 'ExifIFD:CreateDate', 'XMP-exif:DateTimeOriginal'],
    ...['XMP-photoshop:DateCreated', 'XMP-xmp:CreateDate', 'IPTC:DateCreated', 'PNG:CreationTime'],
    ...[
      'Composite:GPSDateTime',
      'XMP-exif:GPSDateTime',
      'PictureInfo:DateTimeOriginal',
      'CIFF:DateTimeOriginal',
    ],
    ...['Keys:CreationDate', 'QuickTime:CreateDate', 'Matroska:DateTimeOriginal', 'ASF:CreationDate'],
  ];
  for (const field of fields) {
    const text = timeText(record[field]);
    if (text !== null) return text;
  }
  return null;
}

function timeText(value: unknown): string | null {
  const match = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)/.exec(String(value ?? ''));
  return match === null || match[1] === '0000' ? null : `${match[1]}-${match[2]}-${match[3]}T${match[4]}`;
}

/** ExifTool tells what is stored; HEIC is turned by its own rotation, everything else by its orientation. */
function sizeOf(record: Told): [number, number] | null {
  const field = (name: string) =>
    ['File', 'PNG', 'RIFF', 'Track1', 'Matroska', 'ASF', 'MPEG', 'GIF']
      .map((group) => record[`${group}:${name}`])
      .find((value) => typeof value === 'number');
  const [width, height] = [field('ImageWidth'), field('ImageHeight')];
  if (typeof width !== 'number' || typeof height !== 'number') return null;
  const rotation = Number(record['QuickTime:Rotation'] ?? record['Composite:Rotation'] ?? 0);
  const isHeif = /heic|heif|avif/.test(String(record['File:MIMEType']));
  const orientation = isHeif ? 1 : Number(record['IFD0:Orientation'] ?? 1);
  return orientation >= 5 || rotation % 180 === 90 ? [height, width] : [width, height];
}

function offsetText(minutes: number | null): string | null {
  if (minutes === null) return null;
  const two = (value: number) => `${Math.floor(value)}`.padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}
