import { mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAesSeal } from '../../src/seal/aes-seal.ts'
import { loadSealKey } from '../../src/seal/key.ts'

const seal = createAesSeal(Buffer.alloc(32, 7))

test('what was sealed opens again, and two seals of one text differ', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // Lone surrogates have no UTF-8 form; a seal carries what JSON.stringify made, which has none.
      fc.pre(text.isWellFormed())
      expect(seal.open(seal.seal(text))).toBe(text)
    }),
  )
  expect(seal.seal('same')).not.toBe(seal.seal('same'))
})

test.each([
  { name: 'a foreign value', value: 'gAAAAABo9foreign' },
  { name: 'the empty string', value: '' },
  { name: 'the prefix alone', value: 'synth1.' },
  { name: 'a short body', value: 'synth1.AAAA' },
  { name: 'a value of another key', value: createAesSeal(Buffer.alloc(32, 8)).seal('x') },
])('$name opens to nothing', ({ value }) => {
  expect(seal.open(value)).toBeUndefined()
})

test('a value with any byte altered opens to nothing', () => {
  const sealed = seal.seal('reasoning')
  const bytes = Buffer.from(sealed.slice('synth1.'.length), 'base64url')
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes)
    altered[index] = (altered[index] ?? 0) ^ 1
    expect(seal.open(`synth1.${altered.toString('base64url')}`)).toBeUndefined()
  }
})

test('the key is made once, private, and found again', () => {
  const stateDir = join(mkdtempSync(join(tmpdir(), 'seal-')), 'state')
  const made = loadSealKey(stateDir, {})
  expect(loadSealKey(stateDir, {})).toEqual(made)
  expect(statSync(join(stateDir, 'seal.key')).mode & 0o777).toBe(0o600)
  expect(statSync(stateDir).mode & 0o777).toBe(0o700)
})

test('a key of the environment wins, and a wrong one says how to make one', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'seal-'))
  const key = Buffer.alloc(32, 9)
  expect(loadSealKey(stateDir, { SYNTH_SEAL_KEY: key.toString('base64') })).toEqual(key)
  expect(() => loadSealKey(stateDir, { SYNTH_SEAL_KEY: 'c2hvcnQ=' })).toThrow(
    /SYNTH_SEAL_KEY is not 32 bytes in base64 \(it has 5\)/,
  )
  writeFileSync(join(stateDir, 'seal.key'), 'bad')
  expect(() => loadSealKey(stateDir, {})).toThrow(/seal\.key is not 32 bytes/)
})
