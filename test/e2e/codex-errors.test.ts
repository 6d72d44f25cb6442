/**
 * What the real Codex CLI does when the upstream fails: it stops after one request with a readable
 * message where no retry can help, and tries again where one can. Codex has its own defaults here.
 */
import { describe, expect, test } from 'vitest'
import { UPSTREAM_KEY } from './harness/bridge.ts'
import { withDeadline } from './harness/deadline.ts'
import { openScene } from './harness/scene.ts'
import { answer, brokenOff, call, fallsSilent, refuse, say, type Turn } from './harness/turns.ts'

const repeat = (count: number, turn: Turn) => Array.from({ length: count }, () => turn)

describe('what no retry can mend stops Codex after one request', () => {
  test.each([
    { status: 401, says: 'Incorrect API key provided' },
    { status: 402, says: 'Your balance is used up' },
    { status: 403, says: 'Your country is not supported' },
    { status: 404, says: 'The model does not exist' },
    { status: 400, says: 'max_tokens is too large' },
    { status: 422, says: 'messages.0.role is wrong' },
  ])('$status, shown with its status and reason', async ({ status, says }) => {
    const scene = await openScene({
      script: repeat(9, refuse(status, `${says} (${UPSTREAM_KEY})`)),
    })
    const run = await scene.codex(['say hello'])
    expect(run.exitCode).toBe(1)
    expect(scene.upstream.requests).toHaveLength(1)
    const shown = run.errors.at(-1)
    expect(shown).toContain(says)
    expect(shown).toContain(String(status))
    // Text for a person: no JSON, and no trace of the key the upstream repeated.
    expect(shown).not.toMatch(/[{}]/)
    expect(JSON.stringify(run) + scene.bridge.log()).not.toContain(UPSTREAM_KEY)
  })

  test('a used-up quota, which an upstream calls 429', async () => {
    const quota: Turn = {
      kind: 'answer',
      status: 429,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        error: {
          message: 'You exceeded your quota',
          type: 'insufficient_quota',
          code: 'insufficient_quota',
        },
      }),
    }
    const scene = await openScene({ script: repeat(9, quota) })
    const run = await scene.codex(['say hello'])
    expect(run.exitCode).toBe(1)
    expect(scene.upstream.requests).toHaveLength(1)
    expect(run.errors.at(-1)).toMatch(/quota/i)
  })

  test('a prompt beyond the context, which Codex words itself', async () => {
    const overflow: Turn = {
      kind: 'answer',
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        error: {
          message:
            "This model's maximum context length is 8192 tokens. However, you requested 9000.",
          type: 'invalid_request_error',
          code: 'context_length_exceeded',
        },
      }),
    }
    const scene = await openScene({ script: repeat(9, overflow) })
    const run = await scene.codex(['say hello'])
    expect(run.exitCode).toBe(1)
    expect(scene.upstream.requests).toHaveLength(1)
    expect(run.errors.at(-1)).toContain('ran out of room')
  })
})

describe('what may pass is tried again', () => {
  test('429 with Retry-After, no sooner than it says', async () => {
    const scene = await openScene({
      script: [refuse(429, 'Slow down', { 'retry-after': '1' }), say('At last.')],
    })
    const run = await scene.codex(['say hello'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'At last.' })
    const [first, second] = scene.upstream.requests
    expect(scene.upstream.requests).toHaveLength(2)
    expect((second?.receivedAtMs ?? 0) - (first?.receivedAtMs ?? 0)).toBeGreaterThanOrEqual(950)
  })

  test('429 without it', async () => {
    const scene = await openScene({ script: [refuse(429, 'Rate limit reached'), say('At last.')] })
    const run = await scene.codex(['say hello'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'At last.' })
    expect(scene.upstream.requests).toHaveLength(2)
  })

  test.each([500, 502, 503])('%d', async (status) => {
    const scene = await openScene({ script: [refuse(status, 'Out of memory'), say('At last.')] })
    const run = await scene.codex(['say hello'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'At last.' })
    expect(scene.upstream.requests).toHaveLength(2)
  })

  test('a page of HTML from some proxy, which is not shown', async () => {
    const page: Turn = {
      kind: 'answer',
      status: 502,
      headers: { 'content-type': 'text/html' },
      body: '<html><body><h1>Bad Gateway</h1></body></html>',
    }
    const scene = await openScene({ script: [page, say('At last.')] })
    const run = await scene.codex(['say hello'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'At last.' })
    expect(JSON.stringify(run)).not.toContain('<html>')
  })

  test('a stream cut in the middle of its text', async () => {
    const scene = await openScene({ script: [brokenOff('Half a sen'), say('A whole sentence.')] })
    const run = await scene.codex(['say hello'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'A whole sentence.' })
    expect(scene.upstream.requests).toHaveLength(2)
  })

  test('a stream cut in the middle of a call, which does not run', async () => {
    const whole = answer({
      calls: [{ id: 'call_1', name: 'exec_command', arguments: { cmd: 'touch half.txt' } }],
      pieceChars: 4,
    })
    if (whole.kind !== 'stream') throw new Error('not a stream')
    const half: Turn = { ...whole, frames: whole.frames.slice(0, 5), ending: 'cut' }
    const scene = await openScene({ script: [half, say('Never mind.')] })
    const run = await scene.codex(['touch it'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Never mind.' })
    expect(run.items('command_execution')).toEqual([])
    await expect(scene.file('half.txt')).rejects.toThrow('ENOENT')
  })

  test('an error in the middle of a stream', async () => {
    const broken: Turn = {
      kind: 'stream',
      frames: [
        'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Well"}}]}\n\n',
        'data: {"error":{"message":"The GPU fell off the bus","code":500}}\n\n',
      ],
      ending: 'end',
    }
    const scene = await openScene({ script: [broken, say('Well done.')] })
    const run = await scene.codex(['say hello'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Well done.' })
    expect(run.errors.join()).toContain('The GPU fell off the bus')
  })

  test('work already done is kept when a later answer fails', async () => {
    const scene = await openScene({
      script: [
        call('exec_command', { cmd: 'echo once >> log.txt' }),
        brokenOff('It was writ'),
        say('It was written once.'),
      ],
    })
    const run = await scene.codex(['write the log'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'It was written once.' })
    expect(await scene.file('log.txt')).toBe('once\n')
  })
})

test('an upstream that is not there is named, with its address', async () => {
  const scene = await openScene({
    script: [],
    // By its defaults Codex asks thirty times, for half a minute.
    overrides: {
      'model_providers.synth.request_max_retries': 0,
      'model_providers.synth.stream_max_retries': 0,
    },
  })
  await scene.upstream.close()
  const run = await scene.codex(['say hello'])
  expect(run.exitCode).toBe(1)
  expect(run.errors.at(-1)).toContain('The upstream "scripted" at http://127.0.0.1:')
  expect(run.errors.at(-1)).toContain('refused the connection. Start it, or check base_url.')
})

test('an answer cut at the token limit is said to be incomplete, after one request', async () => {
  const whole = say('A long answer that')
  if (whole.kind !== 'stream') throw new Error('not a stream')
  const frames = whole.frames.map((frame) => frame.replace('"stop"', '"length"'))
  const scene = await openScene({ script: repeat(9, { ...whole, frames }) })
  const run = await scene.codex(['tell me everything'])
  expect(run.exitCode).toBe(1)
  expect(run.errors.at(-1)).toContain('max_output_tokens')
  expect(scene.upstream.requests).toHaveLength(1)
})

test('when Codex goes away, the upstream is let go at once', async () => {
  const scene = await openScene({ script: [fallsSilent('Thinking')] })
  const abort = new AbortController()
  const running = scene.codex(['think'], { signal: abort.signal })
  const request = await withDeadline('the request', 20_000, scene.upstream.arrival(0))
  abort.abort()
  const run = await running
  expect(run.ending).toBe('aborted')
  await withDeadline('the upstream’s connection to close', 2_000, request.closed)
})
