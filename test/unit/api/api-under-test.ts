import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer } from '../../../src/api/api-server.ts';
import type { StreamLimits } from '../../../src/api/feed-stream.ts';
import type { Catalog, Entry, ShownSource } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { Content } from '../../../src/content/content.ts';
import { Thumbnails } from '../../../src/content/thumbnails.ts';
import { createListener } from '../../../src/http/listener.ts';
import { type AssetFacts, type MediaFacts, UNKNOWN_MEDIA } from '../../../src/model/asset.ts';
import { contentTypeOf, mediaKindOf } from '../../../src/model/content-type.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { MemoryProvider } from '../../fakes/memory-provider.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { type Answer, type Asking, ask, keepingLogger, type LogLine } from '../http/running-listener.ts';

/** A source in memory, and the catalog's word for it. */
export interface TestSource {
  readonly id: number;
  readonly rootId: number;
  readonly provider: MemoryProvider;
}

export interface FileOptions {
  readonly content?: string | Buffer;
  readonly collection?: string | null;
  readonly facts?: Partial<AssetFacts>;
  /** What the enricher has found; digests come by themselves. Null: it has not been there yet. */
  readonly media?: Partial<MediaFacts> | null;
}

export interface ApiUnderTestOptions {
  readonly streamLimits?: Partial<StreamLimits>;
  /** Names to folders; null: not on a disk. Default: `photos` in `/mnt/photos`. */
  readonly sources?: Readonly<Record<string, string | null>>;
  readonly mountsAtRoot?: boolean;
}

export const NOON_MS = Date.UTC(2026, 2, 4, 12);

/** The API over a real catalog and sources in memory, on a free port. */
export class ApiUnderTest {
  readonly folder: string;
  readonly catalog: Catalog;
  readonly sources: ReadonlyMap<string, TestSource>;
  readonly port: number;
  readonly log: readonly LogLine[];
  readonly scanned: string[];
  readonly #stop: () => Promise<void>;

  private constructor(
    parts: Pick<ApiUnderTest, 'folder' | 'catalog' | 'sources' | 'port' | 'log' | 'scanned'>,
    stop: () => Promise<void>,
  ) {
    this.folder = parts.folder;
    this.catalog = parts.catalog;
    this.sources = parts.sources;
    this.port = parts.port;
    this.log = parts.log;
    this.scanned = parts.scanned;
    this.#stop = stop;
  }

  static async start(options: ApiUnderTestOptions = {}): Promise<ApiUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'mediadav-api-'));
    const catalog = openSqliteCatalog(join(folder, 'catalog.db'), 'windows');
    const sources = new Map<string, TestSource>();
    const shown: ShownSource[] = [];
    const bySourceId = new Map<number, Source>();
    for (const [name, root] of Object.entries(options.sources ?? { photos: '/mnt/photos' })) {
      const provider = new MemoryProvider({ membership: root === null ? 'many' : 'one' });
      const { id, rootId } = await catalog.writer.ensureSource(name);
      const filter = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
      const retry = { tries: 1, firstWaitMs: 1, maxWaitMs: 1 };
      bySourceId.set(id, new Source({ name, provider, filter, logger: QUIET_LOGGER, clientRetry: retry }));
      sources.set(name, { id, rootId, provider });
      shown.push({ sourceId: id, name, mountsAtRoot: options.mountsAtRoot ?? false, folder: root });
    }
    await catalog.writer.showSources(shown);
    const scanned: string[] = [];
    const api = await ApiServer.create({
      version: '0.0.0',
      reader: catalog.reader,
      bell: catalog.bell,
      content: new Content({ catalog, sources: bySourceId, obstacleOf: () => null }),
      thumbnails: new Thumbnails({ folder: join(folder, 'thumbnails'), logger: QUIET_LOGGER }),
      sources: shown,
      scans: new Map([...sources.keys()].map((name) => [name, () => void scanned.push(name)])),
      status: async () => ({ status: 'ok', version: '0.0.0', uptimeSeconds: 1, sources: [], cache: null }),
      mountLines: () => [],
      ...(options.streamLimits === undefined ? {} : { streamLimits: options.streamLimits }),
    });
    const log = keepingLogger();
    const listener = createListener({ handle: (exchange) => api.handle(exchange), log });
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
    const stop = async () => {
      api.endStreams();
      await listener.close();
      await api.close();
      await catalog.close();
      await rm(folder, { recursive: true, force: true });
    };
    return new ApiUnderTest({ folder, catalog, sources, port, log: log.lines, scanned }, stop);
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  source(name = 'photos'): TestSource {
    const source = this.sources.get(name);
    if (source === undefined) throw new Error(`no source "${name}"`);
    return source;
  }

  /** Brings something into the catalog as a scan would. */
  async apply(entries: readonly Entry[], source = 'photos'): Promise<void> {
    await this.catalog.writer.apply(this.source(source).id, entries);
  }

  addFolder(ref: string, name: string, parent: string | null = null, source = 'photos'): Promise<void> {
    const times = { modifiedMs: NOON_MS, createdMs: NOON_MS };
    const naming = 'disk' as const;
    return this.apply(
      [{ kind: 'collection', ref, name, parent, naming, isVirtual: false, ...times }],
      source,
    );
  }

  /** Adds or changes a file and, unless told not to, what the enricher finds in it. @returns its SHA-256. */
  async addFile(path: string, options: FileOptions = {}, source = 'photos'): Promise<string> {
    const content = Buffer.from(options.content ?? `content of ${path}`);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const { provider, id } = this.source(source);
    const refId = options.facts?.ref?.id ?? `ref ${path}`;
    const facts: AssetFacts = {
      ...UNKNOWN_MEDIA,
      ref: { id: refId, path },
      version: `v-${digestOf('md5', content)}`,
      sizeBytes: content.length,
      contentType: contentTypeOf(name),
      kind: mediaKindOf(name),
      modifiedMs: NOON_MS,
      createdMs: null,
      statusChangedMs: null,
      digests: {},
      ...options.facts,
    };
    provider.contents.set(refId, content);
    const collection = options.collection ?? null;
    const anchor = provider.traits.membership === 'many' ? collection : null;
    await this.apply([{ kind: 'asset', facts, collection, anchor, name, naming: 'disk' }], source);
    if (options.media !== null) {
      const digests = {
        sha256: digestOf('sha256', content),
        sha1: digestOf('sha1', content),
        md5: digestOf('md5', content),
      };
      const media = { ...UNKNOWN_MEDIA, ...options.media };
      await this.catalog.writer.enrich(id, refId, facts.version, { digests, media, contentType: null });
    }
    return digestOf('sha256', content);
  }

  /** Public id of what is at a path of shown names; the root of the source for `''`. */
  async idOf(path: string, source = 'photos'): Promise<string> {
    let id = this.source(source).rootId;
    for (const name of path.split('/').filter((part) => part !== '')) {
      id = (await this.catalog.reader.child(id, name))?.id ?? 0;
    }
    return this.catalog.reader.publicId(id);
  }

  ask(path: string, asking: Asking = {}): Promise<Answer> {
    return ask(this.port, path, asking);
  }

  /** The JSON of a 200. */
  async json<T = Record<string, unknown>>(path: string): Promise<T> {
    const answer = await this.ask(path);
    if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body.toString()) as T;
  }

  /** The problem details of a failure; throws when the answer is none. */
  async problem(
    path: string,
    asking: Asking = {},
  ): Promise<{ status: number; detail: string; code: string }> {
    const answer = await this.ask(path, asking);
    if (answer.headers['content-type'] !== 'application/problem+json') {
      throw new Error(`${path} was answered ${answer.status} and no problem: ${answer.body}`);
    }
    const problem = JSON.parse(answer.body.toString());
    if (problem.status !== answer.status) throw new Error('the problem has another status than the answer');
    return problem;
  }
}

export function digestOf(algorithm: 'sha256' | 'sha1' | 'md5', content: string | Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}
