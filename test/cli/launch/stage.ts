/** A launch in this process, with a small program in the client's place. */
import { existsSync, readdirSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { CliContext } from '../../../src/cli/context.ts'
import type { LaunchClient } from '../../../src/cli/launch/client.ts'
import { CODEX } from '../../../src/cli/launch/codex.ts'
import type { LaunchFlags } from '../../../src/cli/launch/prepare.ts'
import { type LaunchProcess, launch } from '../../../src/cli/launch/run.ts'
import type { TestCli } from '../../support/cli.ts'
import type { HttpUpstream } from '../../support/http-upstream.ts'
import { type ModelServerOptions, startModelServer } from '../../support/model-server.ts'

export const PRICE = 'price = { input = "1", output = "10" }\n'

/** One upstream, `local`, and a store that is gone with the bridge. */
export const tomlOf = (baseUrl: string, more = ''): string =>
  `[server]\nstore = "memory"\n[upstreams.local]\nbase_url = "${baseUrl}"\n${more}`

/** A server with the model `m`, for the rest of the test. */
export async function openServer(options: ModelServerOptions = {}): Promise<HttpUpstream> {
  const models = [{ id: 'm', max_model_len: 4096 }]
  const server = await startModelServer({ models, ...options })
  onTestFinished(() => server.close())
  return server
}

/** A port where nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** This Node with a program of the test's, which gets the base URL as its argument. */
export function scriptedClient(program: string): LaunchClient {
  return {
    ...CODEX,
    find: () => ({ found: true, command: process.execPath, arguments: ['-e', program] }),
    prepare: async ({ baseUrl, arguments: own }) => ({ arguments: [baseUrl, ...own], env: {} }),
  }
}

/** Makes one call with its key, on its session or not at all; exits with 0 if it was served. */
export const ONE_CALL = scriptedClient(`
  const [url] = process.argv.slice(1)
  const headers = {
    authorization: 'Bearer ' + process.env.SYNTH_BRIDGE_KEY,
    'content-type': 'application/json',
  }
  const body = JSON.stringify({ model: 'm', input: 'hi' })
  const answer = await fetch(url + '/responses', { method: 'POST', headers, body })
  await answer.text()
  const isOurs = answer.headers.get('x-synth-session-id') === process.env.SYNTH_SESSION_ID
  process.exit(isOurs ? answer.status - 200 : 98)`)

export const QUIET = scriptedClient('')
/** Shows by its exit code that it was started after all. */
export const NEVER_STARTED = scriptedClient('process.exit(99)')

export interface StagedLaunch {
  readonly exit: Promise<number>
  stdout(): string
  stderr(): string
  send(signal: NodeJS.Signals): void
}

export interface StageOptions {
  readonly client: LaunchClient
  readonly cli: TestCli
  readonly flags?: LaunchFlags
  readonly env?: Readonly<Record<string, string>>
  readonly fetch?: typeof globalThis.fetch
}

export function stageLaunch(options: StageOptions): StagedLaunch {
  const { client, cli, flags = {}, env = {}, fetch = globalThis.fetch } = options
  const said = { stdout: '', stderr: '' }
  const context: CliContext = {
    cwd: cli.cwd,
    env: { HOME: join(cli.cwd, 'home'), ...env },
    isTerminal: false,
    stderrIsTerminal: false,
    columns: undefined,
    hasColors: false,
    fetch,
    openPrompter: undefined,
    openScreen: undefined,
    interrupted: () => new Promise(() => {}),
    stdout: (text) => {
      said.stdout += text
    },
    stderr: (text) => {
      said.stderr += text
    },
  }
  let listener: (name: NodeJS.Signals) => void = () => {}
  const ownProcess: LaunchProcess = {
    terminal: undefined,
    sharesTerminal: false,
    onSignal(given) {
      listener = given
      return () => {}
    },
  }
  return {
    exit: launch({ client, arguments: [], flags, context, ownProcess }),
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    send: (signal) => listener(signal),
  }
}

export const launchesFolder = ({ cwd }: TestCli): string =>
  join(cwd, 'home', '.local', 'state', 'synth', 'launches')

/** Neither a record of the launch, nor the entry of a bridge. */
export function expectNothingLeft(cli: TestCli): void {
  for (const folder of [launchesFolder(cli), join(launchesFolder(cli), '..', 'bridges')]) {
    expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([])
  }
}
