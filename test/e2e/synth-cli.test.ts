/**
 * Synth's own Python CLI, pointed at the bridge with its `--url`: the requests that its client makes,
 * and Codex started with the arguments that it gives it. It asks for sessions below whatever base URL
 * it was given, and attaches to them by nothing but the key.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runCodexExec } from '../../src/codex/exec.ts'
import { findCodex } from '../../src/codex/find.ts'
import { configOf, startBridge } from './harness/bridge.ts'
import { messageText } from './harness/read-request.ts'
import { call, say } from './harness/turns.ts'
import { type Script, startUpstream } from './harness/upstream.ts'

const KEY = 'sk_synth_live_0815'
const MODEL = 'synth-small'

interface SessionReply {
  readonly session_id: string
  readonly org_id: string
  readonly status: string
  readonly current_usage: { readonly api_calls: number; readonly cost_usd: string }
  readonly limit_value: string
}

async function open(script: Script) {
  const folder = mkdtempSync(join(tmpdir(), 'synth-cli-e2e-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const upstream = await startUpstream(script)
  onTestFinished(() => upstream.close())
  const config = configOf(upstream.url, 'price = { input = "1", output = "10" }')
  const bridge = await startBridge({ folder, config })
  onTestFinished(() => bridge.close())
  const send = async (method: 'GET' | 'POST', url: string, json?: unknown) => {
    const answer = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${KEY}`,
        'x-api-key': KEY,
        accept: '*/*',
        'content-type': 'application/json',
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
    expect(answer.headers.get('content-type')).toContain('application/json')
    return { status: answer.status, body: (await answer.json()) as SessionReply & SessionReply[] }
  }
  return { folder, upstream, bridge, send }
}

/** As `AgentSessionClient.create` sends it: `None` becomes null, an amount a float. */
const CREATE = {
  limits: [
    {
      limit_type: 'hard',
      metric_type: 'cost_usd',
      limit_value: 20.0,
      warning_threshold: null,
      window_seconds: null,
      expires_at: null,
    },
  ],
  tracing_session_id: null,
  session_type: 'codex_agent',
  expires_at: null,
  metadata: {},
  session_id: null,
  make_active: true,
}

test.each(['/api/synth-research/v1', '/api/synth-research', '/api/synth-research/v1/responses'])(
  'codex --wire-api responses at %s runs within its session',
  async (path) => {
    const { folder, upstream, bridge, send } = await open([
      call('exec_command', { cmd: 'echo violet' }),
      say('It says violet.'),
    ])
    const url = bridge.url + path
    // A base that ends in /responses is Codex's alone: there the sessions are asked for beside it.
    const sessions = `${url.replace(/\/responses$/, '')}/api/v1`
    const me = await send('GET', `${sessions}/me`)
    expect(me.body.org_id).toMatch(/^[0-9a-f-]{36}$/)
    const created = await send('POST', `${sessions}/sessions`, CREATE)
    expect(created.status).toBe(201)
    const one = `${sessions}/sessions/${created.body.session_id}`

    const codex = findCodex(process.env)
    if (!codex.found) throw new Error(codex.message)
    const [home, work] = ['home', 'work'].map((name) => {
      mkdirSync(join(folder, name))
      return join(folder, name)
    }) as [string, string]
    const provider = `{name="Synth",base_url="${url}",env_key="OPENAI_API_KEY",wire_api="responses"}`
    const run = await runCodexExec({
      codex,
      arguments: [
        ...['-m', MODEL, '-c', `model_providers.synth=${provider}`],
        ...['-c', 'model_provider="synth"', '-c', `default_model="${MODEL}"`],
        ...['--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', 'say it'],
      ],
      cwd: work,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: home,
        CODEX_HOME: home,
        OPENAI_API_KEY: KEY,
        SYNTH_API_KEY: KEY,
        SYNTH_SESSION_ID: created.body.session_id,
      },
      timeoutMs: 60_000,
    })
    expect(run.exitCode, run.stderr).toBe(0)
    expect(JSON.stringify(run.events)).toContain('It says violet.')
    expect(upstream.requests).toHaveLength(2)
    expect(upstream.requests[0]?.headers.authorization).not.toContain(KEY)

    expect(
      (await send('GET', `${sessions}/sessions?status=active&limit=100&offset=0`)).body,
    ).toHaveLength(1)
    expect((await send('GET', one)).body).toMatchObject({
      status: 'active',
      current_usage: { api_calls: 2, cost_usd: '0.0024' },
    })
    const raise = { metric_type: 'cost_usd', increase_by: 5.0 }
    expect((await send('POST', `${one}/limits/increase`, raise)).body.limit_value).toBe('25')
    expect((await send('POST', `${one}/end`, {})).body.status).toBe('ended')
  },
  60_000,
)

test('codex --wire-api chat, as Codex 0.46 speaks it, runs within its session', async () => {
  const { upstream, bridge, send } = await open([say('Done.')])
  const url = `${bridge.url}/api/synth-research`
  const created = await send('POST', `${url}/api/v1/sessions`, CREATE)
  const answer = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      originator: 'codex_exec',
      'user-agent': 'codex_exec/0.46.0',
      conversation_id: 'c',
      session_id: 'c',
    },
    body: JSON.stringify({
      model: MODEL,
      messages: [
        { role: 'system', content: 'You are a coding agent.' },
        { role: 'user', content: 'go on' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'call_1',
              type: 'function',
              function: { name: 'shell', arguments: '{"command":["ls"]}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: '{"output":"a.txt"}' },
        // Of the same turn as the call, and after its result all the same.
        { role: 'assistant', content: 'I looked.' },
      ],
      stream: true,
      tools: [
        {
          type: 'function',
          function: {
            name: 'shell',
            strict: false,
            parameters: { type: 'object', properties: {} },
          },
        },
      ],
    }),
  })
  const frames = (await answer.text()).split('\n\n').filter((frame) => frame !== '')
  expect(answer.status).toBe(200)
  expect(frames.at(-1)).toBe('data: [DONE]')
  expect(frames.join()).toContain('Done.')
  const { body } = await upstream.arrival(0)
  expect(body.messages.map(({ role }) => role)).toEqual([
    'system',
    'user',
    'assistant',
    'tool',
    'assistant',
  ])
  expect(body.messages.map(messageText).at(-1)).toBe('I looked.')
  const shown = await send('GET', `${url}/api/v1/sessions/${created.body.session_id}`)
  expect(shown.body.current_usage.api_calls).toBe(1)
})
