/** What holds for every upstream, sane or not. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import { encodeEvent } from '../../../src/protocol/sse.ts'
import type { Seal } from '../../../src/translate/seal.ts'
import { STOP_TOOL_NAME } from '../../../src/translate/tool-table.ts'
import {
  runReads,
  runStream,
  saidIn,
  sseOf,
  type TestOptions,
  testMachine,
  toolTable,
} from './harness.ts'
import { call, chunk, ending } from './quirks/quirk.ts'
import { sharedFailures } from './shared-validator.ts'
import { ruleBreaks } from './stream-rules.ts'

const tools = toolTable(
  {
    a: { kind: 'function', name: 'a', namespace: 'n' },
    b: { kind: 'custom', name: 'b' },
    c: { kind: 'tool_search' },
    [STOP_TOOL_NAME]: { kind: 'stop' },
  },
  ['forbidden'],
)

/** As opaque as the real one: what it holds is not on the wire. */
const SEAL: Seal = { seal: (plain) => `sealed:${plain.length}`, open: () => undefined }

const options: fc.Arbitrary<TestOptions> = fc.record({
  tools: fc.constant(tools),
  seal: fc.constantFrom(undefined, SEAL),
  logprobs: fc.boolean(),
  thinkTags: fc.boolean(),
  refusalAsText: fc.boolean(),
})

/** Anything, and often what the machine reads. */
const odd = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', null, undefined, 0, -1, 1.5, true, [], {}) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
)
const or = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 4, arbitrary }, { weight: 1, arbitrary: odd })

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(
    '<think>',
    '</think>',
    '\ud83d',
    '\ude00',
    '{',
    '}',
    '{}',
    '"',
    '{"input":"',
    '\\',
  ),
)
const toolCall = fc.record(
  {
    index: or(fc.constantFrom(0, 1, -1)),
    id: or(fc.constantFrom('x', 'y', '')),
    type: or(fc.constantFrom('function', 'custom')),
    function: or(
      fc.record(
        {
          name: or(fc.constantFrom('a', 'b', 'c', STOP_TOOL_NAME, 'forbidden')),
          arguments: or(piece),
        },
        { requiredKeys: [] },
      ),
    ),
    custom: or(fc.record({ name: fc.constantFrom('', 'b'), input: piece })),
  },
  { requiredKeys: [] },
)
const detail = fc.record(
  {
    type: fc.constantFrom('reasoning.text', 'reasoning.summary', 'reasoning.encrypted'),
    text: or(piece),
    summary: or(piece),
    data: or(piece),
    signature: or(piece),
    index: fc.constantFrom(0, 1),
  },
  { requiredKeys: [] },
)
const part = fc.record(
  {
    type: fc.constantFrom('text', 'thinking', 'refusal', 'image_url'),
    text: or(piece),
    thinking: or(piece),
    refusal: or(piece),
  },
  { requiredKeys: [] },
)
const annotation = fc.record(
  {
    type: fc.constant('url_citation'),
    url: or(fc.constant('https://example.com')),
    title: or(piece),
    start_index: or(fc.nat(5)),
    end_index: or(fc.nat(5)),
  },
  { requiredKeys: [] },
)
const delta = fc.record(
  {
    content: or(fc.oneof(piece, fc.array(or(part), { maxLength: 3 }))),
    reasoning_content: or(piece),
    reasoning: or(piece),
    reasoning_details: or(fc.array(or(detail), { maxLength: 2 })),
    refusal: or(piece),
    tool_calls: or(fc.array(or(toolCall), { maxLength: 3 })),
    function_call: or(fc.record({ name: piece, arguments: piece })),
    annotations: or(fc.array(or(annotation), { maxLength: 2 })),
  },
  { requiredKeys: [] },
)
const usage = fc.record(
  {
    prompt_tokens: or(fc.nat(100)),
    completion_tokens: or(fc.nat(100)),
    total_tokens: or(fc.nat(200)),
    reasoning_tokens: or(fc.nat(200)),
    cached_tokens: or(fc.nat(200)),
  },
  { requiredKeys: [] },
)
const choice = fc.record(
  {
    index: or(fc.constantFrom(0, 1)),
    delta: or(delta),
    message: or(delta),
    finish_reason: fc.oneof(
      { weight: 8, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('stop', 'length', 'content_filter', 'eos', 'error', 7),
      },
    ),
    logprobs: or(
      fc.record({
        content: or(fc.array(fc.record({ token: or(piece), logprob: or(fc.double()) }))),
      }),
    ),
    usage: or(usage),
  },
  { requiredKeys: [] },
)
const oddChunk = fc.record(
  {
    choices: or(fc.array(or(choice), { maxLength: 2 })),
    usage: or(usage),
    x_groq: or(fc.record({ usage })),
    error: fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: odd }),
  },
  { requiredKeys: [] },
)

type Step =
  | { readonly do: 'message'; readonly data: string; readonly event: string | undefined }
  | { readonly do: 'body'; readonly json: unknown }
  | { readonly do: 'open' | 'keepalive' | 'ended' | 'fail' | 'cut' | 'conclude' }

const message = (data: fc.Arbitrary<string>): fc.Arbitrary<Step> =>
  fc.record({
    do: fc.constant('message'),
    data,
    event: fc.constantFrom(undefined, undefined, undefined, 'message', 'error', 'ping'),
  })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: message(oddChunk.map((value) => JSON.stringify(value))) },
  { weight: 2, arbitrary: message(fc.constant('[DONE]')) },
  { weight: 1, arbitrary: message(fc.oneof(fc.json({ maxDepth: 2 }), fc.string())) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('body'), json: oddChunk }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('open', 'keepalive', 'keepalive', 'ended', 'fail', 'cut', 'conclude'),
    }),
  },
)

describe('whatever an upstream sends', () => {
  test('nothing is thrown, no rule is broken, and the stream ends exactly once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), options, (steps, given) => {
        const { machine, events } = testMachine(given)
        for (const next of steps) {
          if (next.do === 'message') machine.message(next.data, next.event)
          else if (next.do === 'body') machine.body(next.json)
          else if (next.do === 'fail') machine.fail(new BridgeError('upstream_cut', 'Cut.'))
          else if (next.do === 'cut') machine.cut({ limit: 'x' })
          else machine[next.do]()
        }
        machine.ended()
        machine.conclude()

        expect(ruleBreaks(events)).toEqual([])
        expect(machine.phase).toBe('concluded')
        const sent = events.map(encodeEvent).join('')
        expect(sent.isWellFormed()).toBe(true)
        expect(sent).not.toMatch(/\\ud[89a-f]/)
      }),
      { numRuns: 500 },
    )
  })

  test('any split of the bytes gives the same events', () => {
    const chunks = fc.array(oddChunk, { maxLength: 6 })
    fc.assert(
      fc.property(chunks, fc.array(fc.nat(), { maxLength: 12 }), options, (sent, cuts, given) => {
        const sse = `: hi\n\n${sseOf([chunk({ content: '✓😀' }), ...sent, '[DONE]'])}`
        const bytes = new TextEncoder().encode(sse)
        const at = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].toSorted(
          (one, other) => one - other,
        )
        const decoder = new TextDecoder()
        const reads = at
          .slice(1)
          .map((end, index) => decoder.decode(bytes.subarray(at[index], end), { stream: true }))
        expect(runReads(reads, given).events).toEqual(runStream(sse, given).events)
      }),
    )
  })
})

describe('whatever a model says', () => {
  type Segment =
    | { readonly kind: 'text' | 'reasoning' | 'refusal'; readonly pieces: readonly string[] }
    | { readonly kind: 'call'; readonly pieces: readonly string[] }

  const pieces = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), {
    minLength: 1,
    maxLength: 4,
  })
  const segment: fc.Arbitrary<Segment> = fc.oneof(
    fc.record({ kind: fc.constantFrom('text', 'reasoning', 'refusal'), pieces }),
    fc.record({
      kind: fc.constant('call'),
      pieces: fc
        .tuple(fc.dictionary(fc.string(), fc.string()), fc.nat(20))
        .map(([object, at]) => [
          JSON.stringify(object).slice(0, at),
          JSON.stringify(object).slice(at),
        ]),
    }),
  )

  function chunksOf(segments: readonly Segment[]): unknown[] {
    return segments.flatMap(({ kind, pieces: said }, index) => {
      if (kind === 'call') {
        const first = call(index, `id_${index}`, 'undeclared', '')
        return [first, ...said.map((args) => call(index, undefined, undefined, args))]
      }
      const member = kind === 'text' ? 'content' : kind === 'refusal' ? 'refusal' : 'reasoning'
      return said.map((text) => chunk({ [member]: text }))
    })
  }

  function joined(segments: readonly Segment[], kind: Segment['kind']): string[] {
    return segments.filter((each) => each.kind === kind).map((each) => each.pieces.join(''))
  }

  test('reaches the client whole, and in order, in a stream both schemas take', () => {
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 8 }), (segments) => {
        const { events, response } = runStream(sseOf([...chunksOf(segments), ...ending('stop')]))
        const said = saidIn(events)
        expect(said.text).toBe(joined(segments, 'text').join(''))
        expect(said.reasoning).toBe(joined(segments, 'reasoning').join(''))
        expect(said.refusal).toBe(joined(segments, 'refusal').join(''))
        expect(said.calls.map((each) => each.arguments)).toEqual(joined(segments, 'call'))
        expect(response.status).toBe('completed')
        expect(ruleBreaks(events)).toEqual([])
        // A model may say U+FFFD itself; the validator takes every one for a cut character.
        const failures = sharedFailures(events).filter((each) => !each.includes('U+FFFD'))
        expect(failures).toEqual([])
      }),
      { numRuns: 50 },
    )
  })
})
