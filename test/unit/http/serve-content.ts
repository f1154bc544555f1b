import { type Content, sendContent } from '../../../src/http/send-content.ts';
import { codeOf } from '../../../src/model/coded-error.ts';
import { startListener } from './running-listener.ts';

type ListenerSettings = Parameters<typeof startListener>[1];

/**
 * Serves one content, and keeps what came of each answer: `sent`, or the code of what `sendContent` rejected with.
 * `/small` is answered at once.
 */
export async function serveContent(content: Content, settings: ListenerSettings = {}) {
  const codes: string[] = [];
  const running = await startListener(async (exchange) => {
    if (exchange.target.path === '/small') {
      exchange.res.end('small');
      return;
    }
    try {
      await sendContent(exchange, content);
      codes.push('sent');
    } catch (error) {
      codes.push(codeOf(error));
      throw error;
    }
  }, settings);
  return { ...running, codes };
}
