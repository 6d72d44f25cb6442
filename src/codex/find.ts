/**
 * Where the Codex CLI is on this machine: the version this package was tested with if it is
 * installed beside it, else the user's own.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'

export type CodexFinding =
  | {
      readonly found: true
      readonly origin: 'pinned' | 'path'
      readonly command: string
      /** Arguments that come before Codex's own. */
      readonly arguments: readonly string[]
    }
  | { readonly found: false; readonly message: string }

export interface FindCodexOptions {
  /** Resolves the pinned package's entry, or throws. Injected by tests. */
  readonly resolvePinned?: () => string
}

const MISSING = [
  'The Codex CLI was not found: neither the pinned dependency @openai/codex nor `codex` on the PATH.',
  'Install it with `npm install --global @openai/codex`, then try again.',
].join('\n')

/** Finds Codex. `found: false` carries the text to show, which says how to install it. */
export function findCodex(
  env: Readonly<Record<string, string | undefined>>,
  options: FindCodexOptions = {},
): CodexFinding {
  const pinned = pinnedEntry(options.resolvePinned ?? resolvePinnedEntry)
  if (pinned !== undefined) {
    // Run on this very Node: the machine's own `node` may be older than what the entry needs.
    return { found: true, origin: 'pinned', command: process.execPath, arguments: [pinned] }
  }
  const command = findOnPath('codex', env)
  if (command === undefined) return { found: false, message: MISSING }
  return { found: true, origin: 'path', command, arguments: [] }
}

const resolvePinnedEntry = () =>
  createRequire(import.meta.url).resolve('@openai/codex/bin/codex.js')

function pinnedEntry(resolve: () => string): string | undefined {
  try {
    return resolve()
  } catch {
    // Not installed beside this package, as for every user who installed it without its dev tools.
    return undefined
  }
}

/** The first program of that name in the folders of `PATH`. */
export function findOnPath(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
