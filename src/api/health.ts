import { frontPage } from './front-page.ts';
import { sendPage } from './page.ts';
import type { Resource } from './resource.ts';
import { sendJson } from './send-json.ts';
import type { MountLine, StatusReport } from './status-report.ts';

export interface HealthRooms {
  readonly status: () => Promise<StatusReport>;
  readonly mountLines: () => readonly MountLine[];
}

/** How the server is doing, for people and for programs. */
export function healthResources({ status, mountLines }: HealthRooms): Resource[] {
  return [
    {
      method: 'GET',
      path: '/',
      tag: 'Server',
      summary: 'The front page',
      answers: {
        success: { description: 'A page for people.', mediaType: 'text/html', schema: { type: 'string' } },
      },
      handle: async (exchange) => sendPage(exchange, frontPage(await status(), mountLines())),
    },
    {
      method: 'GET',
      path: '/api/health',
      tag: 'Server',
      summary: 'How each source is doing',
      answers: {
        success: {
          description: '"status" is "degraded" while some source cannot be read.',
          mediaType: 'application/json',
          schema: { $ref: 'Status#' },
        },
      },
      handle: async (exchange) => sendJson(exchange, await status()),
    },
  ];
}
