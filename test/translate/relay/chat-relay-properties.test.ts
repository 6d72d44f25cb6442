/** What holds of the chat relay for every upstream, sane or not. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import { chatRecordings } from '../../corpus/oracle.ts'
import { runStream, saidIn } from '../to-responses/harness.ts'
import {
  counted,
  dataOf,
  feed,
  finished,
  run,
  said,
  sse,
  testRelay,
  USAGE,
} from './chat-harness.ts'

const FIXTURES = 'fixtures/to-responses'
const fixtures = readdirSync(FIXTURES).flatMap((name) => {
  const file = join(FIXTURES, name, 'upstream.sse')
  return readdirSync(join(FIXTURES, name)).includes('upstream.sse')
    ? [{ name, text: readFileSync(file, 'utf8') }]
    : []
})

const isTerminal = (data: string): boolean => data === '[DONE]' || data.startsWith('{"error":{')

test('there are fixtures to read', () => {
  expect(fixtures.length).toBeGreaterThan(30)
})

test.each(fixtures)('$name read a character at a time relays the same text', ({ text }) => {
  const whole = run([text], { includeUsage: true })
  const pieces = run([...text], { includeUsage: true })
  expect(pieces.text()).toBe(whole.text())
  expect(pieces.relay.outcome).toEqual(whole.relay.outcome)
  expect(pieces.relay.outputChars).toBe(whole.relay.outputChars)
})

test('any split of the upstream’s stream relays the same text', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 })
  fc.assert(
    fc.property(fc.constantFrom(...fixtures), cuts, fc.boolean(), ({ text }, at, includeUsage) => {
      const places = [0, ...at.map((cut) => cut % text.length), text.length].sort((a, b) => a - b)
      const reads = places.slice(1).map((end, index) => text.slice(places[index], end))
      expect(run(reads, { includeUsage }).text()).toBe(run([text], { includeUsage }).text())
    }),
  )
})

const message = fc.oneof(
  fc.constantFrom<unknown>(
    '[DONE]',
    said('text'),
    said('other', 1),
    finished('stop'),
    finished('length'),
    finished('stop', 1),
    finished('error'),
    counted(3, 4),
    {
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{' } }] } }],
    },
    { choices: [] },
    { error: { message: 'Broken.' } },
    'not JSON',
    'null',
    '5',
    '[]',
    '',
  ),
  fc.jsonValue({ maxDepth: 3 }),
)
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('message' as const),
      message,
      event: fc.constantFrom(undefined, 'message', 'error', 'ping'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'ended' as const,
        'fail' as const,
        'cut' as const,
        'keepalive' as const,
        'open' as const,
        'conclude' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('body' as const), message }) },
)

test('whatever happens, in whatever order, a client gets whole frames and exactly one end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.boolean(), (steps, includeUsage) => {
      const { relay, writes, text } = testRelay({ includeUsage })
      for (const one of steps) {
        const { length } = writes
        const { phase } = relay
        if (one.kind === 'message') {
          const data = typeof one.message === 'string' ? one.message : JSON.stringify(one.message)
          relay.message(data, one.event)
        } else if (one.kind === 'body') relay.body(one.message)
        else if (one.kind === 'fail') relay.fail(new BridgeError('upstream_cut', 'Reset.'))
        else if (one.kind === 'cut') relay.cut({ budget: 'cost' })
        else relay[one.kind]()
        // Between finished and concluded nothing leaves, and after it nothing more.
        if (phase === 'concluded') expect(writes).toHaveLength(length)
        if (phase === 'finished' && one.kind !== 'conclude') expect(writes).toHaveLength(length)
      }
      relay.conclude()
      expect(relay.phase).toBe('concluded')
      for (const write of writes) expect(write.endsWith('\n\n')).toBe(true)
      const data = dataOf(text())
      expect(data.filter(isTerminal)).toHaveLength(1)
      expect(isTerminal(data.at(-1) ?? '')).toBe(true)
      expect(data.at(-1) === '[DONE]').toBe(relay.outcome?.status !== 'failed')
      expect(relay.outcome?.error === undefined).toBe(relay.outcome?.status !== 'failed')
    }),
    { numRuns: 500 },
  )
})

test('what is relayed is the upstream’s own data, in order, and nothing else but the end', () => {
  fc.assert(
    // Lists are taken apart, so their elements are not the upstream's own frames.
    fc.property(
      fc.array(
        message.filter((one) => !Array.isArray(one)),
        { maxLength: 8 },
      ),
      (messages) => {
        const upstream = sse(...messages)
        const sent = dataOf(upstream)
        const { relay, text } = run([upstream])
        const relayed = dataOf(text()).slice(0, -1)
        let from = 0
        for (const data of relayed) {
          const at = sent.indexOf(data, from)
          expect(at, data).toBeGreaterThanOrEqual(from)
          from = at + 1
        }
        expect(relay.phase).toBe('concluded')
      },
    ),
  )
})

const recordings = chatRecordings()
const streams = recordings.filter(({ expected }) => expected.kind === 'stream')

describe.skipIf(recordings.length === 0)(
  'recordings of Chat Completions (set BRIDGE_CORPUS to their folder)',
  () => {
    test.each(streams)('$name says the same relayed as it did', ({ text, expected }) => {
      const { relay, text: relayed } = run([text], { includeUsage: true })
      const before = runStream(text)
      expect(relay.outcome?.status).toBe(before.outcome?.status)
      expect(relay.outcome?.usage).toEqual(before.outcome?.usage)
      if (relay.outcome?.status === 'failed') return
      const after = runStream(relayed())
      expect(saidIn(after.events)).toEqual(saidIn(before.events))
      expect(after.outcome).toEqual(before.outcome)
      expect(relay.outputChars).toBeGreaterThanOrEqual(expected.text.length)
    })

    test.each(streams)('$name loses no frame but [DONE] and a hidden usage', ({ text }) => {
      const { relay, text: relayed } = run([text])
      if (relay.outcome?.status === 'failed') return
      const sent = dataOf(text).filter((data) => data !== '[DONE]')
      const missing = sent.length - (dataOf(relayed()).length - 1)
      const usageOnly = sent.filter((data) => {
        const chunk = JSON.parse(data)
        return chunk.choices?.length === 0 && chunk.usage
      })
      expect(missing).toBe(usageOnly.length)
    })

    test.each(recordings.filter(({ expected }) => expected.kind === 'body'))(
      '$name reaches the client value for value',
      ({ text }) => {
        const test = testRelay({ streaming: false })
        test.relay.body(JSON.parse(text))
        test.relay.conclude()
        if (test.relay.outcome?.status === 'failed') return
        const upstream = JSON.parse(text)
        expect(JSON.parse(test.text())).toEqual(Array.isArray(upstream) ? upstream[0] : upstream)
      },
    )
  },
)

test('estimates never change what the ledger is told', () => {
  const { relay } = run([sse(said('a'), finished('stop'))], { includeUsage: true }, USAGE)
  expect(relay.outcome?.usage).toBeUndefined()
  feed(relay, [sse(counted(1, 2))])
  expect(relay.outcome?.usage).toBeUndefined()
})
