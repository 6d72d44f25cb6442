import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type DemoBridge, type DemoOptions, runDemo } from '../../src/demo/demo.ts'
import type { DemoSpend } from '../../src/demo/report.ts'

/**
 * In the place of Codex: asks the model as Codex would through a bridge, does what it says without
 * looking, and reports it as `codex exec --json` does. Its bridge is no bridge: the model itself.
 */
const OBEDIENT = `
  const { readFileSync, writeFileSync } = require('node:fs')
  const base = process.argv.find((text) => text.includes('.base_url=')).split('=')[1].slice(1, -1)
  const prompt = process.argv.at(-1)
  const print = (item) => console.log(JSON.stringify({ type: 'item.completed', item }))
  const tool = (name, key) => ({ type: 'function', function: { name, parameters: { properties: { [key]: {} } } } })
  const tools = [tool('exec_command', 'cmd'), tool('apply_patch', 'input')]
  const messages = [{ role: 'user', content: prompt }]
  const run = {
    exec_command() {
      print({ type: 'command_execution', command: 'cat seed.txt', exit_code: 0 })
      return readFileSync('seed.txt', 'utf8')
    },
    apply_patch({ input }) {
      writeFileSync('greeting.txt', input.match(/^\\+.*$/gm).map((line) => line.slice(1) + '\\n').join(''))
      print({ type: 'file_change', status: 'completed', changes: [{ path: 'greeting.txt', kind: 'add' }] })
      return 'Success. A greeting.txt'
    },
  }
  ;(async () => {
    for (;;) {
      const response = await fetch(base + '/chat/completions', { method: 'POST', body: JSON.stringify({ messages, tools }) })
      const { message } = (await response.json()).choices[0]
      messages.push(message)
      print({ type: 'agent_message', text: message.content })
      if (message.tool_calls === undefined) return
      const call = message.tool_calls[0].function
      messages.push({ role: 'tool', content: run[call.name](JSON.parse(call.arguments)) })
    }
  })()
`

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly bridgesOpen: number
}

async function demo(
  program: string,
  options: Partial<DemoOptions> & { readonly spend?: DemoSpend } = {},
): Promise<Outcome> {
  const output = { stdout: '', stderr: '' }
  let bridgesOpen = 0
  const code = await runDemo({
    stdout: (text) => {
      output.stdout += text
    },
    stderr: (text) => {
      output.stderr += text
    },
    env: { PATH: process.env['PATH'] },
    signal: new AbortController().signal,
    seed: 'violet-7',
    async startBridge({ upstreamUrl }): Promise<DemoBridge> {
      bridgesOpen += 1
      return {
        url: upstreamUrl.replace(/\/v1$/, ''),
        readSpend: async () => options.spend,
        close: async () => {
          bridgesOpen -= 1
        },
      }
    },
    findCodex: () => ({
      found: true,
      origin: 'path',
      command: process.execPath,
      arguments: ['-e', program, '--'],
    }),
    ...options,
  })
  return { code, ...output, bridgesOpen }
}

describe('runDemo', () => {
  test('shows each step and the file, and ends with what it cost', async () => {
    const spend = { calls: 3, spentUsd: '0.0012', limitUsd: '0.05' }
    const { code, stdout, stderr } = await demo(OBEDIENT, { spend })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout.replace(/127\.0\.0\.1:\d+/g, 'LOOPBACK')).toBe(
      `Everything runs on this machine, in a throw-away folder.

  model    synth-demo, scripted, at http://LOOPBACK/v1
  bridge   http://LOOPBACK
  codex    the real one (${process.execPath})

> Read seed.txt, then write a greeting with the seed in it to greeting.txt.

  says     I will read seed.txt first.
  ran      cat seed.txt (exit 0)
  says     The seed is violet-7. Now the greeting.
  patched  greeting.txt (add)
  says     Done: greeting.txt greets you with the seed violet-7.

greeting.txt
  | Hello from Codex, through synth-bridge.
  | The seed is violet-7.

Codex finished: exit 0, 3 calls, spent $0.0012 of $0.05
`,
    )
  })

  test('counts the calls itself where there is no session', async () => {
    const { stdout } = await demo(OBEDIENT)
    expect(stdout).toMatch(/\nCodex finished: exit 0, 3 calls\n$/)
  })

  test('a Codex that does nothing and is content with itself has failed', async () => {
    const { code, stdout, stderr, bridgesOpen } = await demo(`console.error('all fine')`)
    expect(code).toBe(1)
    expect(stderr).toContain('Codex ran no command that succeeded.')
    expect(stderr).toContain('greeting.txt was not written.')
    expect(stderr).toContain('all fine')
    expect(stdout).not.toContain('Codex finished')
    expect(bridgesOpen).toBe(0)
  })

  test('one that takes too long is ended', async () => {
    const { code, stderr } = await demo('setInterval(() => {}, 1000)', { timeoutMs: 300 })
    expect(code).toBe(1)
    expect(stderr).toContain('Codex was stopped: timed out.')
  })

  test('an interruption ends it and closes the bridge', async () => {
    const abort = new AbortController()
    const { code, stderr, bridgesOpen } = await demo(
      `console.log('{"type":"item.completed","item":{"type":"agent_message","text":"started"}}'); setInterval(() => {}, 1000)`,
      {
        signal: abort.signal,
        stdout: (text) => {
          if (text.includes('started')) abort.abort()
        },
      },
    )
    expect(code).toBe(1)
    expect(stderr).toContain('Codex was stopped: aborted.')
    expect(bridgesOpen).toBe(0)
  })

  test('a bridge that does not start is said to be the reason', async () => {
    const { code, stderr } = await demo(OBEDIENT, {
      startBridge: () => Promise.reject(new Error('no free port')),
    })
    expect(code).toBe(1)
    expect(stderr).toBe('The demo failed: no free port\n')
  })

  test('without Codex it says how to get one, and starts nothing', async () => {
    const { code, stderr, stdout } = await demo('', {
      findCodex: () => ({ found: false, message: 'Install Codex.' }),
    })
    expect({ code, stderr, stdout }).toEqual({ code: 1, stderr: 'Install Codex.\n', stdout: '' })
  })

  test('Codex gets no key, proxy or home of the user’s', async () => {
    const { stderr } = await demo('console.error(Object.keys(process.env).sort().join())', {
      env: {
        PATH: process.env['PATH'],
        OPENAI_API_KEY: 'sk',
        HTTPS_PROXY: 'http://x',
        HOME: '/me',
      },
    })
    expect(stderr).toContain('CODEX_HOME,HOME,PATH,SYNTH_DEMO_KEY')
  })

  test('its folder is gone after success and failure alike', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'run-demo-'))
    vi.stubEnv('TMPDIR', temporary)
    onTestFinished(() => {
      vi.unstubAllEnvs()
      rmSync(temporary, { recursive: true })
    })
    const showTemporary = `console.error(process.env.HOME.startsWith('${temporary}'));`
    expect((await demo(`${showTemporary} process.exit(1)`)).stderr).toContain('true')
    await demo(OBEDIENT)
    expect(readdirSync(temporary)).toEqual([])
  })
})
