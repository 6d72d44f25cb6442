/** `synth rollout` on a bridge of its own: task apps that know nothing of it, and a provider that sees all. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createTestCli } from '../support/cli.ts'
import {
  type HttpUpstream,
  type ReceivedRequest,
  startHttpUpstream,
} from '../support/http-upstream.ts'
import { sendJson } from '../support/model-server.ts'
import { startExample, startPythonApp } from '../support/task-app.ts'

const PROVIDER_KEY = 'sk-provider-5f2c8a9e1b7d'
const APP_KEY = 'sk_env_4d81c3aa90'

const textsOf = ({ body }: ReceivedRequest): string[] =>
  (body['messages'] as { content: string }[]).map(({ content }) => content)

/** Says `says`; a call uses 50 tokens in and 2 out. */
async function startProvider(says: (request: ReceivedRequest) => string): Promise<HttpUpstream> {
  const provider = await startHttpUpstream((request, response) => {
    if (request.method === 'GET') return void sendJson(response, 200, { data: [{ id: 'm' }] })
    const message = { role: 'assistant', content: says(request) }
    sendJson(response, 200, {
      id: 'x',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage: { prompt_tokens: 50, completion_tokens: 2, total_tokens: 52 },
    })
  })
  onTestFinished(() => provider.close())
  return provider
}

function openCli(provider: HttpUpstream, files: Readonly<Record<string, string>> = {}) {
  const toml = `[server]
store = "memory"
[upstreams.local]
base_url = "${provider.baseUrl}"
api_key_env = "PROVIDER_KEY"
[models.m]
upstream = "local"
price = { input = "1", output = "10" }
`
  const cli = createTestCli({ 'synth.toml': toml, ...files })
  const env = { PROVIDER_KEY, ENVIRONMENT_API_KEY: APP_KEY }
  return {
    run: (taskApp: string, flags: readonly string[]) =>
      cli.run(['rollout', '--task-app', taskApp, '--model', 'm', '--out', 'x.jsonl', ...flags], {
        env,
        fetch: globalThis.fetch,
      }),
    read: () => readFileSync(join(cli.cwd, 'x.jsonl'), 'utf8'),
  }
}

const rewardsIn = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((row) => JSON.parse(row))
    .toSorted((left, right) => left.seed - right.seed)
    .map(({ reward }) => reward)

const calls = ({ received }: HttpUpstream): ReceivedRequest[] =>
  received.filter(({ method }) => method === 'POST')

test('the example, with a candidate: the provider sees it, and its own key alone', async () => {
  const provider = await startProvider(() => 'billing')
  const replacement = { apply_to_role: 'system', old_text: 'Answer', new_text: 'Kindly answer' }
  const cli = openCli(provider, { 'c.json': JSON.stringify({ replacements: [replacement] }) })
  const url = await startExample('support-mail', { ENVIRONMENT_API_KEY: APP_KEY })
  const flags = ['--seeds', '0:5', '--limit-cost-usd', '1', '--candidate', 'c.json']
  const { stdout, stderr } = await cli.run(url, flags)

  expect(rewardsIn(cli.read())).toEqual([1, 0, 0, 0, 0])
  expect(stdout).toContain('260 tokens, 5 calls')
  expect(stdout).toContain('spent $0.00035 of $1.00')
  expect(calls(provider).map((call) => textsOf(call)[0]?.slice(0, 13))).toEqual(
    Array(5).fill('Kindly answer'),
  )
  expect(new Set(calls(provider).map(({ headers }) => headers.authorization))).toEqual(
    new Set([`Bearer ${PROVIDER_KEY}`]),
  )
  expect(JSON.stringify(provider.received)).not.toContain(APP_KEY)
  const said = stdout + stderr + cli.read()
  for (const secret of [PROVIDER_KEY, APP_KEY]) expect(said).not.toContain(secret)
})

test('a Python app that sends no model gets the one of the run', async () => {
  const provider = await startProvider((call) => textsOf(call).at(-1)?.match(/\d+/g)?.at(-1) ?? '')
  const cli = openCli(provider)
  const url = await startPythonApp('sums.py', { ENVIRONMENT_API_KEY: APP_KEY })
  await cli.run(url, ['--seeds', '0:3'])
  expect(rewardsIn(cli.read())).toEqual([1, 1, 1])
  expect(calls(provider).map(({ body }) => body['model'])).toEqual(['m', 'm', 'm'])
})

test('a container whose client puts paths behind its base URL, with a key of its own', async () => {
  const provider = await startProvider((call) => textsOf(call).at(-1) ?? '')
  const cli = openCli(provider)
  await cli.run(await startPythonApp('container.py'), ['--seeds', '0:3'])
  expect(rewardsIn(cli.read())).toEqual([1, 1, 1])
  expect(JSON.stringify(provider.received)).not.toContain('sk-own-key-of-the-container')
})

test('a malformed candidate is wrong usage, in the words of the bridge', async () => {
  const provider = await startProvider(() => 'billing')
  const candidate = { replacements: [{ apply_to_role: 'sys', new_text: 'x' }] }
  const cli = openCli(provider, { 'c.json': JSON.stringify(candidate) })
  const url = await startExample('support-mail', { ENVIRONMENT_API_KEY: APP_KEY })
  const { code, stderr } = await cli.run(url, ['--seeds', '0:5', '--candidate', 'c.json'])
  expect(code).toBe(2)
  expect(stderr).toContain('synth: --candidate: candidate.replacements[0].apply_to_role is "sys"')
  expect(calls(provider)).toEqual([])
})

test('a budget that covers no call ends the run, and nothing is sent', async () => {
  const provider = await startProvider(() => 'billing')
  const cli = openCli(provider)
  const url = await startExample('support-mail', { ENVIRONMENT_API_KEY: APP_KEY })
  const flags = ['--seeds', '0:30', '--concurrency', '2', '--limit-cost-usd', '0.0001']
  const { code, stdout, stderr } = await cli.run(url, flags)
  expect(code).toBe(1)
  expect(stderr).toContain('the budget of this run refuses calls, so no more seeds are run')
  expect(stdout).toMatch(/0 of 30 done, [12] failed, (28|29) not run/)
  expect(calls(provider)).toEqual([])
})
