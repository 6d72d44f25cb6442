import { expect, test } from 'vitest'
import { systemContext } from '../../src/cli/context.ts'

test('only the first signal is awaited; a second, of either name, ends the process as usual', async () => {
  const before = {
    SIGINT: process.listenerCount('SIGINT'),
    SIGTERM: process.listenerCount('SIGTERM'),
  }
  const interrupted = systemContext().interrupted()
  const onTerminate = process.listeners('SIGTERM').at(-1)
  onTerminate?.('SIGTERM')
  expect(await interrupted).toBe('SIGTERM')
  expect(process.listenerCount('SIGTERM')).toBe(before.SIGTERM)
  expect(process.listenerCount('SIGINT')).toBe(before.SIGINT)
})
