#!/usr/bin/env node
/*
 * Only what every Node understands may be imported before the version is known: the sentence below is worth more
 * than the syntax error or missing module that an older one would print.
 */
const NEEDED_MAJOR = 24;

if (Number(process.versions.node.split('.')[0]) < NEEDED_MAJOR) {
  process.stderr.write(
    `mediadav needs Node ${NEEDED_MAJOR} or newer, and this is ${process.versions.node}. ` +
      'Run it by "npm start", which brings the right one, or install a newer Node.\n',
  );
  process.exitCode = 2;
} else {
  await run();
}

async function run(): Promise<void> {
  const { ConfigError, helpText, readAppConfig } = await import('./settings.ts');
  const { messageOf } = await import('./model/coded-error.ts');
  const { readVersion } = await import('./version.ts');
  try {
    const config = readAppConfig({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd() });
    if (config.command === 'serve') await serve(config);
    else process.stdout.write(config.command === 'help' ? helpText() : `${readVersion()}\n`);
  } catch (error) {
    // Wrong settings are 2, everything else that keeps the server from starting is 1.
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  }
}

async function serve(config: import('./settings.ts').ServeConfig): Promise<void> {
  const { startApp, welcomeText } = await import('./app.ts');
  const app = await startApp(config);
  const stop = (): void => {
    // A second signal ends it at once.
    process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
    void app.stop();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  if (config.log.format === 'text') process.stdout.write(await welcomeText(app));
}
