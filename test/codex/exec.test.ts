import { describe, expect, test } from 'vitest'
import { type CodexEvent, type FoundCodex, runCodexExec } from '../../src/codex/exec.ts'

/** A Node program in the place of Codex: what it does is what the test says. */
const pretend = (program: string): FoundCodex => ({
  found: true,
  origin: 'path',
  command: process.execPath,
  arguments: ['-e', program, '--'],
})

const run = (program: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}) => {
  const seen: CodexEvent[] = []
  const ended = runCodexExec({
    codex: pretend(program),
    arguments: ['--model', 'm', 'do it'],
    cwd: process.cwd(),
    env: { ONLY: 'this' },
    timeoutMs: options.timeoutMs ?? 10_000,
    signal: options.signal,
    onEvent: (event) => seen.push(event),
  })
  return { ended, seen }
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('runCodexExec', () => {
  test('passes the arguments, and an environment of its own', async () => {
    const { stderr } = await run(
      'console.error(JSON.stringify([process.argv.slice(1), process.env.ONLY, process.env.PATH]))',
    ).ended
    expect(JSON.parse(stderr)).toEqual([['exec', '--json', '--model', 'm', 'do it'], 'this', null])
  })

  test('hands out events in order and keeps lines that are none apart', async () => {
    const { ended, seen } = run(
      `console.log('{"type":"turn.started"}\\nWARN odd\\n{"no":"type"}\\n{"type":"turn.completed"}'); process.exitCode = 3`,
    )
    const result = await ended
    expect(result).toMatchObject({
      ending: 'exited',
      exitCode: 3,
      stray: ['WARN odd', '{"no":"type"}'],
    })
    expect(seen.map((event) => event.type)).toEqual(['turn.started', 'turn.completed'])
    expect(result.events).toEqual(seen)
  })

  test('closes the input, on which Codex would wait', async () => {
    const { stderr } = await run(
      `process.stdin.on('end', () => console.error('input ended')).resume()`,
    ).ended
    expect(stderr).toContain('input ended')
  })

  test('ends one that takes too long', async () => {
    const result = await run('setInterval(() => {}, 1000)', { timeoutMs: 300 }).ended
    expect(result).toMatchObject({ ending: 'timed out', exitCode: null })
  })

  test('ends one that ignores SIGTERM, with the processes it started', async () => {
    const abort = new AbortController()
    const { ended, seen } = run(
      `process.on('SIGTERM', () => {})
       const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
       console.log(JSON.stringify({ type: 'pid', thread_id: String(child.pid) }))
       setInterval(() => {}, 1000)`,
      { signal: abort.signal },
    )
    await expect.poll(() => seen.length, { timeout: 5_000 }).toBe(1)
    abort.abort()
    expect(await ended).toMatchObject({ ending: 'aborted', exitCode: null })
    const grandchild = Number(seen[0]?.thread_id)
    expect(grandchild).toBeGreaterThan(1)
    await expect.poll(() => alive(grandchild), { timeout: 5_000 }).toBe(false)
  })

  test('a background process does not hold up the end', async () => {
    const result = await run(
      `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }).unref()`,
    ).ended
    expect(result).toMatchObject({ ending: 'exited', exitCode: 0 })
  })

  test('rejects when there is nothing to start', async () => {
    const missing: FoundCodex = { ...pretend(''), command: '/nowhere/codex' }
    await expect(
      runCodexExec({ codex: missing, arguments: [], cwd: '/', env: {}, timeoutMs: 1_000 }),
    ).rejects.toThrow('ENOENT')
  })
})
