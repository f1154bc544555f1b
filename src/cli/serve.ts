import { startApp, welcomeText } from '../app.ts';
import type { ServeConfig } from '../settings.ts';

/** `mediadav serve`: until a signal ends it. Resolves once it listens. */
export async function serve(config: ServeConfig): Promise<void> {
  const app = await startApp(config);
  const stop = (): void => {
    // A second signal ends it at once.
    process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
    void app.stop();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // As POST /api/refresh; without a handler it would end the process, as it does for whoever closes a terminal.
  process.on('SIGHUP', () => app.refresh());
  if (config.log.format === 'text') process.stdout.write(await welcomeText(app));
}
