/** The machine as the gateway drives it: phases, the wait for usage, and every way to end. */
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import type { Usage } from '../../../src/protocol/usage.ts'
import { CREATED_AT, runBody, saidIn, type TestOptions, testMachine } from './harness.ts'
import { call, chunk, completion, USAGE, usageOnly } from './quirks/quirk.ts'
import { sharedFailures } from './shared-validator.ts'
import { ruleBreaks } from './stream-rules.ts'

const ESTIMATE: Usage = {
  inputTokens: 7,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 3,
  reasoningTokens: 0,
}
const hello = chunk({ content: 'Hello' })
const noUsage = chunk({}, { finish_reason: 'stop' })

function started(messages: readonly unknown[] = [], options: TestOptions = {}) {
  const { machine, events } = testMachine(options)
  const send = (...more: readonly unknown[]) => {
    for (const message of more) {
      machine.message(typeof message === 'string' ? message : JSON.stringify(message), undefined)
    }
    return machine.phase
  }
  send(...messages)
  const conclude = (usage?: Usage) => {
    machine.conclude(usage)
    expect(ruleBreaks(events)).toEqual([])
    expect(sharedFailures(events)).toEqual([])
    return machine.response
  }
  return { machine, events, send, conclude }
}

describe('opening', () => {
  test('sends created and in_progress once, both empty', () => {
    const { machine, events } = started()
    machine.open()
    machine.open()
    const response = { status: 'in_progress', output: [], usage: null, completed_at: null }
    expect(events).toMatchObject([
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ])
  })

  test('the first message opens by itself', () => {
    expect(started([hello]).events[0]?.type).toBe('response.created')
  })

  test('a sign of life on a line not open yet opens it', () => {
    const { machine, events } = started()
    machine.keepalive()
    machine.keepalive()
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'keepalive',
    ])
  })
})

describe('waiting for usage', () => {
  test('finish, then usage, then the mark', () => {
    const { send, machine } = started([hello])
    expect(send(noUsage)).toBe('lingering')
    expect(send(usageOnly())).toBe('lingering')
    expect(send('[DONE]')).toBe('finished')
    expect(machine.outcome).toMatchObject({ status: 'completed', usage: { inputTokens: 10 } })
  })

  test('usage behind the mark', () => {
    const { send } = started([hello, noUsage])
    expect(send('[DONE]')).toBe('lingering')
    expect(send(usageOnly())).toBe('finished')
  })

  test('text behind the mark has no place', () => {
    const { send, events } = started([hello, noUsage, '[DONE]'])
    send(chunk({ content: '!' }), usageOnly())
    expect(saidIn(events).text).toBe('Hello')
  })

  test('a better usage behind the finish replaces the first', () => {
    const { send, machine } = started([hello, { ...noUsage, usage: USAGE }])
    send(usageOnly({ ...USAGE, completion_tokens: 9, total_tokens: 19 }), '[DONE]')
    expect(machine.outcome?.usage?.outputTokens).toBe(9)
  })

  test('nothing closes and nobody is told before the end', () => {
    const { events, machine } = started([hello, noUsage])
    expect(events.at(-1)?.type).toBe('response.output_text.delta')
    machine.ended()
    expect(events.at(-1)?.type).toBe('response.output_item.done')
  })

  test('an error frame behind the finish fails it', () => {
    const { send, conclude } = started([hello, noUsage])
    send({ error: { message: 'Gone', code: 503 } })
    expect(conclude()).toMatchObject({ status: 'failed', output: [] })
  })

  test('a connection that breaks behind the finish does not', () => {
    const { machine, conclude } = started([hello, noUsage])
    machine.fail(new BridgeError('upstream_cut', 'The connection was reset.'))
    expect(conclude()).toMatchObject({ status: 'completed', usage: null })
  })

  test('a limit reached behind the finish changes nothing', () => {
    const { machine, conclude } = started([hello, noUsage])
    machine.cut({ limit: 'session_cost_limit' })
    expect(conclude()).toMatchObject({ status: 'completed', metadata: {} })
  })
})

describe('concluding', () => {
  test('is a step of its own: nothing terminal leaves before', () => {
    const { machine, events, send } = started([hello, noUsage, usageOnly()])
    send('[DONE]')
    expect(machine.phase).toBe('finished')
    expect(events.some(({ type }) => type === 'response.completed')).toBe(false)
    machine.conclude()
    expect(machine.phase).toBe('concluded')
    expect(events.at(-1)).toEqual({ type: 'response.completed', response: machine.response })
  })

  test('fills in an estimate only where there is no usage', () => {
    const missing = started([hello, noUsage])
    missing.machine.ended()
    expect(missing.conclude(ESTIMATE).usage).toMatchObject({ input_tokens: 7, output_tokens: 3 })
    expect(missing.machine.outcome?.usage).toBeUndefined()

    const known = started([hello, { ...noUsage, usage: USAGE }, '[DONE]'])
    expect(known.conclude(ESTIMATE).usage).toMatchObject({ input_tokens: 10, output_tokens: 5 })
  })

  test('happens once, and nothing happens after it', () => {
    const { machine, events, conclude } = started([hello, noUsage, usageOnly(), '[DONE]'])
    const response = conclude()
    const count = events.length
    machine.conclude()
    machine.open()
    machine.message(JSON.stringify(hello), undefined)
    machine.body(completion({ content: 'no' }))
    machine.ended()
    machine.fail(new BridgeError('upstream_cut', 'late'))
    machine.cut({ late: 'yes' })
    machine.keepalive()
    expect(events).toHaveLength(count)
    expect(machine.response).toBe(response)
  })

  test('before the answer ended it is a cut', () => {
    expect(started([hello]).conclude()).toMatchObject({ status: 'failed' })
  })

  test('says when it completed, never before it was created', () => {
    const at = (now: number) =>
      started([hello, noUsage], { now: () => now }).conclude().completed_at
    expect(at(CREATED_AT + 2.9)).toBe(CREATED_AT + 2)
    expect(at(CREATED_AT - 100)).toBe(CREATED_AT)
  })

  test('an answer that failed before it opened still opens, for whoever streams it', () => {
    const { machine, events, conclude } = started()
    machine.fail(new BridgeError('upstream_unreachable', 'Nobody answers.'))
    expect(events).toEqual([])
    expect(conclude()).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'error',
      'response.failed',
    ])
  })
})

describe('failing', () => {
  test('keeps what is closed and leaves the rest open', () => {
    const { machine, conclude, events } = started([
      chunk({ reasoning: 'Hm.' }),
      hello,
      call(0, 'call_a', 'ls', '{"a"'),
    ])
    machine.fail(new BridgeError('upstream_idle_timeout', 'Silent for 300 s.'))
    const { output } = conclude()
    expect(output.map(({ type }) => type)).toEqual(['reasoning', 'message'])
    expect(JSON.stringify(events)).not.toContain('function_call_arguments.done')
  })

  test('the first failure is the one told', () => {
    const { machine, conclude } = started([hello])
    machine.fail(new BridgeError('upstream_idle_timeout', 'first'))
    machine.fail(new BridgeError('upstream_cut', 'second'))
    expect(conclude().error?.message).toBe('first')
  })

  test('the usage known by then is told too', () => {
    const { machine, conclude } = started([{ ...hello, usage: USAGE }])
    machine.ended()
    expect(conclude()).toMatchObject({ status: 'failed', usage: { total_tokens: 15 } })
  })

  test.each([
    ['upstream_rate_limit', 'rate_limit_exceeded'],
    ['upstream_quota', 'invalid_prompt'],
    ['upstream_auth', 'invalid_prompt'],
    ['context_length_exceeded', 'invalid_prompt'],
    ['upstream_cut', 'server_error'],
    ['internal_error', 'server_error'],
  ] as const)('%s is %s in the response, and itself in the error event', (code, told) => {
    const { machine, conclude, events } = started([hello])
    machine.fail(new BridgeError(code, 'Why.'))
    expect(conclude().error).toEqual({ code: told, message: 'Why.' })
    expect(events.at(-2)).toMatchObject({ type: 'error', code, error: { code } })
  })
})

describe('being cut at a limit', () => {
  test('ends like a length, its metadata beside the client’s', () => {
    const { machine, conclude } = started([hello], { metadata: { job: '7' } })
    machine.cut({ limit: 'session_cost_limit' })
    expect(machine.outcome).toMatchObject({ status: 'incomplete' })
    expect(conclude()).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      metadata: { job: '7', limit: 'session_cost_limit' },
      output: [{ type: 'message', status: 'incomplete' }],
    })
  })

  test('works before the first word', () => {
    const { machine, conclude } = started()
    machine.cut({})
    expect(conclude()).toMatchObject({ status: 'incomplete', output: [] })
  })
})

describe('a body', () => {
  test('goes through the same code as chunks', () => {
    const { response, events } = runBody(
      completion(
        {
          reasoning_content: 'Hm.',
          content: 'Four.',
          tool_calls: [{ id: 'call_a', function: { name: 'add', arguments: '{}' } }],
        },
        { finish_reason: 'tool_calls' },
      ),
    )
    expect(ruleBreaks(events)).toEqual([])
    expect(response).toMatchObject({
      status: 'completed',
      output: [{ type: 'reasoning' }, { type: 'message' }, { type: 'function_call' }],
      usage: { total_tokens: 15 },
    })
  })

  test('without a finish reason it is whole all the same', () => {
    expect(runBody(completion({ content: 'Hi' }, {})).response.status).toBe('completed')
  })

  test.each([
    null,
    'text',
    7,
    [],
    {},
    { choices: [] },
    { choices: [null] },
    { choices: [{ index: 0 }] },
    { choices: 'none' },
  ])('that is no completion fails: %j', (json) => {
    const { outcome } = runBody(json)
    expect(outcome?.error).toMatchObject({ code: 'upstream_bad_answer' })
  })

  test('finishes the answer at once', () => {
    const { machine } = testMachine()
    machine.body(completion({ content: 'Hi' }))
    expect(machine.phase).toBe('finished')
  })
})
