/** Runs that end before their seeds do, and runs that go on where another ended. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeLine } from '../../../src/rollout/line.ts'
import { withDeadline } from '../../e2e/harness/deadline.ts'
import { startExample, startScriptedApp } from '../../support/task-app.ts'
import { bySeed, OUT, openStage } from './stage.ts'

/** A promise, and what resolves it. */
function gate() {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Each interrupt is one that the test presses. */
function keyboard() {
  const presses = [gate(), gate()]
  let waiting = 0
  return {
    interrupted: async () => {
      await presses[waiting++]?.opened
      return 'SIGINT'
    },
    press: (index: number) => presses[index]?.open(),
  }
}

/** Holds every rollout until the test lets it go. */
async function heldApp() {
  const started = gate()
  const held = gate()
  const app = await startScriptedApp(async ({ route }, response) => {
    if (route === 'POST /rollout') {
      started.open()
      await held.opened
    }
    if (!response.destroyed) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ reward: 1 }))
    }
    return 'silent' as const
  })
  return { app, started, held }
}

describe('Ctrl-C', () => {
  test('lets what runs end, takes no more seeds, and --resume runs the rest', async () => {
    const { app, started, held } = await heldApp()
    const { press, interrupted } = keyboard()
    const { run, lines, bridge } = await openStage()
    const stopping = gate()
    let said = ''
    const running = run(app.url, '0:5', ['--concurrency', '2'], {
      interrupted,
      stderr: (text) => {
        said += text
        if (said.includes('stopping')) stopping.open()
      },
    })
    await started.opened
    press(0)
    await withDeadline('the note', 5_000, stopping.opened)
    held.open()
    const { code, stdout } = await running
    expect(code).toBe(1)
    expect(said).toContain('seeds that run come to their end. Ctrl-C again gives them up')
    expect(lines().every(({ status }) => status === 'done')).toBe(true)
    expect(lines().length).toBeLessThan(5)
    expect(stdout).toContain(`${lines().length} of 5 done, ${5 - lines().length} not run`)
    expect(said).toContain('the same command with --resume')

    const before = lines().length
    const again = await run(app.url, '0:5', ['--resume'])
    expect(again.code).toBe(0)
    expect(again.stdout).toContain(`5 of 5 done`)
    expect(again.stdout).toContain(`${before} of them were done before, in ${OUT}`)
    expect(bySeed(lines()).map(({ seed }) => seed)).toEqual([0, 1, 2, 3, 4])
    expect(bridge.trials).toHaveLength(5)
  })

  test('a second one gives up what runs; it leaves no line', async () => {
    const { app, started } = await heldApp()
    const { press, interrupted } = keyboard()
    const { run, cli, bridge } = await openStage()
    const running = run(app.url, '0:5', ['--concurrency', '2'], { interrupted })
    await started.opened
    press(0)
    press(1)
    const { code, stdout } = await withDeadline('the run ends', 5_000, running)
    expect(code).toBe(1)
    expect(stdout).toContain('0 of 5 done, 5 not run')
    expect(readFileSync(join(cli.cwd, OUT), 'utf8')).toBe('')
    // The session is over all the same.
    expect(bridge.sessions).toHaveLength(1)
    const shown = await fetch(`${bridge.url}/api/v1/sessions/sess_fa4e`)
    expect(await shown.json()).toMatchObject({ status: 'ended' })
  })
})

describe('--resume', () => {
  test('runs what failed or is incomplete again, and not what is done', async () => {
    const url = await startExample('support-mail')
    const { run, lines, cli, bridge } = await openStage()
    await run(url, '0:3')
    const [first, second, third] = bySeed(lines())
    if (first === undefined || second === undefined || third === undefined) throw new Error('three')
    writeFileSync(
      join(cli.cwd, OUT),
      encodeLine(first) +
        encodeLine({ ...second, status: 'failed', reward: null }) +
        encodeLine({ ...third, status: 'incomplete' }),
    )
    const earlier = bridge.trials.length
    expect((await run(url, '0:3', ['--resume'])).code).toBe(0)
    expect(bridge.trials.slice(earlier).map(({ seed }) => seed)).toEqual([1, 2])
    expect(lines()).toHaveLength(5)
  })

  test('a torn last line is removed, said, and its seed runs again', async () => {
    const url = await startExample('support-mail')
    const { run, lines, cli } = await openStage()
    await run(url, '0:2', ['--concurrency', '1'])
    const path = join(cli.cwd, OUT)
    const whole = readFileSync(path, 'utf8')
    writeFileSync(path, whole.slice(0, -20))
    const { code, stderr } = await run(url, '0:2', ['--resume'])
    expect(code).toBe(0)
    expect(stderr).toContain('the last line of runs/x.jsonl was torn and is removed')
    expect(lines().map(({ seed }) => seed)).toEqual([0, 1])
  })

  test('with nothing left it asks nobody', async () => {
    const url = await startExample('support-mail')
    const { run, bridge } = await openStage()
    await run(url, '0:2')
    const { code, stdout } = await run('http://127.0.0.1:9', '0:2', ['--resume'])
    expect(code).toBe(0)
    expect(stdout).toContain('2 of 2 done')
    expect(bridge.sessions).toHaveLength(1)
  })

  test('lines of other seeds stay, and do not count', async () => {
    const url = await startExample('support-mail')
    const { run, lines } = await openStage()
    await run(url, '0:2')
    const { stdout } = await run(url, '2:4', ['--resume'])
    expect(stdout).toContain('2 of 2 done')
    expect(lines()).toHaveLength(4)
  })

  test('without --out there is nothing to resume', async () => {
    const { cli } = await openStage()
    const { code, stderr } = await cli.run([
      'rollout',
      '--task-app',
      'http://h',
      '--seeds',
      '0:1',
      '--model',
      'm',
      '--resume',
    ])
    expect([code, stderr]).toEqual([2, expect.stringContaining('name it')])
  })

  test('a file in the way', async () => {
    const { run, cli } = await openStage()
    appendFileSync(join(cli.cwd, 'file'), 'x')
    const { code, stderr } = await run('http://h', '0:1', ['--out', 'file/x.jsonl'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('file/x.jsonl cannot be written')])
  })
})

describe('the budget', () => {
  const refusal = {
    status: 429,
    body: { error: { code: 'session_cost_limit', message: 'Session budget of $1.00 is used up.' } },
    trace: {
      error: { code: 'session_cost_limit', message: 'used up' },
      usage: null,
      cost_usd: null,
    },
  }

  test('a refused call ends the run: its seed is no score, and the rest is not run', async () => {
    const url = await startExample('support-mail')
    const { run, lines, bridge } = await openStage({
      answer: ({ seed }) => {
        if (seed < 2) return { says: 'billing' }
        bridge.exceed()
        return refusal
      },
    })
    const { code, stdout, stderr } = await run(url, '0:9', ['--concurrency', '1'])
    expect(code).toBe(1)
    expect(lines().map(({ seed, status }) => [seed, status])).toEqual([
      [0, 'done'],
      [1, 'done'],
      [2, 'failed'],
    ])
    expect(lines()[2]).toMatchObject({ cost_usd: '0', tokens: 0 })
    expect(stdout).toContain('2 of 9 done, 1 failed, 6 not run')
    expect(stderr).toContain('the budget of this run refuses calls, so no more seeds are run')
  })

  test('an app that scores the refusal itself is incomplete', async () => {
    const app = await startScriptedApp(async ({ route, body }) => {
      if (route !== 'POST /rollout') return undefined
      const config = (body['policy_config'] ?? {}) as { inference_url: string }
      const url = config.inference_url.replace('?', '/chat/completions?')
      const messages = [{ role: 'user', content: 'hi' }]
      await (await fetch(url, { method: 'POST', body: JSON.stringify({ messages }) })).text()
      return { body: { reward: 0 } }
    })
    const { run, lines, bridge } = await openStage({
      answer: () => {
        bridge.exceed()
        return refusal
      },
    })
    await run(app.url, '0:5', ['--concurrency', '1'])
    expect(lines()).toMatchObject([
      {
        seed: 0,
        status: 'incomplete',
        reward: 0,
        error: expect.stringContaining('1 call was lost'),
      },
    ])
  })

  test('one that others only hold fails the seed, is said once, and the run goes on', async () => {
    const url = await startExample('support-mail')
    const { run, lines } = await openStage({
      answer: ({ seed }) => (seed % 2 === 0 ? { says: 'billing' } : refusal),
    })
    const { stderr } = await run(url, '0:6', ['--concurrency', '1'])
    expect(lines().map(({ status }) => status)).toEqual([
      ...['done', 'failed', 'done', 'failed', 'done', 'failed'],
    ])
    expect(stderr.match(/others hold the rest of the budget/g)).toHaveLength(1)
  })

  test('that of the key ends the run too', async () => {
    const url = await startExample('support-mail')
    const body = { error: { code: 'key_cost_limit', message: 'used up' } }
    const { run, lines } = await openStage({ answer: () => ({ status: 429, body }) })
    await run(url, '0:6', ['--concurrency', '1'])
    expect(lines()).toHaveLength(1)
  })

  test('a session that is shown as used up takes no more seeds', async () => {
    const { app, started, held } = await heldApp()
    const { run, bridge, lines } = await openStage()
    const stopping = gate()
    const running = run(app.url, '0:5', ['--concurrency', '1'], {
      stderr: (text) => {
        if (text.includes('budget of this run refuses calls')) stopping.open()
      },
    })
    await started.opened
    bridge.exceed()
    await withDeadline('the note', 5_000, stopping.opened)
    held.open()
    await running
    expect(lines()).toHaveLength(1)
  })
})

test('a rollout that lost a call is incomplete, unless the app asked again', async () => {
  const app = await startScriptedApp(async ({ route, body }) => {
    if (route !== 'POST /rollout') return undefined
    const { inference_url } = body['policy_config'] as { inference_url: string }
    const url = inference_url.replace('?', '/chat/completions?')
    const messages = [{ role: 'user', content: `seed ${body['seed']}` }]
    const ask = () => fetch(url, { method: 'POST', body: JSON.stringify({ messages }) })
    if (!(await ask()).ok && body['seed'] === 1) await ask()
    return { body: { reward: 1 } }
  })
  const failedOnce = new Set<number>()
  const { run, lines } = await openStage({
    answer: ({ seed }) => {
      if (seed === 0) return { says: 'hello' }
      if (failedOnce.has(seed)) return { says: 'hello' }
      failedOnce.add(seed)
      return { status: 502, body: {}, trace: { error: 'upstream_cut' } }
    },
  })
  await run(app.url, '0:3')
  expect(bySeed(lines()).map(({ status, error }) => [status, error])).toEqual([
    ['done', null],
    ['done', null],
    ['incomplete', '1 call was lost: upstream_cut'],
  ])
})

test('a trace that is a moment late is waited for', async () => {
  const url = await startExample('support-mail')
  const { run, lines } = await openStage({ lateLooks: 3 })
  expect((await run(url, '0:1')).code).toBe(0)
  expect(lines()[0]).toMatchObject({ status: 'done', cost_usd: '0.0001', tokens: 10 })
})
