/** `synth opencode` with the real OpenCode. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLaunchScene } from './harness/launch-scene.ts'
import { call, say } from './harness/turns.ts'
import type { UpstreamRequest } from './harness/upstream.ts'

const SLOW_MS = 60_000
/** The title is asked for without tools, before the first turn or beside it. */
const isTitle = ({ body }: UpstreamRequest): boolean => (body.tools ?? []).length === 0

test(
  'runs a task on the bridge, its title counted, and leaves nothing behind',
  async () => {
    const turn = (request: UpstreamRequest) => {
      if (isTitle(request)) return say('A title')
      return request.body.messages.at(-1)?.role === 'tool'
        ? say('It says violet.')
        : call('bash', { command: 'cat seed.txt', description: 'Reads the seed' })
    }
    const scene = await openLaunchScene({ script: Array.from({ length: 6 }, () => turn) })
    writeFileSync(join(scene.work, 'seed.txt'), 'violet\n')
    const folder = join(scene.home, '.config', 'opencode')
    mkdirSync(folder, { recursive: true })
    const own = '{"$schema":"https://opencode.ai/config.json","model":"elsewhere/big"}'
    writeFileSync(join(folder, 'opencode.json'), own)

    const run = scene.start(['opencode', '--limit-cost-usd', '0.5', '--', 'run', 'read seed.txt'])
    expect(await run.exit, run.stderr()).toBe(0)
    expect(run.stdout()).toContain('It says violet.')
    const results = scene.upstream.requests.flatMap(({ body }) =>
      body.messages.filter(({ role }) => role === 'tool').map(({ content }) => String(content)),
    )
    expect(results.join()).toContain('violet')
    expect(run.stderr()).toMatch(/^synth: spent \$0\.00\d+ of \$0\.50, .* left$/m)
    const sessions = await scene.sessions()
    expect(sessions).toMatchObject([{ status: 'ended', session_type: 'opencode_agent' }])
    expect(sessions[0]?.current_usage.api_calls).toBe(scene.upstream.requests.length)
    expect(scene.upstream.requests.some(isTitle)).toBe(true)
    expect(readFileSync(join(folder, 'opencode.json'), 'utf8')).toBe(own)
    expect(scene.leftBehind()).toEqual([])
  },
  SLOW_MS,
)

test(
  'is stopped by its limit, at once and with the reason',
  async () => {
    const turn = (request: UpstreamRequest) =>
      isTitle(request)
        ? say('A title')
        : call(
            'bash',
            { command: 'true', description: 'Nothing' },
            `call_${request.body.messages.length}`,
          )
    const scene = await openLaunchScene({ script: Array.from({ length: 60 }, () => turn) })
    const run = scene.start(['opencode', '--limit-cost-usd', '0.05', '--', 'run', 'loop'])
    expect(await run.exit).toBe(1)
    expect(run.stderr()).toContain('Session budget of $0.05')
    expect(run.stderr()).toContain('the limit was reached')
    const [session] = await scene.sessions()
    expect(Number(session?.current_usage.cost_usd)).toBeLessThanOrEqual(0.05)
    expect(scene.upstream.requests.length).toBeLessThan(60)
  },
  SLOW_MS,
)
