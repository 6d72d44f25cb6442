import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadSealKey } from '../../src/seal/key.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'synth-seal-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('without SYNTH_SEAL_KEY', () => {
  test('the key is made once, for its owner alone, and nothing is left beside it', () => {
    const stateDir = join(folder, 'state')
    const key = loadSealKey(stateDir, {})
    expect(key).toHaveLength(32)
    expect(loadSealKey(stateDir, { SYNTH_SEAL_KEY: '' })).toEqual(key)
    expect(readdirSync(stateDir)).toEqual(['seal.key'])
    expect(statSync(join(stateDir, 'seal.key')).mode & 0o777).toBe(0o600)
  })
})

test('SYNTH_SEAL_KEY is taken as it is', () => {
  const key = Buffer.alloc(32, 7)
  expect(loadSealKey(folder, { SYNTH_SEAL_KEY: key.toString('base64') })).toEqual(key)
  expect(readdirSync(folder)).toEqual([])
})

describe('a key that cannot be had is a fault of the configuration', () => {
  test.each([
    {
      what: 'the variable',
      env: { SYNTH_SEAL_KEY: 'c2hvcnQ=' },
      says: /^SYNTH_SEAL_KEY is not 32 bytes/,
    },
    { what: 'the file', env: {}, says: /seal\.key is not 32 bytes/ },
  ])('when $what does not hold one', ({ env, says }) => {
    writeFileSync(join(folder, 'seal.key'), '')
    expect(() => loadSealKey(folder, env)).toThrow(ConfigError)
    expect(() => loadSealKey(folder, env)).toThrow(says)
  })

  test('when the state folder cannot be made', () => {
    writeFileSync(join(folder, 'file'), '')
    const stateDir = join(folder, 'file', 'state')
    expect(() => loadSealKey(stateDir, {})).toThrow(ConfigError)
    expect(() => loadSealKey(stateDir, {})).toThrow(/server\.state_dir/)
  })
})
