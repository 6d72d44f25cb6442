/** What holds of a chat answer for every upstream, sane or not. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import {
  type Said as EventsSaid,
  runStream,
  saidIn as saidInEvents,
  wireOf,
} from '../to-responses/harness.ts'
import { chunksOf, feed, run, saidIn, saidInBody, testAnswer } from './harness.ts'

/** Streams of the bridge's own making, and those of the golden cases. */
const ROOTS = ['fixtures/to-responses', 'fixtures/to-chat-answer'] as const
const fixtures = ROOTS.flatMap((root) =>
  readdirSync(root).flatMap((name) => {
    const file = path.join(root, name, root.endsWith('answer') ? 'upstream.sse' : 'responses.sse')
    return existsSync(file) ? [{ name: `${root}/${name}`, text: readFileSync(file, 'utf8') }] : []
  }),
)

const DONE = 'data: [DONE]\n\n'

test('there are fixtures to read', () => {
  expect(fixtures.length).toBeGreaterThan(60)
})

test('any split of the upstream’s stream makes the same chunks', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 })
  fc.assert(
    fc.property(fc.constantFrom(...fixtures), cuts, ({ text }, at) => {
      const places = [0, ...at.map((cut) => cut % text.length), text.length].sort((a, b) => a - b)
      const reads = places.slice(1).map((end, index) => text.slice(places[index], end))
      expect(run(reads).text).toBe(run([text]).text)
    }),
  )
})

test.each(fixtures)('$name says the same in chunks as in one body', ({ text }) => {
  const streamed = run([text])
  const whole = run([text], { streaming: false })
  expect(whole.outcome).toEqual(streamed.outcome)
  if (streamed.outcome?.status === 'failed') expect(JSON.parse(whole.text)).toHaveProperty('error')
  else expect(saidInBody(whole.text)).toEqual(saidIn(streamed.text))
})

/** Where a stream may be broken off: behind any of its events. */
const brokenOff = fc.constantFrom(...fixtures).chain(({ text }) => {
  const events = text.split(/(?<=\n\n)/)
  return fc.nat({ max: events.length }).map((length) => events.slice(0, length).join(''))
})

test('a stream that breaks off anywhere still ends once', () => {
  fc.assert(
    fc.property(
      brokenOff,
      fc.constantFrom('ended', 'cut', 'fail'),
      fc.boolean(),
      (upstream, how, isOpened) => {
        const { answer, text } = testAnswer()
        if (isOpened) answer.open()
        feed(answer, upstream)
        if (how === 'ended') answer.ended()
        else if (how === 'cut') answer.cut({ limit: 'tokens' })
        else answer.fail(new BridgeError('upstream_idle_timeout', 'Silent.'))
        answer.conclude()
        const chunks = chunksOf(text())
        const ends = chunks.filter(
          ({ error, choices }) =>
            error !== undefined || choices.some(({ finish_reason: reason }) => reason !== null),
        )
        expect(ends).toHaveLength(1)
        const failed = answer.outcome?.status === 'failed'
        expect(text().split(DONE)).toHaveLength(failed ? 1 : 2)
        if (failed) expect(chunks.at(-1)).toHaveProperty('error')
      },
    ),
    { numRuns: 400 },
  )
})

/** Any answer that a chat model may give, as the bridge itself would stream it. */
const pieces = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 5 })
const call = fc.record({ name: fc.constantFrom('look', 'find'), pieces })
const answers = fc.record({
  reasoning: pieces,
  text: pieces,
  calls: fc.array(call, { maxLength: 3 }),
})

describe('there and back', () => {
  test('an answer through both translations says what it said', () => {
    fc.assert(
      fc.property(answers, ({ reasoning, text, calls }) => {
        const deltas: object[] = [
          ...reasoning.map((piece) => ({ reasoning_content: piece })),
          ...text.map((piece) => ({ content: piece })),
          ...calls.flatMap(({ name, pieces: fragments }, index) => [
            {
              tool_calls: [{ index, id: `call_${index}`, function: { name, arguments: '{"a":"' } }],
            },
            ...fragments.map((fragment) => ({
              tool_calls: [
                { index, function: { arguments: JSON.stringify(fragment).slice(1, -1) } },
              ],
            })),
            { tool_calls: [{ index, function: { arguments: '"}' } }] },
          ]),
        ]
        const upstream = chatStream(deltas)
        const asEvents = runStream(upstream)
        const back = run([wireOf(asEvents.events)])
        expect(comparable(saidInEvents(asEvents.events))).toEqual({
          text: saidIn(back.text).text,
          reasoning: saidIn(back.text).reasoning,
          calls: saidIn(back.text).calls.map((one) => [one.id, one.name, one.text]),
        })
        expect(saidIn(back.text).text).toBe(text.join(''))
        expect(back.outcome).toEqual(asEvents.outcome)
      }),
    )
  })
})

function comparable({ text, reasoning, calls }: EventsSaid): unknown {
  return { text, reasoning, calls: calls.map((one) => [one.callId, one.name, one.arguments]) }
}

function chatStream(deltas: readonly object[]): string {
  const chunks = [
    ...deltas.map((delta) => ({ choices: [{ index: 0, delta }] })),
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
  ]
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + DONE
}
