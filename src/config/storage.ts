/** Where the bridge keeps what must survive it, from `[server] store` and `state_dir`. */
import { dirname, join, resolve } from 'node:path'
import type { Config } from './schema.ts'

export type StoreSettings =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'memory' }
  /** May hold a password: never to be shown whole. */
  | { readonly kind: 'postgres'; readonly url: string }

export interface StorageSettings {
  /** Absolute. Nobody has made it yet. */
  readonly stateDir: string
  readonly store: StoreSettings
}

export interface StorageSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The user's home folder. */
  readonly home: string
  /** What a relative path is relative to: the folder of the file, so that it moves with it. */
  readonly folder: string
}

const SQLITE_FILE = 'synth.db'

export function storageSettings(
  { server }: Config,
  { env, home, folder }: StorageSurroundings,
): StorageSettings {
  const toAbsolute = (path: string): string =>
    resolve(folder, path.startsWith('~/') ? join(home, path.slice(2)) : path)

  // The XDG specification has relative values ignored.
  const xdg = env['XDG_STATE_HOME']
  const userState = xdg?.startsWith('/') ? xdg : join(home, '.local', 'state')
  const stateDir =
    server.state_dir === undefined ? join(userState, 'synth') : toAbsolute(server.state_dir)

  if (server.store === 'memory') return { stateDir, store: { kind: 'memory' } }
  if (server.store.startsWith('postgres')) {
    return { stateDir, store: { kind: 'postgres', url: server.store } }
  }
  const named = server.store.slice('sqlite:'.length)
  const path = named === '' ? join(stateDir, SQLITE_FILE) : toAbsolute(named)
  return { stateDir, store: { kind: 'sqlite', path } }
}

/** The folder of a configuration file; without one, where the bridge was started. */
export function folderOf(file: string | undefined, cwd: string): string {
  return file === undefined ? cwd : dirname(resolve(cwd, file))
}
