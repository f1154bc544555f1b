import { sizeText } from '../model/byte-size.ts';
import { escapeHtml, PAGE_STYLE } from './page.ts';
import type { MountLine, SourceReport, StatusReport } from './status-report.ts';

const STYLE = `${PAGE_STYLE}
  code { user-select: all; }
  .ready { color: #2a7d2a; } .scanning, .waiting { color: #8a6d00; } .failing { color: #c0392b; }
`;

const STATE_TEXTS: Readonly<Record<SourceReport['state'], string>> = {
  waiting: 'waiting',
  scanning: 'reading …',
  ready: 'up to date',
  failing: 'cannot be read',
};

/** The page at `/`: the state of each source and the lines to mount them. Plain HTML, no script. */
export function frontPage(report: StatusReport, mountLines: readonly MountLine[]): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="15">
<title>mediadav</title>
<style>${STYLE}</style>
<h1>mediadav</h1>
<p><small>version ${escapeHtml(report.version)}, up ${duration(report.uptimeSeconds)}</small></p>
<h2>Sources</h2>
<table>
<tr><th>Source<th>State<th class="number">Assets<th class="number">Folders<th class="number">Size<th>Last read
${report.sources.map(sourceRow).join('\n')}
</table>${cacheLine(report.cache)}
<h2>Mount it</h2>
<table>
${mountLines.map(mountRow).join('\n')}
</table>
<p><a href="/dav/">Browse the files</a> · <a href="/api/docs">HTTP API</a> · <a href="/api/health">This page as JSON</a></p>
</html>
`;
}

function cacheLine(cache: StatusReport['cache']): string {
  if (cache === null) return '';
  const { usedBytes, maxBytes, contents, failure } = cache;
  const held = `${sizeText(usedBytes)} of ${sizeText(maxBytes)}, ${contents.toLocaleString('en')} files`;
  const note = failure === null ? '' : ` Nothing is taken in at the moment: ${escapeHtml(failure)}`;
  return `\n<p><small>Cache of remote bytes: ${held}.${note}</small></p>`;
}

function mountRow({ client, line, hint }: MountLine): string {
  const note = hint === undefined ? '' : ` <small>${escapeHtml(hint)}</small>`;
  return `<tr><td>${escapeHtml(client)}<td><code>${escapeHtml(line)}</code>${note}`;
}

function sourceRow(source: SourceReport): string {
  const error = source.lastError;
  const notes = [
    ...(error === null ? [] : [`${error.message} (${localTime(error.at)})`]),
    ...source.notes,
    ...source.warnings.map(
      ({ reason, count, example }) => `left out ${count} × ${reason}, such as ${example}`,
    ),
    ...source.fileProblems.map(({ reason, count, example }) => `${count} × ${reason}, such as ${example}`),
  ];
  const noteText = notes.map((note) => `<br><small>${escapeHtml(note)}</small>`).join('');
  return [
    `<tr><td><a href="/dav${escapeHtml(source.mount)}">${escapeHtml(source.name)}</a>`,
    ` <small>${escapeHtml(source.provider)}</small>${noteText}`,
    `<td class="${source.state}">${STATE_TEXTS[source.state]}`,
    `<td class="number">${source.assets.toLocaleString('en')}`,
    `<td class="number">${source.collections.toLocaleString('en')}`,
    `<td class="number">${sizeText(source.sizeBytes)}`,
    `<td class="time">${source.lastScan === null ? 'never' : localTime(source.lastScan)}`,
  ].join('');
}

function duration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return hours > 0
    ? `${hours} h ${Math.floor((seconds % 3600) / 60)} min`
    : `${Math.floor(seconds / 60)} min`;
}

function localTime(iso: string): string {
  return escapeHtml(iso.slice(0, 19).replace('T', ' '));
}
