import { parseArgs } from 'node:util';
import { fuzz } from './fuzz-run.ts';
import { startFuzzServer } from './fuzz-server.ts';

/*
 * `npm run fuzz -- --count 100000 --seed 7`: strange requests against the real program. What it finds is printed with
 * the arguments that make it again.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const [count, from, seed] = [Number(values.count), Number(values.from), Number(values.seed)];
if (![count, from, seed].every(Number.isSafeInteger))
  throw new Error('--count, --from and --seed take whole numbers');

const server = await startFuzzServer();
process.stderr.write(`seed ${seed}\n`);
const report = await fuzz(server, {
  ...{ seed, from, count },
  onProgress: (done) => {
    if (done % 1_000 === 0) process.stderr.write(`${done} of ${count}\n`);
  },
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
await server.stop();
process.exitCode = report.violations.length === 0 ? 0 : 1;
