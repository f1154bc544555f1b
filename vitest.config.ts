import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // `CHECKS=1` adds what is long, or not green yet: see the head of each `*.check.ts`.
    include: ['test/**/*.test.ts', ...(process.env.CHECKS === undefined ? [] : ['test/**/*.check.ts'])],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The protocol suites start real servers and clients: two at a time is what a small machine can carry.
    maxWorkers: 2,
    reporters: ['default', './test/summary-reporter.ts'],
  },
});
