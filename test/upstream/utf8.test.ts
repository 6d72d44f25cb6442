import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Utf8Reader } from '../../src/upstream/utf8.ts'

test('any split of the bytes reads as the whole text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.infiniteStream(fc.nat(5)), (text, sizes) => {
      const bytes = Buffer.from(text)
      const reader = new Utf8Reader()
      let read = ''
      for (let at = 0; at < bytes.length; ) {
        const size = (sizes.next().value ?? 0) + 1
        read += reader.read(bytes.subarray(at, at + size)) ?? '<refused>'
        at += size
      }
      expect(read).toBe(bytes.toString('utf8'))
      expect(reader.midCharacter).toBe(false)
    }),
  )
})

test.each([
  { name: 'a lone continuation byte', bytes: [0x80, 0x41] },
  { name: 'a start byte followed by ASCII', bytes: [0xe2, 0x41, 0x41] },
  { name: 'a surrogate half', bytes: [0xed, 0xa0, 0x80] },
  { name: 'an overlong slash', bytes: [0xc0, 0xaf, 0x41] },
])('$name is refused, not replaced', ({ bytes }) => {
  expect(new Utf8Reader().read(Buffer.from(bytes))).toBeUndefined()
})

test('bytes that stop inside a character are noticed', () => {
  const reader = new Utf8Reader()
  expect(reader.read(Buffer.from('é').subarray(0, 1))).toBe('')
  expect(reader.midCharacter).toBe(true)
})
