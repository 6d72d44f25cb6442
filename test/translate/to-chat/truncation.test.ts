/** `truncation: "auto"`: whole turns, oldest first, only where the window is too small. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assistant, call, developer, functionTool, output, translate, user } from './helpers.ts'
import { conversation, requestAfter } from './histories.ts'

/** A token a character of JSON, so that sizes can be read off. */
const estimateTokens = (json: string) => json.length

function fitted(input: unknown, contextWindow: number | undefined, members: object = {}) {
  return translate(
    { input, truncation: 'auto', ...members },
    { contextWindow, ...(contextWindow === undefined ? {} : { estimateTokens }) },
  )
}

const talk = [
  developer('Rules.'),
  user('First question.'),
  call('a'),
  output('a'),
  assistant('First answer.'),
  user('Second question.'),
  developer('New rules.'),
  assistant('Second answer.'),
  user('Context.'),
  user('Third question.'),
]

const textsOf = (translation: ReturnType<typeof fitted>) =>
  translation.chat.messages.map(({ content }) => content)

describe('a conversation that is too long', () => {
  const size = JSON.stringify(talk).length

  test('keeps everything where it fits', () => {
    const { chat, droppedTurns } = fitted(talk, 10 * size)
    expect(droppedTurns).toBe(0)
    expect(chat).toEqual(translate({ input: talk }).chat)
  })

  test('loses its oldest turn first, calls, outputs and answer together', () => {
    const translation = fitted(talk, size - 20)
    expect(translation.droppedTurns).toBe(1)
    expect(textsOf(translation)).toEqual([
      'Rules.',
      'Second question.',
      'New rules.',
      'Second answer.',
      'Context.',
      'Third question.',
    ])
    expect(translation.dropped).toEqual([])
  })

  test('keeps what the developer said, and the last turn however long it is', () => {
    const translation = fitted(talk, 1)
    expect(translation.droppedTurns).toBe(2)
    expect(textsOf(translation)).toEqual(['Rules.\n\nNew rules.', 'Context.', 'Third question.'])
  })

  test('leaves room for the output that was asked for, and for the tools', () => {
    const roomy = size + 200
    expect(fitted(talk, roomy).droppedTurns).toBe(0)
    expect(fitted(talk, roomy, { max_output_tokens: 300 }).droppedTurns).toBe(1)
    const tools = [functionTool('look')]
    expect(fitted(talk, roomy, { tools }).droppedTurns).toBe(1)
  })

  test('is sent whole unless the client allowed it', () => {
    const whole = translate({ input: talk }, { contextWindow: 1, estimateTokens })
    expect(whole.droppedTurns).toBe(0)
    expect(whole.chat).toEqual(translate({ input: talk }).chat)
  })

  test('is sent whole, and the wish named, where no window is known', () => {
    const translation = fitted(talk, undefined)
    expect(translation).toMatchObject({ droppedTurns: 0, dropped: ['truncation'] })
  })

  test('may be strict: what the client allowed is no loss', () => {
    const options = { contextWindow: 1, estimateTokens, strict: true }
    expect(translate({ input: talk, truncation: 'auto' }, options).droppedTurns).toBe(2)
  })

  test('ends as the same messages, some turns fewer', () => {
    fc.assert(
      fc.property(conversation, fc.nat({ max: 4000 }), (told, window) => {
        const request = requestAfter(told, told.turns.length)
        const options = { contextWindow: window, estimateTokens }
        const whole = translate({ ...request }).chat.messages
        const { chat, droppedTurns } = translate({ ...request, truncation: 'auto' }, options)
        // A call that shared its id may have it to itself now.
        expect(chat.messages.at(-1)?.content).toEqual(whole.at(-1)?.content)
        if (droppedTurns === 0) expect(chat.messages).toEqual(whole)
        else expect(chat.messages.length).toBeLessThanOrEqual(whole.length)
        // No output is parted from its call.
        const answered = chat.messages.flatMap((line) =>
          line.role === 'tool' ? [line.tool_call_id] : [],
        )
        const called = chat.messages.flatMap((line) =>
          line.role === 'assistant' ? (line.tool_calls ?? []).map(({ id }) => id) : [],
        )
        expect(answered.toSorted()).toEqual(called.toSorted())
      }),
      { numRuns: 300 },
    )
  })
})
