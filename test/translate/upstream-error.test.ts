import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { toUpstreamError } from '../../src/translate/to-responses/index.ts'
import { excerptOf } from '../../src/translate/upstream-error.ts'
import { type Run, runStream, sseOf } from './to-responses/harness.ts'
import { chunk } from './to-responses/quirks/quirk.ts'
import { ruleBreaks } from './to-responses/stream-rules.ts'

const rows: { name: string; error: unknown; code: ErrorCode; status?: number; message?: string }[] =
  [
    {
      name: 'a number for a code (OpenRouter)',
      error: { code: 502, message: 'Provider returned error', metadata: {} },
      code: 'upstream_error',
      status: 502,
      message: 'Provider returned error',
    },
    {
      name: 'a numeric string for a code',
      error: { code: '429', message: 'Slow down' },
      code: 'upstream_rate_limit',
      status: 429,
    },
    {
      name: 'a word for a code',
      error: { code: 'rate_limit_exceeded', message: 'Slow down' },
      code: 'upstream_rate_limit',
    },
    {
      name: 'a quota that is used up, under 429',
      error: { code: 'insufficient_quota', message: 'No quota', status: 429 },
      code: 'upstream_quota',
    },
    {
      name: 'a context that is too long, by its code',
      error: { code: 'context_length_exceeded', message: 'Too long' },
      code: 'context_length_exceeded',
    },
    {
      name: 'a context that is too long, by its message (vLLM)',
      error: {
        type: 'BadRequestError',
        code: 400,
        message: "This model's maximum context length is 4096 tokens.",
      },
      code: 'context_length_exceeded',
      status: 400,
    },
    {
      name: 'a request that is at fault',
      error: { type: 'invalid_request_error', message: 'Unknown tool' },
      code: 'upstream_rejected',
    },
    { name: 'a key that is wrong', error: { code: 401, message: 'No' }, code: 'upstream_auth' },
    {
      name: 'a call the server could not read (Groq): sampling again may help',
      error: { type: 'invalid_request_error', code: 'tool_use_failed', message: 'Failed' },
      code: 'upstream_bad_answer',
    },
    { name: 'an overloaded server', error: { type: 'overloaded_error' }, code: 'upstream_error' },
    { name: 'a bare string', error: 'Boom', code: 'upstream_error', message: 'Boom' },
    {
      name: 'nothing of use',
      error: { message: {} },
      code: 'upstream_error',
      message: 'The upstream reported an error without saying which.',
    },
    {
      name: 'an HTML page for a message',
      error: { message: '<!DOCTYPE html><html><body>secret proxy</body></html>', code: 502 },
      code: 'upstream_error',
      message: 'The upstream answered with an HTML page in place of an error.',
    },
  ]

describe('toUpstreamError', () => {
  test.each(rows)('$name', ({ error, code, status, message }) => {
    const read = toUpstreamError(error)
    expect(read.code).toBe(code)
    if (status !== undefined) expect(read.status).toBe(status)
    if (message !== undefined) expect(read.message).toBe(message)
  })

  test('a status that came with it counts before its own', () => {
    expect(toUpstreamError({ code: 500, message: 'x' }, 429).code).toBe('upstream_rate_limit')
  })

  test('keeps the word of the upstream as the code to show, but no number', () => {
    expect(toUpstreamError({ code: 'model_overloaded' }).upstreamCode).toBe('model_overloaded')
    expect(toUpstreamError({ code: '502' }).upstreamCode).toBeNull()
    expect(toUpstreamError({ code: 'two words' }).upstreamCode).toBeNull()
  })

  test.each(['sk-proj-0123456789abcdef', 'Bearer abcdef0123456789', 'gsk_0123456789abcdef'])(
    'never shows the key %s',
    (key) => {
      const message = `Incorrect API key provided: ${key}. Try another.`
      expect(toUpstreamError({ message }).message).toBe(
        'Incorrect API key provided: [redacted]. Try another.',
      )
      expect(excerptOf(message)).not.toContain('0123')
    },
  )

  test('shortens a message without end', () => {
    expect(toUpstreamError('x'.repeat(10_000)).message.length).toBeLessThan(2100)
  })
})

describe('excerptOf', () => {
  test('shows at most 80 characters on one line', () => {
    const shown = excerptOf(`a\n\u0000b ${'x'.repeat(500)}`)
    expect(shown).toMatch(/^"a b x*…"$/)
    expect(shown.length).toBeLessThanOrEqual(82)
  })

  test('never shows a page', () => {
    expect(excerptOf('<html><body>secret</body></html>')).not.toContain('secret')
  })
})

describe('frames that are no chunks', () => {
  const failure = (sse: string): Run => {
    const run = runStream(sse)
    expect(ruleBreaks(run.events)).toEqual([])
    return run
  }

  test.each([
    'data: oops\n\n',
    'data: {"choices":[\n\n',
    'data: 7\n\n',
    'data: "a"\n\n',
    'data: [[[]]]\n\n',
  ])('%j is a bad answer', (sse) => {
    expect(failure(sse).outcome?.error?.code).toBe('upstream_bad_answer')
  })

  test('what cannot be read is shown shortened', () => {
    const { response } = failure(`data: ${'secret '.repeat(100)}\n\n`)
    expect(response.error?.message.length).toBeLessThan(200)
  })

  test('an error event whose data is no JSON', () => {
    expect(failure('event: error\ndata: Internal Server Error\n\n').outcome?.error).toMatchObject({
      code: 'upstream_error',
      message: 'The upstream reported an error: "Internal Server Error".',
    })
  })

  test('an error event that is the error itself', () => {
    const sse = 'event: error\ndata: {"message":"Slow down","code":429}\n\n'
    expect(failure(sse).outcome?.error).toMatchObject({
      code: 'upstream_rate_limit',
      message: 'Slow down',
    })
  })

  test('an error object as the frame itself', () => {
    const { outcome } = failure(sseOf([{ object: 'error', message: 'Bad', code: 400 }]))
    expect(outcome?.error?.code).toBe('upstream_rejected')
  })

  test.each(['error', 'network_error', 'insufficient_system_resource', 'abort'])(
    'the finish reason %s is a failure',
    (reason) => {
      const { outcome } = failure(sseOf([chunk({ content: 'a' }, { finish_reason: reason })]))
      expect(outcome?.error?.code).toBe('upstream_error')
    },
  )

  const whole = JSON.stringify(chunk({ content: 'a' }, { finish_reason: 'stop' }))

  test('an empty error member is none', () => {
    const frame = {
      ...chunk({ content: 'a' }, { finish_reason: 'stop' }),
      error: { message: '', code: 0 },
    }
    expect(failure(sseOf([frame])).response.status).toBe('completed')
  })

  test('unknown events, null and pings are passed over', () => {
    const sse = `event: ping\ndata: 2026-01-01\n\nevent: ping\ndata: {"type":"ping"}\n\ndata: null\n\ndata: ${whole}\n\n`
    expect(failure(sse).response.status).toBe('completed')
  })

  test('documents parted by one newline, which make one message, are read one by one', () => {
    const { response } = failure(
      `data: ${JSON.stringify(chunk({ content: 'x' }))}\ndata: ${whole}\ndata: [DONE]\n\n`,
    )
    expect(response.output).toMatchObject([{ content: [{ text: 'xa' }] }])
  })

  test('one bad line makes the whole message unreadable', () => {
    const run = failure(`data: ${whole}\ndata: oops\n\n`)
    expect(run.outcome?.error?.code).toBe('upstream_bad_answer')
    expect(run.outputChars).toBe(0)
  })

  test('a list of chunks is read one by one', () => {
    expect(failure(`data: [${whole}]\n\n`).response.status).toBe('completed')
  })

  test.each(['', 'data: [DONE]\n\n', 'data: {"choices":[],"usage":null}\n\ndata: [DONE]\n\n'])(
    'an answer without any answer in it fails: %j',
    (sse) => {
      expect(failure(sse).response.status).toBe('failed')
    },
  )
})
