/** The bridge of an end-to-end test: the `synth` command itself, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withDeadline } from './deadline.ts'

/**
 * The sources by default; `BRIDGE_ENTRY=dist/bin.js` holds the built package to the same tests.
 */
export const ENTRY = process.env['BRIDGE_ENTRY'] ?? join(import.meta.dirname, '../../../src/bin.ts')

export const UPSTREAM_KEY = 'sk-upstream-secret-4711'

export interface RunningBridge {
  readonly url: string
  /** Everything it has logged so far. */
  log(): string
  close(): Promise<void>
}

export interface BridgeOptions {
  /** A folder of the test's own; its HOME, too. */
  readonly folder: string
  /** The configuration's TOML; without it the bridge looks for what it can find. */
  readonly config: string | undefined
}

/** What `[models."…"]` calls the model; Codex asks for it under this name. */
export const MODEL = 'synth-small'

/** A configuration with one model, behind which is the scripted upstream. */
export const configOf = (upstreamUrl: string, modelToml = '', serverToml = ''): string => `
[server]
store = "memory"
${serverToml}

[upstreams.scripted]
base_url = "${upstreamUrl}"
api_key_env = "UPSTREAM_KEY"

[models.${MODEL}]
upstream = "scripted"
model = "upstream-model"
${modelToml}
`

export async function startBridge({ folder, config }: BridgeOptions): Promise<RunningBridge> {
  const path = join(folder, 'bridge.toml')
  if (config !== undefined) await writeFile(path, config)
  const flags = config === undefined ? [] : ['--config', path]
  const child = spawn(process.execPath, [ENTRY, 'serve', ...flags, '--port', '0'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      XDG_STATE_HOME: folder,
      ...(config !== undefined && { UPSTREAM_KEY }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  try {
    const url = await withDeadline(
      'the ready line',
      15_000,
      readyUrl(child, () => log),
    )
    return { url, log: () => log, close: () => stop(child) }
  } catch (error) {
    await stop(child)
    throw error
  }
}

function readyUrl(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const url = /^synth listening on (http:\/\/\S+)\n/.exec(output)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the bridge ended with ${code}: ${log()}`)))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  try {
    await withDeadline('the bridge to stop', 10_000, exited)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}
