/** A launch from its start to its end, with small programs for clients. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { LaunchClient } from '../../../src/cli/launch/client.ts'
import { startTestBridge } from '../../support/bridge.ts'
import { createTestCli, nobodyAnswers } from '../../support/cli.ts'
import {
  expectNothingLeft,
  launchesFolder,
  NEVER_STARTED,
  ONE_CALL,
  openServer,
  PRICE,
  QUIET,
  scriptedClient,
  stageLaunch,
  tomlOf,
} from './stage.ts'

const sessionsOf = async (url: string): Promise<{ status: string }[]> =>
  (await (await fetch(`${url}/api/v1/sessions`)).json()) as { status: string }[]

async function openBridge() {
  const { baseUrl } = await openServer()
  const bridge = await startTestBridge({
    config: { upstreams: { local: { base_url: baseUrl } }, models: { m: {} } },
  })
  onTestFinished(() => bridge.close())
  return bridge
}

test('the client’s calls are its session’s, and are summed up', async () => {
  const { baseUrl } = await openServer()
  const cli = createTestCli({ 'synth.toml': tomlOf(baseUrl, `[models.m]\n${PRICE}`) })
  const launched = stageLaunch({ client: ONE_CALL, cli, flags: { limitCostUsd: '1' } })
  expect(await launched.exit).toBe(0)
  expect(launched.stdout()).toBe('')
  expect(launched.stderr()).toMatch(
    /^synth: spent \$0\.00005\d* of \$1\.00, 14 tokens, 1 call in .*; \$0\.99 left\n$/,
  )
  expectNothingLeft(cli)
})

test.each<[how: string, program: string, code: number]>([
  ['an exit code', 'process.exit(7)', 7],
  ['a signal', 'process.kill(process.pid, "SIGKILL")', 137],
])('the exit code is the client’s: %s', async (_, program, code) => {
  const { baseUrl } = await openServer()
  const cli = createTestCli({ 'synth.toml': tomlOf(baseUrl, '[models.m]\n') })
  expect(await stageLaunch({ client: scriptedClient(program), cli }).exit).toBe(code)
  expectNothingLeft(cli)
})

test('the client is told of every model, with the window that the file or the upstream knows', async () => {
  const { baseUrl } = await openServer()
  const other = '[models.n]\ncontext_window = 9000\nmax_output_tokens = 100\nmodel = "m"\n'
  const cli = createTestCli({ 'synth.toml': tomlOf(baseUrl, `[models.m]\n${other}`) })
  let setup: Parameters<LaunchClient['prepare']>[0] | undefined
  const client: LaunchClient = {
    ...QUIET,
    prepare: async (given) => {
      setup = given
      return { arguments: [], env: {} }
    },
  }
  expect(await stageLaunch({ client, cli }).exit).toBe(0)
  expect(setup?.model).toEqual({ name: 'm', contextWindow: 4096, maxOutputTokens: undefined })
  expect(setup?.models.map(({ name, contextWindow }) => [name, contextWindow])).toEqual([
    ['m', 4096],
    ['n', 9000],
  ])
})

test('without models in the file, the only one that is offered is taken', async () => {
  const { baseUrl } = await openServer()
  const cli = createTestCli({ 'synth.toml': tomlOf(baseUrl) })
  expect(await stageLaunch({ client: QUIET, cli }).exit).toBe(0)
})

test('a bridge that is named is used, and left running', async () => {
  const bridge = await openBridge()
  const cli = createTestCli()
  const flags = { url: `${bridge.url}/v1` }
  expect(await stageLaunch({ client: ONE_CALL, cli, flags }).exit).toBe(0)
  expect((await sessionsOf(bridge.url)).map(({ status }) => status)).toEqual(['ended'])
  expectNothingLeft(cli)
})

test('a signal before the client runs ends the launch, with nothing started', async () => {
  const { baseUrl } = await openServer({ override: () => true })
  const cli = createTestCli({ 'synth.toml': tomlOf(baseUrl, '[models.m]\n') })
  const asked = Promise.withResolvers<void>()
  const watched: typeof fetch = (input, init) => {
    asked.resolve()
    return fetch(input, init)
  }
  const launched = stageLaunch({ client: NEVER_STARTED, cli, fetch: watched })
  await asked.promise
  launched.send('SIGINT')
  expect(await launched.exit).toBe(130)
  expect(launched.stderr()).toBe('')
  expectNothingLeft(cli)
})

test('a session that could not be ended is left to the next launch', async () => {
  const bridge = await openBridge()
  const cli = createTestCli()
  let isLost = false
  const losing: typeof fetch = (input, init) =>
    isLost ? nobodyAnswers(input, init) : fetch(input, init)
  const client: LaunchClient = {
    ...QUIET,
    prepare: async () => {
      isLost = true
      return { arguments: [], env: {} }
    },
  }
  const flags = { url: bridge.url }
  const lost = stageLaunch({ client, cli, flags, fetch: losing })
  expect(await lost.exit).toBe(0)
  expect(lost.stderr()).toContain('the bridge is gone')
  expect((await sessionsOf(bridge.url)).map(({ status }) => status)).toEqual(['active'])

  // The launcher is this process, and lives: let it have been another one, that is gone.
  const [name = ''] = readdirSync(launchesFolder(cli))
  const path = join(launchesFolder(cli), name)
  const record = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(
    path,
    JSON.stringify({ ...record, launcher: { ...record.launcher, startedAt: '1' } }),
  )
  mkdirSync(record.folder)
  expect(await stageLaunch({ client: QUIET, cli, flags }).exit).toBe(0)
  expect((await sessionsOf(bridge.url)).map(({ status }) => status)).toEqual(['ended', 'ended'])
  expect(existsSync(record.folder)).toBe(false)
  expectNothingLeft(cli)
})
