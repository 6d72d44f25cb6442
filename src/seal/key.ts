/**
 * Where the seal's key comes from: `SYNTH_SEAL_KEY` when several bridges must open each other's
 * values, else a file of this machine's, made on first use.
 */
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../config/config-error.ts'
import { systemCodeOf } from '../errors.ts'
import { SEAL_KEY_BYTES } from './aes-seal.ts'

const KEY_FILE = 'seal.key'

function keyError(message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ file: undefined, line: undefined, key: '', message }], cause)
}

function decode(text: string, from: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length !== SEAL_KEY_BYTES) {
    throw keyError(
      `${from} is not ${SEAL_KEY_BYTES} bytes in base64 (it has ${key.length}). Make one with: openssl rand -base64 ${SEAL_KEY_BYTES}`,
    )
  }
  return key
}

function readKeyFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined
    throw cause
  }
}

/** Whole or not at all: a bridge that starts at the same time must not read half a key. */
function makeKeyFile(path: string): void {
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  writeFileSync(draft, randomBytes(SEAL_KEY_BYTES).toString('base64'), { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, path)
  } catch (cause) {
    // Another bridge was first: its key is everybody's.
    if (systemCodeOf(cause) !== 'EEXIST') throw cause
  } finally {
    rmSync(draft, { force: true })
  }
}

function keyTextIn(stateDir: string, path: string): string {
  try {
    const kept = readKeyFile(path)
    if (kept !== undefined) return kept
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    makeKeyFile(path)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw keyError(
      `The seal's key cannot be kept at ${path} (${systemCodeOf(cause)}). Set server.state_dir to a folder that can be written, or give the key as SYNTH_SEAL_KEY.`,
      cause,
    )
  }
}

/**
 * The key, made if there is none.
 *
 * @param stateDir created with mode 0700 where it is missing
 * @throws {ConfigError} the key is not one, or cannot be kept
 */
export function loadSealKey(
  stateDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Buffer {
  const given = env['SYNTH_SEAL_KEY']
  if (given !== undefined && given !== '') return decode(given, 'SYNTH_SEAL_KEY')
  const path = join(stateDir, KEY_FILE)
  return decode(keyTextIn(stateDir, path), path)
}
