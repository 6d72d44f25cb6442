/** `synth codex` with the real Codex: every way in, and every way out. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { eventually, withDeadline } from './harness/deadline.ts'
import { openLaunchScene } from './harness/launch-scene.ts'
import { messageText, outputsIn, toolNames } from './harness/read-request.ts'
import { call, fallsSilent, say } from './harness/turns.ts'
import type { UpstreamRequest } from './harness/upstream.ts'

// Two or three starts of Codex each, on a machine that may do other things.
vi.setConfig({ testTimeout: 60_000 })

const EXEC = ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox']
/** A tenth of a cent a thousand tokens: the calls of these scripts cost $0.0012 each. */
const SUMMARY =
  /^synth: spent \$([\d.]+) of \$([\d.]+), ([\d,]+) tokens, (\d+) calls? in .+ left.*$/m
const loop = (calls: number) =>
  Array.from({ length: calls }, (_, index) =>
    call('exec_command', { cmd: 'true' }, `call_${index}`),
  )
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('exec', () => {
  test('answers on stdout, sums up on stderr, and leaves nothing behind', async () => {
    const scene = await openLaunchScene({ script: [say('Good morning.')] })
    const run = scene.start(['codex', '--limit-cost-usd', '0.5', '--', ...EXEC, 'hi'])
    expect(await run.exit, run.stderr()).toBe(0)
    expect(run.stdout()).toBe('Good morning.\n')
    expect(SUMMARY.exec(run.stderr())?.slice(1)).toEqual(['0.0012', '0.50', '1,020', '1'])
    expect(run.stderr()).not.toContain('Model metadata')
    expect(scene.leftBehind()).toEqual([])
    expect(await scene.sessions()).toMatchObject([
      {
        status: 'ended',
        session_type: 'codex_agent',
        current_usage: { api_calls: 1, cost_usd: '0.0012' },
        limits: [{ metric_type: 'cost_usd', limit_value: '0.5' }],
      },
    ])
  })

  test('the user’s own configuration stays as it is, and their MCP servers stay in it', async () => {
    const scene = await openLaunchScene({ script: [say('Hello.')] })
    const server = fileURLToPath(new URL('harness/mcp-server.ts', import.meta.url))
    const config = [
      'model = "gpt-6.1-sol"',
      'model_provider = "elsewhere"',
      '[model_providers.elsewhere]',
      'name = "Elsewhere"',
      'base_url = "http://127.0.0.1:9/v1"',
      '[mcp_servers.mini]',
      `command = ${JSON.stringify(process.execPath)}`,
      `args = [${JSON.stringify(server)}]`,
      'startup_timeout_sec = 20',
      '',
    ].join('\n')
    mkdirSync(join(scene.home, '.codex'))
    writeFileSync(join(scene.home, '.codex', 'config.toml'), config)
    const run = scene.start(['codex', '--', ...EXEC, 'hi'])
    expect(await run.exit, run.stderr()).toBe(0)
    const { body } = await scene.upstream.arrival(0)
    expect(toolNames(body)).toEqual(expect.arrayContaining(['apply_patch', 'mcp__mini__echo']))
    expect(toolNames(body)).not.toContain('create_goal')
    expect(readFileSync(join(scene.home, '.codex', 'config.toml'), 'utf8')).toBe(config)
  })

  test('with --json stdout is Codex’s events and nothing else', async () => {
    const scene = await openLaunchScene({ script: [say('Hello.')] })
    const run = scene.start(['codex', '--', ...EXEC, '--json', 'hi'])
    expect(await run.exit, run.stderr()).toBe(0)
    const events = run
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string })
    expect(events[0]?.type).toBe('thread.started')
    expect(events.at(-1)?.type).toBe('turn.completed')
    expect(events.filter(({ type }) => type.includes('error'))).toEqual([])
  })

  test('a conversation is resumed, in a session of its own', async () => {
    const scene = await openLaunchScene({ script: [say('It is violet.'), say('Violet, I said.')] })
    const first = scene.start(['codex', '--', ...EXEC, 'which colour?'])
    expect(await first.exit, first.stderr()).toBe(0)
    const args = ['codex', '--', ...EXEC, 'resume', '--last', 'say it again']
    const second = scene.start(args)
    expect(await second.exit, second.stderr()).toBe(0)
    expect(second.stdout()).toContain('Violet, I said.')
    const texts = (await scene.upstream.arrival(1)).body.messages.map(messageText)
    expect(texts).toEqual(expect.arrayContaining(['which colour?', 'It is violet.']))
    const calls = (await scene.sessions()).map(({ current_usage }) => current_usage.api_calls)
    expect(calls).toEqual([1, 1])
  })

  test('the user’s own --model wins, and is the one that is checked', async () => {
    const scene = await openLaunchScene({ script: [say('Big.')], toml: '[models.big]\n' })
    const run = scene.start(['codex', '--', ...EXEC, '-m', 'big', 'hi'])
    expect(await run.exit, run.stderr()).toBe(0)
    expect((await scene.upstream.arrival(0)).body.model).toBe('big')
    const wrong = scene.start(['codex', '--', ...EXEC, '-m', 'bog', 'hi'])
    expect(await wrong.exit).toBe(2)
    expect(wrong.stderr()).toContain('Did you mean "big"?')
  })

  test('--no-limit says so loudly', async () => {
    const scene = await openLaunchScene({ script: [say('Hello.')] })
    const run = scene.start(['codex', '--no-limit', '--', ...EXEC, 'hi'])
    expect(await run.exit).toBe(0)
    expect(run.stderr()).toContain('NO LIMIT: nothing stops this session of Codex from spending.')
    expect(run.stderr()).toMatch(/spent \$0\.0012, .*no limit was set$/m)
    expect((await scene.sessions())[0]?.limits).toEqual([])
  })

  test('a proxy in the environment is not asked for the bridge', async () => {
    const scene = await openLaunchScene({ script: [say('Hello.')] })
    const nowhere = 'http://127.0.0.1:9'
    const proxies = { HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere, ALL_PROXY: nowhere }
    const run = scene.start(['codex', '--', ...EXEC, 'hi'], proxies)
    expect(await run.exit, run.stderr()).toBe(0)
  })
})

describe('the limit', () => {
  test('ends Codex with its message, and is kept', async () => {
    const scene = await openLaunchScene({ script: loop(60) })
    const run = scene.start(['codex', '--limit-cost-usd', '0.03', '--', ...EXEC, 'loop'])
    expect(await run.exit).toBe(1)
    expect(run.stderr()).toMatch(/Session budget of \$0\.03 is used up \(\$0\.0\d+ spent\)/)
    expect(run.stderr()).toMatch(/^synth: spent .* left, the limit was reached$/m)
    const [session] = await scene.sessions()
    expect(session?.status).toBe('ended')
    expect(Number(session?.current_usage.cost_usd)).toBeLessThanOrEqual(0.03)
    expect(session?.current_usage.api_calls).toBe(scene.upstream.requests.length)
    expect(scene.leftBehind()).toEqual([])
  })

  test('of each of two at once is its own', async () => {
    // Both ask one upstream, in no fixed order: who asks is known by the prompt.
    const turn = ({ body }: UpstreamRequest) => {
      const asked = body.messages.map(messageText)
      if (asked.includes('loop')) {
        return call('exec_command', { cmd: 'true' }, `call_${body.messages.length}`)
      }
      return body.messages.at(-1)?.role === 'tool'
        ? say('Done.')
        : call('exec_command', { cmd: 'true' }, 'call_once')
    }
    const scene = await openLaunchScene({ script: Array.from({ length: 60 }, () => turn) })
    const small = scene.start(['codex', '--limit-cost-usd', '0.02', '--', ...EXEC, 'loop'])
    const large = scene.start(['codex', '--limit-cost-usd', '0.5', '--', ...EXEC, 'once'])
    expect(await large.exit, large.stderr()).toBe(0)
    expect(await small.exit).toBe(1)
    expect(SUMMARY.exec(large.stderr())?.[4]).toBe('2')
    expect(small.stderr()).toContain('Session budget of $0.02')
    const spent = (await scene.sessions()).map((session) => [
      session.limits[0]?.limit_value,
      Number(session.current_usage.cost_usd) <= Number(session.limits[0]?.limit_value),
    ])
    expect(spent.toSorted()).toEqual([
      ['0.02', true],
      ['0.5', true],
    ])
  })

  test('counts sub-agents, which have the same key', async () => {
    const nothing = { role: 'none', content: '' }
    const turn = ({ body }: UpstreamRequest) => {
      if (messageText(body.messages.at(-1) ?? nothing) === 'Count to 42.') return say('42.')
      const outputs = outputsIn(body.messages)
      const spawned = outputs['call_spawn']
      if (spawned === undefined) {
        return call('multi_agent_v1__spawn_agent', { message: 'Count to 42.' }, 'call_spawn')
      }
      if (outputs['call_wait'] !== undefined) return say('It did.')
      const targets = [/"agent_id":"([^"]+)"/.exec(spawned)?.[1]]
      return call('multi_agent_v1__wait_agent', { targets }, 'call_wait')
    }
    const scene = await openLaunchScene({ script: Array.from({ length: 6 }, () => turn) })
    const run = scene.start(['codex', '--', ...EXEC, 'count'])
    expect(await run.exit, run.stderr()).toBe(0)
    expect(scene.upstream.requests).toHaveLength(4)
    const sessions = await scene.sessions()
    expect(sessions.map(({ current_usage }) => current_usage.api_calls)).toEqual([4])
  })

  test('a session that is ended elsewhere ends Codex with the reason', async () => {
    const scene = await openLaunchScene({
      script: [
        call('exec_command', { cmd: 'while [ ! -e go ]; do sleep 0.05; done' }),
        say('Never said.'),
      ],
    })
    const run = scene.start(['codex', '--', ...EXEC, 'wait for it'])
    await withDeadline('the first call', 30_000, scene.upstream.arrival(0))
    const [url] = scene.bridges()
    const [session] = (await (await fetch(`${url}/api/v1/sessions`)).json()) as {
      session_id: string
    }[]
    const end = `${url}/api/v1/sessions/${session?.session_id}/end`
    expect((await fetch(end, { method: 'POST' })).status).toBe(200)
    writeFileSync(join(scene.work, 'go'), '')
    expect(await run.exit).toBe(1)
    expect(run.stderr()).toMatch(/Session sess_\w+ has ended/)
    expect(run.stderr()).toContain('the session was ended elsewhere')
    expect(scene.leftBehind()).toEqual([])
  })
})

describe('a signal', () => {
  test.each<[NodeJS.Signals, number]>([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 1],
  ])('%s reaches Codex, and the exit code is Codex’s', async (name, code) => {
    const scene = await openLaunchScene({ script: [fallsSilent('Well')] })
    const run = scene.start(['codex', '--', ...EXEC, 'hi'])
    await withDeadline('the call', 30_000, scene.upstream.arrival(0))
    const pid = scene.launches()[0]?.client?.pid ?? 0
    run.child.kill(name)
    const exit = await run.exit
    expect(exit).toBe(code)
    expect(isAlive(pid)).toBe(false)
    expect(run.stderr()).toMatch(/^synth: spent /m)
    expect(scene.leftBehind()).toEqual([])
    const [session] = await scene.sessions()
    expect(session).toMatchObject({ status: 'ended', reserved: { api_calls: 0 } })
  })

  test('that kills Codex is told by the exit code', async () => {
    const scene = await openLaunchScene({ script: [fallsSilent('Well')] })
    const run = scene.start(['codex', '--', ...EXEC, 'hi'])
    await withDeadline('the call', 30_000, scene.upstream.arrival(0))
    process.kill(scene.launches()[0]?.client?.pid ?? 0, 'SIGKILL')
    expect(await run.exit).toBe(137)
    expect(scene.leftBehind()).toEqual([])
    expect((await scene.sessions())[0]?.status).toBe('ended')
  })

  test('that kills the launcher leaves a session, which the next start ends', async () => {
    const scene = await openLaunchScene({ script: [fallsSilent('Well'), say('Hello.')] })
    const killed = scene.start(['codex', '--', ...EXEC, 'hi'])
    await withDeadline('the call', 30_000, scene.upstream.arrival(0))
    const [launch] = scene.launches()
    killed.child.kill('SIGKILL')
    await killed.exit
    const pid = launch?.client?.pid ?? 0
    expect(isAlive(pid)).toBe(true)
    expect(scene.leftBehind()).toHaveLength(3)

    const next = scene.start(['codex', '--', ...EXEC, 'again'])
    expect(await next.exit, next.stderr()).toBe(0)
    expect(isAlive(pid)).toBe(false)
    expect(scene.leftBehind()).toEqual([])
    const sessions = await scene.sessions()
    expect(sessions.map(({ status }) => status)).toEqual(['ended', 'ended'])
    expect(sessions[1]?.reserved.api_calls).toBe(0)
  })
})

describe('a bridge that runs', () => {
  test('is used by two at once, and outlives both', async () => {
    const scene = await openLaunchScene({
      script: [say('One.'), say('Two.')],
      toml: '[server]\nport = 0\n',
    })
    const bridge = scene.start(['serve'])
    const url = await eventually(
      'the ready line',
      15_000,
      () => /http:\S+/.exec(bridge.stdout())?.[0],
    )
    const runs = ['a', 'b'].map((prompt) => scene.start(['codex', '--', ...EXEC, prompt]))
    for (const run of runs) expect(await run.exit, run.stderr()).toBe(0)
    const sessions = (await (await fetch(`${url}/api/v1/sessions`)).json()) as {
      status: string
      current_usage: { api_calls: number }
    }[]
    expect(sessions.map(({ status, current_usage }) => [status, current_usage.api_calls])).toEqual([
      ['ended', 1],
      ['ended', 1],
    ])
    const named = scene.start(['codex', '--url', `${url}/v1`, '--model', 'none', '--', ...EXEC])
    expect(await named.exit).toBe(2)
    expect(named.stderr()).toContain('--model: The bridge at')
    bridge.child.kill('SIGTERM')
    expect(await bridge.exit).toBe(0)
    expect(scene.leftBehind()).toEqual([])
  })
})
