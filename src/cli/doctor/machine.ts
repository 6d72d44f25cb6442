/** What the bridge needs of the machine it runs on: Node, a place to write, a port. */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname } from 'node:path'
import type { LoadedConfig } from '../../config/load.ts'
import type { StoreSettings } from '../../config/storage.ts'
import { isRecord } from '../../translate/narrow.ts'
import { originOf } from '../bridge/origin.ts'
import type { Check } from './check.ts'

export function checkNode(version: string): Check {
  // `bin.ts` starts on nothing older than it can run on.
  return { name: 'node', status: 'ok', detail: version }
}

export async function checkStore(
  { storage }: Pick<LoadedConfig, 'storage'>,
  timeoutMs: number,
): Promise<Check> {
  const { store, stateDir } = storage
  if (store.kind === 'postgres') return checkPostgres(store, timeoutMs)
  if (store.kind === 'memory') {
    const fault = faultOfFolder(stateDir)
    if (fault !== undefined) return unwritable(fault)
    return { name: 'store', status: 'ok', detail: 'memory: what was spent is forgotten at the end' }
  }
  const fault =
    faultOfFile(store.path) ?? faultOfFolder(dirname(store.path)) ?? faultOfFolder(stateDir)
  if (fault !== undefined) return unwritable(fault)
  return { name: 'store', status: 'ok', detail: `${store.path} can be written` }
}

const unwritable = (detail: string): Check => ({
  name: 'store',
  status: 'failed',
  detail,
  fix: 'Change its permissions, or choose another place with server.state_dir or server.store.',
})

function faultOfFile(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  if (!statSync(path).isFile()) return `${path} is no file`
  return isWritable(path) ? undefined : `${path} cannot be written`
}

/** A folder that is missing is made; so the nearest one that exists has to allow that. */
function faultOfFolder(path: string): string | undefined {
  let folder = path
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  if (!statSync(folder).isDirectory()) return `${folder} is no folder`
  return isWritable(folder) ? undefined : `nothing can be written in ${folder}`
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

const POSTGRES_PORT = 5432

/** Whether a server is there; whether it lets us in shows when the bridge starts. */
async function checkPostgres(
  { url }: Extract<StoreSettings, { kind: 'postgres' }>,
  timeoutMs: number,
): Promise<Check> {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (address === undefined || address.hostname === '') {
    // A socket of this machine, or several hosts: only the store's own client knows how to get there.
    return { name: 'store', status: 'skipped', detail: 'PostgreSQL at an address without a host' }
  }
  const host = address.hostname.replace(/^\[|\]$/g, '')
  const port = address.port === '' ? POSTGRES_PORT : Number(address.port)
  const place = `${address.hostname}:${port}`
  const fault = await new Promise<string | undefined>((resolve) => {
    const socket = connect(port, host)
    const finish = (result: string | undefined): void => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(timeoutMs, () => finish('no answer'))
    socket.once('connect', () => finish(undefined))
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message))
  })
  if (fault === undefined) {
    return { name: 'store', status: 'ok', detail: `a server answers at ${place}` }
  }
  return {
    name: 'store',
    status: 'failed',
    detail: `no PostgreSQL server answers at ${place} (${fault})`,
    fix: 'Start it, or correct server.store.',
  }
}

export async function checkPort(
  { config }: Pick<LoadedConfig, 'config'>,
  fetch: typeof globalThis.fetch,
  timeoutMs: number,
): Promise<Check> {
  const { host, port } = config.server
  const name = 'port'
  if (port === 0) return { name, status: 'ok', detail: 'a free one is taken' }
  const code = await tryToListen(host, port)
  if (code === undefined) return { name, status: 'ok', detail: `${host}:${port} is free` }
  if (code === 'EADDRINUSE') {
    const version = await versionOfBridge(host, port, fetch, timeoutMs)
    if (version !== undefined) {
      const detail = `a bridge runs at ${host}:${port} (${version})`
      return { name, status: 'ok', detail }
    }
    return {
      name,
      status: 'failed',
      detail: `${host}:${port} is taken by another program`,
      fix: 'Stop that program, or choose another port with server.port (0 takes a free one).',
    }
  }
  const fix = code === 'EACCES' ? 'Choose a port above 1023.' : 'Check server.host.'
  return { name, status: 'failed', detail: `cannot listen on ${host}:${port} (${code})`, fix }
}

/** The code of what stands in the way, or undefined where nothing does. */
function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, host, () => server.close(() => resolve(undefined)))
  })
}

async function versionOfBridge(
  host: string,
  port: number,
  fetch: typeof globalThis.fetch,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const answer = await fetch(`${originOf(host, port)}/health`, {
      signal: AbortSignal.timeout(timeoutMs),
    })
    const health: unknown = await answer.json()
    if (!isRecord(health) || typeof health['status'] !== 'string') return undefined
    return typeof health['version'] === 'string' ? health['version'] : undefined
  } catch {
    // Nobody who speaks HTTP, or nobody who answers in time: no bridge.
    return undefined
  }
}
