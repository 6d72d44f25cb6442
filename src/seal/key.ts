/**
 * Where the seal's key comes from: `SYNTH_SEAL_KEY` when several bridges must open each other's
 * values, else a file of this machine's, made on first use.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SEAL_KEY_BYTES } from './aes-seal.ts'

const KEY_FILE = 'seal.key'

function decode(text: string, from: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length !== SEAL_KEY_BYTES) {
    throw new Error(
      `${from} is not ${SEAL_KEY_BYTES} bytes in base64 (it has ${key.length}). Make one with: openssl rand -base64 ${SEAL_KEY_BYTES}`,
    )
  }
  return key
}

function readKeyFile(path: string): Buffer | undefined {
  try {
    return decode(readFileSync(path, 'utf8'), path)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  }
}

/**
 * The key, made if there is none.
 *
 * @param stateDir created with mode 0700 where it is missing
 */
export function loadSealKey(
  stateDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Buffer {
  const given = env['SYNTH_SEAL_KEY']
  if (given !== undefined && given !== '') return decode(given, 'SYNTH_SEAL_KEY')
  const path = join(stateDir, KEY_FILE)
  const kept = readKeyFile(path)
  if (kept !== undefined) return kept
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  try {
    // `wx`: of two bridges starting at once, one makes the key and the other reads it.
    writeFileSync(path, randomBytes(SEAL_KEY_BYTES).toString('base64'), { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
  }
  const made = readKeyFile(path)
  if (made === undefined) throw new Error(`${path} vanished while it was being made.`)
  return made
}
