/** `synth demo` as a user starts it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ENTRY } from './harness/bridge.ts'
import { withDeadline } from './harness/deadline.ts'

const DEMO_DEADLINE_MS = 60_000

function startDemo(env: Record<string, string> = {}) {
  const temporary = mkdtempSync(join(tmpdir(), 'synth-demo-test-'))
  onTestFinished(() => rmSync(temporary, { recursive: true, force: true }))
  const child = spawn(process.execPath, [ENTRY, 'demo'], {
    env: { PATH: process.env['PATH'], HOME: temporary, TMPDIR: temporary, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  const exit = once(child, 'close').then(([code]) => code)
  return {
    child,
    output,
    exit: withDeadline('synth demo', DEMO_DEADLINE_MS, exit),
    leftBehind: () => readdirSync(temporary),
  }
}

test('runs Codex to its end and shows the file it made', async () => {
  const demo = startDemo()
  expect(await demo.exit, demo.output.stderr).toBe(0)
  const { stdout, stderr } = demo.output
  expect(stdout).toMatch(/ran +cat seed\.txt \(exit 0\)/)
  expect(stdout).toMatch(/patched +greeting\.txt \(add\)/)
  const seed = /says +The seed is (violet-\w+)\./.exec(stdout)?.[1]
  expect(stdout).toContain(`  | The seed is ${seed}.\n`)
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^Codex finished: exit 0, 3 calls/)
  expect(stderr).toBe('')
  expect(demo.leftBehind()).toEqual([])
})

test('needs no network: a proxy and keys in the environment lead it nowhere', async () => {
  const nowhere = 'http://127.0.0.1:9'
  const demo = startDemo({
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    ALL_PROXY: nowhere,
    OPENAI_API_KEY: 'sk-never-used',
    OPENAI_BASE_URL: nowhere,
  })
  expect(await demo.exit, demo.output.stderr).toBe(0)
})

test('is ended by Ctrl-C, and leaves nothing behind', async () => {
  const demo = startDemo()
  await withDeadline('the first line', 30_000, once(demo.child.stdout, 'data'))
  demo.child.kill('SIGINT')
  expect(await demo.exit).toBe(1)
  expect(demo.output.stderr).toContain('Codex was stopped: aborted.')
  expect(demo.leftBehind()).toEqual([])
})
