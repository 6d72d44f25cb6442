/** What holds of the Responses relay for every upstream, sane or not. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import {
  ESTIMATE,
  eventsOf,
  feed,
  opening,
  response,
  run,
  sse,
  testRelay,
  textBegun,
  textDone,
  typesOf,
  whole,
} from './responses-harness.ts'
import { failuresOf } from './stream-findings.ts'

const FIXTURES = 'fixtures/to-responses'
const DONE = 'data: [DONE]\n\n'
const fixtures = readdirSync(FIXTURES).flatMap((name) => {
  const file = path.join(FIXTURES, name, 'responses.sse')
  return existsSync(file) ? [{ name, text: readFileSync(file, 'utf8') }] : []
})

const TERMINALS = ['response.completed', 'response.incomplete', 'response.failed']

test('there are fixtures to read', () => {
  expect(fixtures.length).toBeGreaterThan(30)
})

test.each(fixtures)('$name, as the bridge itself streams it, is relayed as it is', ({ text }) => {
  const { text: relayed } = run([text])
  expect(eventsOf(relayed())).toEqual(eventsOf(text))
  expect(relayed().endsWith(DONE)).toBe(true)
})

test('any split of the upstream’s stream relays the same text', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 })
  fc.assert(
    fc.property(fc.constantFrom(...fixtures), cuts, ({ text }, at) => {
      const places = [0, ...at.map((cut) => cut % text.length), text.length].sort((a, b) => a - b)
      const reads = places.slice(1).map((end, index) => text.slice(places[index], end))
      expect(run(reads).text()).toBe(run([text]).text())
    }),
  )
})

/** Where a stream may be broken off: behind any of its events. */
const brokenOff = fc.constantFrom(...fixtures).chain(({ text }) => {
  const events = text.split(/(?<=\n\n)/)
  return fc.nat({ max: events.length }).map((length) => events.slice(0, length).join(''))
})

test('a stream that breaks off anywhere still ends once, in order, and numbered without gaps', () => {
  fc.assert(
    fc.property(
      brokenOff,
      fc.constantFrom('ended', 'cut', 'fail'),
      fc.nat({ max: 3 }),
      (text, how, lives) => {
        const { relay, text: relayed } = testRelay()
        feed(relay, text)
        for (let life = 0; life < lives; life++) relay.keepalive()
        if (how === 'ended') relay.ended()
        else if (how === 'cut') relay.cut({ budget: 'cost' })
        else relay.fail(new BridgeError('upstream_idle_timeout', 'Silent.'))
        relay.conclude(ESTIMATE)
        const types = typesOf(relayed())
        expect(types.filter((type) => TERMINALS.includes(type))).toEqual([types.at(-1)])
        const numbers = eventsOf(relayed()).map(({ sequence_number: number }) => number)
        expect(numbers).toEqual(numbers.map((_, index) => index))
        expect(relayed().split(DONE)).toHaveLength(2)
        expect(failuresOf(relayed(), 'none')).toEqual([])
      },
    ),
    { numRuns: 300 },
  )
})

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('message' as const),
      data: fc.oneof(
        fc.constantFrom(...sse(...whole('a', 'b')).split(/(?<=\n\n)/)),
        fc.constantFrom(
          ...[...textBegun('x'), ...textDone('x'), ...opening].map((event) => sse(event)),
          sse({ type: 'response.failed', response: response({ status: 'failed' }) }),
          sse({ type: 'response.completed', response: null }),
          sse({ type: 'error', message: 'Broken.' }),
          'data: [DONE]\n\n',
          'data: nonsense\n\n',
          'event: error\ndata: nonsense\n\n',
          'data: {}\n\n',
          'data: null\n\n',
        ),
        fc.jsonValue({ maxDepth: 3 }).map((value) => `data: ${JSON.stringify(value)}\n\n`),
        fc
          .record({
            type: fc.constantFrom(
              'response.output_item.added',
              'response.output_item.done',
              'response.content_part.added',
              'response.content_part.done',
              'response.output_text.delta',
              'response.reasoning_summary_part.added',
              'response.function_call_arguments.delta',
            ),
            output_index: fc.oneof(fc.nat({ max: 2 }), fc.jsonValue({ maxDepth: 1 })),
            content_index: fc.oneof(fc.nat({ max: 2 }), fc.jsonValue({ maxDepth: 1 })),
            item: fc.jsonValue({ maxDepth: 2 }),
            part: fc.jsonValue({ maxDepth: 2 }),
            delta: fc.jsonValue({ maxDepth: 1 }),
          })
          .map((event) => sse(event)),
      ),
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
        'body' as const,
      ),
    }),
  },
)

test('whatever happens, in whatever order, a client gets whole frames and exactly one end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      const { relay, writes, text } = testRelay()
      for (const one of steps) {
        const { length } = writes
        const { phase } = relay
        if (one.kind === 'message') feed(relay, one.data)
        else if (one.kind === 'fail') relay.fail(new BridgeError('upstream_cut', 'Reset.'))
        else if (one.kind === 'cut') relay.cut({ budget: 'cost' })
        else if (one.kind === 'body') relay.body({ output: [] })
        else relay[one.kind]()
        // Between finished and concluded nothing leaves, and after it nothing more.
        if (phase === 'concluded') expect(writes).toHaveLength(length)
        if (phase === 'finished' && one.kind !== 'conclude') expect(writes).toHaveLength(length)
      }
      relay.conclude()
      for (const write of writes) expect(write.endsWith('\n\n')).toBe(true)
      const events = eventsOf(text())
      const ends = events.filter(({ type }) => TERMINALS.includes(type))
      expect(ends).toEqual([events.at(-1)])
      expect(ends[0]?.type).toBe(`response.${relay.outcome?.status}`)
      expect(text().endsWith(DONE)).toBe(true)
      expect(text().split(DONE)).toHaveLength(2)
      const first = events[0]?.sequence_number ?? 0
      expect(events.map((event) => event.sequence_number - first)).toEqual(
        events.map((_, index) => index),
      )
    }),
    { numRuns: 500 },
  )
})

const shared = process.env['BRIDGE_SHARED']
const folder = process.env['BRIDGE_CORPUS'] ?? (shared && path.join(shared, 'corpus'))
const recorded = (ending: string): string[] =>
  folder === undefined
    ? []
    : readdirSync(path.join(folder, 'responses')).filter((name) => name.endsWith(ending))
const textOfRecording = (name: string): string =>
  readFileSync(path.join(folder ?? '', 'responses', name), 'utf8')

/** Up to its first end: some recordings hold a second response behind it. */
function streamOf(name: string): string {
  const frames = textOfRecording(name).split(/(?<=\n\r?\n)/)
  const end = frames.findIndex((frame) => TERMINALS.some((type) => frame.includes(`"${type}"`)))
  return frames.slice(0, end + 1).join('')
}

describe.skipIf(folder === undefined)(
  'recordings of Responses (set BRIDGE_CORPUS to their folder)',
  () => {
    test('there are some', () => {
      expect(recorded('.sse').length).toBeGreaterThan(20)
    })

    test.each(recorded('.sse'))(
      '%s says the same relayed, and no more is wrong with it',
      (name) => {
        const upstream = streamOf(name)
        const { relay, text } = run([upstream])
        const before = eventsOf(upstream)
        const after = eventsOf(text())
        const told = ({
          sequence_number: _number,
          ...event
        }: object & { sequence_number?: number }) => event
        const others = (events: typeof before) =>
          events.filter(({ type }) => type !== 'error').map(told)
        expect(others(after)).toEqual(others(before))
        expect(after.map(({ type }) => type)).toEqual(before.map(({ type }) => type))
        expect(relay.outcome?.status).toBe(before.at(-1)?.type.slice('response.'.length))
        const known = failuresOf(upstream, 'none')
        expect(failuresOf(text(), 'none').filter((failure) => !known.includes(failure))).toEqual([])
      },
    )

    test.each(recorded('.sse'))('%s keeps every byte of every event', (name) => {
      const upstream = streamOf(name)
      const datas = upstream.match(/^data: \{.*$/gm) ?? []
      const { text } = run([upstream])
      const isMended = (data: string) =>
        /"type":\s*"error"/.test(data) || !/sequence_number/.test(data)
      for (const data of datas.filter((one) => !isMended(one)))
        expect(text()).toContain(`${data.trimEnd()}\n\n`)
    })

    test.each(recorded('.sse'))('%s cut in the middle ends in order', (name) => {
      const events = streamOf(name).split(/(?<=\n\n)/)
      const { relay, text } = testRelay()
      feed(relay, events.slice(0, Math.ceil(events.length / 2)).join(''))
      relay.cut({ budget: 'cost' })
      relay.conclude()
      const types = typesOf(text())
      expect(types.filter((type) => TERMINALS.includes(type))).toEqual([types.at(-1)])
      const known = failuresOf(streamOf(name), 'none')
      const failures = failuresOf(text(), 'none').filter((failure) => !known.includes(failure))
      expect(failures).toEqual([])
    })

    test.each(recorded('.json'))('%s reaches the client value for value', (name) => {
      const body = JSON.parse(textOfRecording(name))
      const { relay, text } = testRelay({ streaming: false })
      relay.body(body)
      relay.conclude()
      expect(JSON.parse(text())).toEqual(body)
      const isKnown = TERMINALS.includes(`response.${body.status}`)
      expect(relay.outcome?.status).toBe(isKnown ? body.status : 'completed')
    })
  },
)
