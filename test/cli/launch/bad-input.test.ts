/** What keeps a client from being started: each with its message and exit code, and nothing left. */
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../../src/cli/context.ts'
import type { LaunchClient } from '../../../src/cli/launch/client.ts'
import type { LaunchFlags } from '../../../src/cli/launch/prepare.ts'
import { createTestCli, nobodyAnswers } from '../../support/cli.ts'
import {
  deadPort,
  expectNothingLeft,
  NEVER_STARTED,
  ONE_CALL,
  openServer,
  PRICE,
  QUIET,
  stageLaunch,
  tomlOf,
} from './stage.ts'

interface Case {
  readonly what: string
  readonly args?: readonly string[]
  readonly toml?: string
  readonly text: RegExp
}

const NOWHERE = tomlOf('http://127.0.0.1:9/v1')
const CASES: readonly Case[] = [
  {
    what: 'no configuration, and nothing found',
    text: /No model server: There is no configuration.*Run "synth init"/,
  },
  {
    what: 'a file without upstreams, and nothing found',
    toml: '',
    text: /No model server: .*synth\.toml names none/,
  },
  { what: 'broken TOML', toml: '[server\n', text: /synth\.toml:1: / },
  {
    what: 'an unknown key',
    toml: '[server]\nprot = 1\n',
    text: /synth\.toml:2: server\.prot .*"?port/,
  },
  {
    what: 'a file that is not there',
    args: ['--config', 'x.toml'],
    text: /x\.toml: .*cannot be read: there is no such file/,
  },
  {
    what: 'a file that is a folder',
    args: ['--config', 'home'],
    text: /home: .*cannot be read: it is a folder/,
  },
  {
    what: 'a limit that is no amount',
    args: ['--limit-cost-usd', 'five'],
    text: /--limit-cost-usd.*five/,
  },
  {
    what: 'a limit and none',
    args: ['--no-limit', '--limit-tokens', '5'],
    toml: NOWHERE,
    text: /--no-limit and a limit contradict each other/,
  },
  {
    what: 'an address that is none',
    args: ['--url', 'bridge'],
    text: /--url "bridge" is not the address of a bridge/,
  },
  {
    what: 'an unknown option',
    args: ['--modle', 'm'],
    text: /unknown option '--modle'[\s\S]*--model/,
  },
  {
    what: 'a key of the bridge that is not set',
    args: ['--api-key-env', 'NOPE'],
    toml: NOWHERE,
    text: /--api-key-env: the environment variable NOPE is not set/,
  },
]

describe('wrong usage or configuration exits with 2', () => {
  test.each(CASES)('$what', async ({ args = [], toml, text }) => {
    const cli = createTestCli(toml === undefined ? {} : { 'synth.toml': toml })
    const { code, stdout, stderr } = await cli.run(['codex', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(text)
    expectNothingLeft(cli)
  })

  test.each([[['exec', '--json', 'hi']], [['--', '--json']]])(
    'what is the client’s is no fault of ours: %j',
    async (args) => {
      const { code, stderr } = await createTestCli().run(['codex', ...args])
      expect(code).toBe(2)
      expect(stderr).toMatch(/^synth: No model server/)
    },
  )

  test('OpenCode reads its own files, and not Codex’s', async () => {
    const cli = createTestCli({
      'codex-config.toml': '[server\n',
      'opencode.toml': '[srver]\n',
      'bin/opencode': '',
    })
    chmodSync(join(cli.cwd, 'bin/opencode'), 0o755)
    const { code, stderr } = await cli.run(['opencode'], { env: { PATH: join(cli.cwd, 'bin') } })
    expect(code).toBe(2)
    expect(stderr).toMatch(/opencode\.toml:1: srver /)
  })
})

describe('what is not there exits with 1', () => {
  test('a bridge that nobody runs', async () => {
    const url = `http://127.0.0.1:${await deadPort()}`
    const { code, stderr } = await createTestCli().run(['codex', '--url', url], { fetch })
    expect(code).toBe(1)
    expect(stderr).toContain(`No bridge answers at ${url}.`)
  })

  test('OpenCode', async () => {
    const { code, stderr } = await createTestCli().run(['opencode'], { env: { PATH: '/nowhere' } })
    expect(code).toBe(1)
    expect(stderr).toContain('npm install --global opencode-ai')
  })

  test('a client, whichever', async () => {
    const client: LaunchClient = {
      ...NEVER_STARTED,
      find: () => ({ found: false, message: 'Install it.' }),
    }
    const { exit } = stageLaunch({ client, cli: createTestCli() })
    await expect(exit).rejects.toMatchObject({ exitCode: 1, message: 'Install it.' })
  })

  test('a client that cannot be started', async () => {
    const server = await openServer()
    const cli = createTestCli({ 'synth.toml': tomlOf(server.baseUrl, '[models.m]\n'), broken: '' })
    const client: LaunchClient = {
      ...NEVER_STARTED,
      find: () => ({ found: true, command: join(cli.cwd, 'broken'), arguments: [] }),
    }
    const { exit } = stageLaunch({ client, cli })
    await expect(exit).rejects.toThrow('cannot be started (EACCES)')
    expectNothingLeft(cli)
  })
})

describe('the upstream is looked at first, for nothing', () => {
  test.each<[what: string, toml: string, env: Record<string, string>, text: RegExp]>([
    [
      'a key that is wrong',
      `api_key_env = "K"\n[models.m]\n${PRICE}`,
      { K: 'sk-wrong-secret-0815' },
      /key: [\s\S]*-> Put a valid key into \$K/,
    ],
    [
      'a key that is not set',
      `api_key_env = "K"\n[models.m]\n${PRICE}`,
      {},
      /key: \$K is not set\n.*-> Set it .*export K=/,
    ],
    [
      'no key where one is wanted',
      `[models.m]\n${PRICE}`,
      {},
      /key: [\s\S]*-> It wants a key: .*api_key_env in \[upstreams\.local\]/,
    ],
  ])('%s', async (_, toml, env, text) => {
    const server = await openServer({ key: 'right' })
    const cli = createTestCli({ 'synth.toml': tomlOf(server.baseUrl, toml) })
    const { exit } = stageLaunch({ client: NEVER_STARTED, cli, env })
    await expect(exit).rejects.toBeInstanceOf(RefusedError)
    await expect(exit).rejects.toThrow(text)
    await expect(exit).rejects.not.toThrow('0815')
    expect(server.received.every(({ method }) => method === 'GET')).toBe(true)
    expectNothingLeft(cli)
  })

  test('one that is dead', async () => {
    const address = `http://127.0.0.1:${await deadPort()}/v1`
    const cli = createTestCli({ 'synth.toml': tomlOf(address, '[models.m]\n') })
    const { exit } = stageLaunch({ client: NEVER_STARTED, cli })
    await expect(exit).rejects.toThrow(
      /"local" \(http:\S+\) cannot be used, so nothing was started\.\n {2}reachable: /,
    )
    expectNothingLeft(cli)
  })

  test('one that is no model server', async () => {
    const server = await openServer({
      override: (_, response) => {
        response.end('<html>hello</html>')
        return true
      },
    })
    const cli = createTestCli({ 'synth.toml': tomlOf(server.baseUrl, '[models.m]\n') })
    const { exit } = stageLaunch({ client: NEVER_STARTED, cli })
    await expect(exit).rejects.toThrow(
      /reachable: .*\n.*-> Is base_url the address of a model server/,
    )
  })

  test('a model without a price, while a cost limit is in force', async () => {
    const server = await openServer()
    // Not by its loopback address: what runs on this machine is free.
    const remote = server.baseUrl.replace('127.0.0.1', 'models.test')
    const here: typeof fetch = (input, init) =>
      fetch(String(input).replace('models.test', '127.0.0.1'), init)
    const cli = createTestCli({ 'synth.toml': tomlOf(remote, '[models.m]\n') })
    const limited = stageLaunch({ client: NEVER_STARTED, cli, fetch: here })
    await expect(limited.exit).rejects.toThrow(
      /price: none is known for "m"[\s\S]*-> Add to \[models\.m\]: price =/,
    )
    const free = stageLaunch({ client: QUIET, cli, fetch: here, flags: { limit: false } })
    expect(await free.exit).toBe(0)
    expect(free.stderr()).toContain('NO LIMIT')
  })
})

describe('the model', () => {
  test.each<[what: string, models: string, flags: LaunchFlags, text: RegExp]>([
    [
      'that is unknown',
      '[models.small]\nupstream = "a"\n[models.large]\nupstream = "a"\n',
      { model: 'smal' },
      /--model: Model "smal" is not known. Did you mean "small"/,
    ],
    [
      'where there are several to choose from',
      '',
      {},
      /Which model\? Name one with --model.* There is "a\/m", "b\/m"\./,
    ],
  ])('%s', async (_, models, flags, text) => {
    const { baseUrl } = await openServer()
    const toml = `${tomlOf(baseUrl).replace('local', 'a')}[upstreams.b]\nbase_url = "${baseUrl}"\n`
    const cli = createTestCli({ 'synth.toml': toml + models })
    const { exit } = stageLaunch({ client: NEVER_STARTED, cli, flags })
    await expect(exit).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(text) })
    expectNothingLeft(cli)
  })

  test('that the upstream does not list is warned of', async () => {
    const { baseUrl } = await openServer()
    const cli = createTestCli({ 'synth.toml': tomlOf(baseUrl, '[models.n]\n') })
    const launched = stageLaunch({ client: QUIET, cli })
    expect(await launched.exit).toBe(0)
    expect(launched.stderr()).toContain(
      'warning: the upstream "local": it lists no "n". Did you mean "m"?\n',
    )
  })

  test('that is built in has to be named: it answers nothing', async () => {
    // Only the bridge itself answers: it runs in this process, on a port that no model server has.
    const nobodyElse: typeof fetch = (input, init) =>
      /:(11434|1234|8080|8000)\//.test(String(input))
        ? nobodyAnswers(input, init)
        : fetch(input, init)
    const options = { cli: createTestCli(), fetch: nobodyElse }
    const unnamed = stageLaunch({ ...options, client: NEVER_STARTED })
    await expect(unnamed.exit).rejects.toThrow('No model server')
    const named = stageLaunch({ ...options, client: QUIET, flags: { model: 'synth-demo' } })
    expect(await named.exit).toBe(0)
  })
})

test('a key of the bridge that the environment lacks', async () => {
  const { baseUrl } = await openServer()
  const keys = `[models.m]\n${PRICE}[[keys]]\nname = "me"\nkey_env = "MY_KEY"\n`
  const cli = createTestCli({ 'synth.toml': tomlOf(baseUrl, keys) })
  const launched = stageLaunch({ client: ONE_CALL, cli, env: { MY_KEY: 'secret' } })
  expect(await launched.exit).toBe(0)
  const { exit } = stageLaunch({ client: NEVER_STARTED, cli })
  await expect(exit).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('Set MY_KEY in the environment.'),
  })
  expectNothingLeft(cli)
})
