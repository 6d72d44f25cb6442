import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // The real clients under test/e2e start processes; two workers is what the smallest machine has.
    maxWorkers: 2,
  },
})
