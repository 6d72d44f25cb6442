/**
 * Which bridges run on this machine: a file each below the state folder, so that a command finds the
 * one it could use. A file says which process it is, and is removed by whoever finds that process gone:
 * a bridge that was killed removes nothing itself.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { hasUpstreams, type LoadedConfig } from '../../config/load.ts'
import { PROVIDERS } from '../../config/providers.ts'
import type { Config } from '../../config/schema.ts'
import { systemCodeOf } from '../../errors.ts'
import { livenessOf, thisProcess } from '../../store/sqlite/process-identity.ts'
import { isRecord } from '../../translate/narrow.ts'
import { VERSION } from '../../version.ts'

/** `serve` runs until it is told to stop, `launch` only as long as the client it was started for. */
export type BridgeKind = 'serve' | 'launch'

type Environment = Readonly<Record<string, string | undefined>>

const EntrySchema = z.object({
  machine: z.string(),
  pid: z.number(),
  started_at: z.string(),
  url: z.string(),
  kind: z.enum(['serve', 'launch']),
  version: z.string(),
  /** `configFingerprint` of what it runs with. */
  config: z.string(),
  config_path: z.string().nullable(),
  /** By variable: a salted hash of what is in it, to tell another value from the same one. */
  salt: z.string(),
  variables: z.record(z.string(), z.string()),
  since: z.string(),
})
export type BridgeEntry = z.infer<typeof EntrySchema>

export interface Registration {
  readonly loaded: LoadedConfig
  readonly env: Environment
  readonly url: string
  readonly kind: BridgeKind
}

/**
 * What a configuration comes down to, whatever its file is called and however it is laid out. Where the
 * bridge listens is left out: it changes nothing about what a call gets.
 */
export function configFingerprint({ config, storage }: LoadedConfig): string {
  const { host: _host, port: _port, ...server } = config.server
  return hashOf(JSON.stringify(sorted({ ...config, server, storage })))
}

/**
 * Which database sessions are in, for what must be done in that one and no other; undefined where they
 * are in the bridge's memory, and end with it.
 */
export function storeFingerprint({ storage }: LoadedConfig): string | undefined {
  const { store } = storage
  return store.kind === 'memory' ? undefined : hashOf(JSON.stringify(sorted(store)))
}

/**
 * Writes the bridge's entry.
 *
 * @returns what removes it
 */
export function registerBridge({ loaded, env, url, kind }: Registration): () => void {
  const { machine, pid, startedAt } = thisProcess()
  const salt = randomBytes(16).toString('hex')
  const entry: BridgeEntry = {
    machine,
    pid,
    started_at: startedAt,
    url: connectableUrl(url),
    kind,
    version: VERSION,
    config: configFingerprint(loaded),
    config_path: loaded.path ?? null,
    salt,
    variables: hashVariables(loaded.config, env, salt),
    since: new Date().toISOString(),
  }
  const folder = folderOf(loaded.storage.stateDir)
  const path = join(folder, `${pid}-${randomBytes(4).toString('hex')}.json`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeWhole(path, JSON.stringify(entry))
  return () => rmSync(path, { force: true })
}

/** The entries of bridges whose process is there, or runs where this one cannot look. */
export function listEntries(stateDir: string): BridgeEntry[] {
  const folder = folderOf(stateDir)
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name)
    const entry = readEntry(path)
    if (entry === undefined) return []
    const { machine, pid, started_at: startedAt } = entry
    if (livenessOf({ machine, pid, startedAt }) !== 'dead') return [entry]
    rmSync(path, { force: true })
    return []
  })
}

/** Whether this environment leads upstream otherwise than the one the bridge was started in. */
export function hasOtherVariables(entry: BridgeEntry, config: Config, env: Environment): boolean {
  const here = hashVariables(config, env, entry.salt)
  // One that is not set here is no contradiction: the bridge has what it needs.
  return Object.entries(here).some(([variable, hash]) => entry.variables[variable] !== hash)
}

function hashVariables(config: Config, env: Environment, salt: string): Record<string, string> {
  return Object.fromEntries(
    variablesOf(config).flatMap((variable) => {
      const value = env[variable] ?? ''
      return value === '' ? [] : [[variable, hashOf(salt + value)] as const]
    }),
  )
}

/** Those of the upstreams' keys; without upstreams, all that decide which ones are found. */
function variablesOf(config: Config): string[] {
  if (!hasUpstreams(config)) {
    return PROVIDERS.flatMap(({ keyVariables, baseUrlVariable }) => [
      ...keyVariables,
      baseUrlVariable,
    ])
  }
  return Object.values(config.upstreams).flatMap(({ api_key_env }) => api_key_env ?? [])
}

/** Where a client reaches what listens on every address. */
function connectableUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

const folderOf = (stateDir: string): string => join(stateDir, 'bridges')

/** The JSON files of a folder that need not exist. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return []
    throw cause
  }
}

/** Undefined for what another version wrote, or has just been removed. */
function readEntry(path: string): BridgeEntry | undefined {
  try {
    return EntrySchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data
  } catch {
    return undefined
  }
}

/** A reader sees all of it or nothing. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 })
  renameSync(`${path}.tmp`, path)
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** With the keys of every object in one order, so that a file's own order counts for nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}
