#!/usr/bin/env node
/*
 * The entry, in plain JavaScript: an older Node cannot even load TypeScript, and one clear sentence is worth more
 * than the stack it would print.
 */
const NEEDED_MAJOR = 24;

if (Number(process.versions.node.split('.')[0]) < NEEDED_MAJOR) {
  process.stderr.write(
    `mediadav needs Node ${NEEDED_MAJOR} or newer, and this is ${process.versions.node}. ` +
      'Run it by "npm start", which brings the right one, or install a newer Node.\n',
  );
  process.exitCode = 2;
} else {
  // Node's four threads for files would all wait for one disk that hangs, and every other source with them. With these, two
  // sources of which everything hangs leave a quarter: one holds about 50 of them.
  process.env.UV_THREADPOOL_SIZE ??= '128';
  const { boundHeapGrowth } = await import('./heap-growth.ts');
  boundHeapGrowth();
  await import('./cli.ts');
}
