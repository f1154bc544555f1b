import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The protocol suites start real servers and clients: two at a time is what a small machine can carry.
    maxWorkers: 2,
    reporters: ['default', './test/summary-reporter.ts'],
  },
});
