import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ResponseEvent } from '../../src/protocol/responses/events.ts'
import { paddingFor, padEvent } from '../../src/translate/obfuscation.ts'

test('a delta and its padding fill whole blocks, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (said) => {
      const padding = paddingFor(said)
      const sent = Buffer.byteLength(JSON.stringify(said)) - 2
      expect((sent + padding.length) % 32).toBe(0)
      expect(padding.length).toBeGreaterThan(0)
    }),
  )
})

test('only what grows is padded', () => {
  const place = { item_id: 'fc_1', output_index: 0 }
  const delta: ResponseEvent = {
    type: 'response.function_call_arguments.delta',
    ...place,
    delta: '{}',
  }
  expect(padEvent(delta)).toMatchObject({
    delta: '{}',
    obfuscation: expect.stringMatching(/^.{30}$/),
  })
  const alive: ResponseEvent = { type: 'keepalive' }
  expect(padEvent(alive)).toBe(alive)
})
