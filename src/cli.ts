/* What the arguments ask for. Started by `start.js`, which has seen to it that this Node is new enough. */
await run();

async function run(): Promise<void> {
  const { ConfigError, helpText, readAppConfig } = await import('./settings.ts');
  const { messageOf } = await import('./model/coded-error.ts');
  try {
    const config = readAppConfig({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd() });
    switch (config.command) {
      case 'help':
        process.stdout.write(helpText());
        break;
      case 'version':
        process.stdout.write(`${(await import('./version.ts')).readVersion()}\n`);
        break;
      case 'serve':
        await (await import('./cli/serve.ts')).serve(config);
        break;
      case 'scan':
        process.exitCode = await (await import('./cli/scan.ts')).scan(config);
        break;
      case 'changes':
        await (await import('./cli/changes.ts')).printChanges(config);
        break;
      case 'list':
        await (await import('./cli/list.ts')).printList(config);
        break;
    }
  } catch (error) {
    // Wrong settings are 2, everything else that keeps a command from its work is 1.
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  }
}
