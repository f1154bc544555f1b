import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends every run with one countable line. Where `CI` is set a skipped test fails the run, because a suite that
 * did not run proves nothing.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      if (module.state() === 'failed' && module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed += 1;
        else if (state === 'failed') counts.failed += 1;
        else {
          counts.skipped += 1;
          console.log(`skipped: ${test.fullName} (${module.relativeModuleId})`);
        }
      }
    }
    const isIncomplete = Boolean(process.env.CI) && counts.skipped > 0;
    if (isIncomplete) {
      process.exitCode = 1;
      console.log('Skipped tests are failures in CI: install what they need.');
    }
    const line = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
    // After everything that other reporters print.
    process.once('exit', () => console.log(line));
  }
}
