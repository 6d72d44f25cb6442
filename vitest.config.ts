import { defineConfig } from 'vitest/config'

/**
 * Tests open and close hundreds of stores, each with a thread of its own. On processors with memory
 * protection keys, V8's registry of compiled pages can miss one then and end the process ("Check failed:
 * jit_page.has_value()"; https://github.com/nodejs/node/issues/64500 is of the same place).
 */
const hasProtectionKeys = process.platform === 'linux' && process.arch === 'x64'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // The real clients under test/e2e start processes; two workers is what the smallest machine has.
    maxWorkers: 2,
    execArgv: hasProtectionKeys ? ['--no-memory-protection-keys'] : [],
  },
})
