import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createProvider } from '../providers/index.ts';
import type { Catalog, ShownSource } from './catalog/catalog.ts';
import { Enricher } from './enrich/enricher.ts';
import type { WorkerPool } from './enrich/worker-pool.ts';
import { SourceIngest, type SourceIngestOptions } from './ingest/source-ingest.ts';
import { type Logger, withFields } from './model/logger.ts';
import type { NamePolicy } from './model/name.ts';
import type { Provider } from './provider/provider.ts';
import type { SourceConfig } from './settings.ts';
import { createPathFilter } from './source/path-filter.ts';
import { Source } from './source/source.ts';
import { readVersion } from './version.ts';

/** Folder of DATA_DIR. */
const UPLOADS = 'uploads';

/** One configured source with all that is made of it. */
export interface Member {
  readonly config: SourceConfig;
  readonly source: Source;
  readonly ingest: SourceIngest;
  /** Null when the source's assets are not to be read. */
  readonly enricher: Enricher | null;
  readonly sourceId: number;
}

export interface MemberOptions {
  readonly catalog: Catalog;
  readonly logger: Logger;
  /** How the catalog shows names. */
  readonly names: NamePolicy;
  /** Wraps the provider, to see what passes. */
  readonly observe?: (provider: Provider) => Provider;
  readonly ingest?: Pick<SourceIngestOptions, 'acceptsEmpty'>;
  /** Absolute; what is on its way to a server waits there. Without it no server is written to. */
  readonly dataDir?: string;
  /** Reads the assets; without it nobody does. */
  readonly pool?: WorkerPool;
}

/** Joins provider, source and ingest of one configured source, and makes it known to the catalog. */
export async function addMember(config: SourceConfig, options: MemberOptions): Promise<Member> {
  const { catalog, pool, observe = (provider) => provider } = options;
  const logger = withFields(options.logger, { source: config.name });
  const uploadFolder = options.dataDir === undefined ? null : uploadFolderOf(options.dataDir, config.name);
  const provider = observe(createProvider(config, { epoch: catalog.reader.epoch, uploadFolder }));
  const source = new Source({ name: config.name, provider, filter: createPathFilter(config), logger });
  const { layouts, splitsByType } = config;
  let enricher: Enricher | null = null;
  const ingest = new SourceIngest({
    source,
    catalog,
    layout: { layouts, splitsByType },
    logger,
    settingsVersion: settingsVersionOf(config, options.names),
    changed: () => enricher?.wake(),
    ...options.ingest,
  });
  const { id: sourceId } = await ingest.prepare();
  if (pool !== undefined && config.enriches) {
    enricher = new Enricher({
      ...{ source, sourceId, catalog, pool, logger },
      isStill: (facts) => ingest.isStill(facts),
      untilQuiet: (signal) => ingest.untilQuiet(signal),
      onEnriched: (facts) => ingest.onEnriched(facts),
    });
  }
  return { config, source, ingest, enricher, sourceId };
}

/** One each: what is in it belongs to nobody else. A name of a source may be one that no folder can have. */
function uploadFolderOf(dataDir: string, name: string): string {
  return join(dataDir, UPLOADS, createHash('sha256').update(name).digest('hex').slice(0, 16));
}

/**
 * A word for all that decides what is read and shown of a source, mediadav itself included. The key is left out: what it
 * may see, the list of albums tells.
 */
function settingsVersionOf(config: SourceConfig, names: NamePolicy): string {
  const { rescanIntervalMs: _interval, mountsAtRoot: _mount, ...shaping } = config;
  const settings = 'apiKey' in shaping ? { ...shaping, apiKey: null } : shaping;
  const text = JSON.stringify([readVersion(), names, settings]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

/** How the tree shows it. */
export function shownSourceOf({ config, sourceId }: Member): ShownSource {
  const folder = config.provider === 'local' ? config.path : null;
  return { sourceId, name: config.name, mountsAtRoot: config.mountsAtRoot, folder };
}
