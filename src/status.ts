import type { SourceReport, StatusReport } from './api/status-report.ts';
import type { CatalogReader } from './catalog/catalog.ts';
import type { RemoteCache } from './content/cache/remote-cache.ts';
import type { SourceStatus } from './ingest/source-status.ts';
import type { Member } from './source-member.ts';

/** How each source is doing, and the cache: what `/api/health` and the front page tell. */
export async function reportOf(
  version: string,
  members: readonly Member[],
  cache: RemoteCache | null,
  reader: CatalogReader,
): Promise<StatusReport> {
  const sources = await Promise.all(
    members.map(async (member) => {
      // Nobody reads files of the others, so what was wrong with them once cannot be told any more.
      const fileProblems = member.enricher === null ? [] : await reader.problems(member.sourceId);
      return sourceReport(member, await member.ingest.status(), fileProblems);
    }),
  );
  const isFailing = sources.some(({ lastError }) => lastError !== null);
  return {
    status: isFailing ? 'degraded' : 'ok',
    version,
    uptimeSeconds: Math.floor(process.uptime()),
    sources,
    cache: cache?.report() ?? null,
  };
}

function sourceReport(
  { config, enricher }: Member,
  status: SourceStatus,
  fileProblems: SourceReport['fileProblems'],
): SourceReport {
  // A catalog that takes nothing more in stops the reading of files too, between two scans.
  const lastError = status.lastError ?? enricher?.failure ?? null;
  const { filesDone = 0, filesTotal = 0 } = enricher?.progress() ?? {};
  return {
    name: config.name,
    provider: config.provider,
    mount: config.mountsAtRoot ? '/' : `/${encodeURIComponent(config.name)}/`,
    state: status.state,
    assets: status.assetCount,
    collections: status.collectionCount,
    sizeBytes: status.sizeBytes,
    lastScan: isoOf(status.completedMs),
    lastError:
      lastError === null
        ? null
        : { code: lastError.code, message: lastError.message, at: new Date(lastError.atMs).toISOString() },
    notes: status.notes,
    warnings: status.warnings,
    fileProblems,
    enriching: enricher?.isRunning === true ? { filesDone, filesTotal } : null,
  };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
