/** The quirks of providers, by their numbers in the reference page, each on fixtures of its own. */
import { describe, expect, test } from 'vitest'
import { encodeEvent } from '../../../src/protocol/sse.ts'
import { type Run, runBody, runStream, saidIn, sseOf, testMachine, wireOf } from './harness.ts'
import { endingQuirks } from './quirks/endings.ts'
import type { Expected, Quirk } from './quirks/quirk.ts'
import { reasoningQuirks } from './quirks/reasoning.ts'
import { responsesQuirks } from './quirks/responses-side.ts'
import { textQuirks } from './quirks/text.ts'
import { toolQuirks } from './quirks/tools.ts'
import { hasSharedValidator, sharedFailures } from './shared-validator.ts'
import { ruleBreaks } from './stream-rules.ts'

const quirks = [
  ...endingQuirks,
  ...reasoningQuirks,
  ...textQuirks,
  ...toolQuirks,
  ...responsesQuirks,
].toSorted((one, other) => one.number - other.number)

/** Of a writer of streams, 54 asks nothing but its own test below. */
const TESTED_APART = [54]

function runQuirk({ upstream, options }: Quirk): Run {
  if ('body' in upstream) return runBody(upstream.body, options)
  return runStream('sse' in upstream ? upstream.sse : sseOf(upstream.messages), options)
}

function summaryOf({ events, response, outcome }: Run): Required<Expected> {
  const said = saidIn(events)
  const { usage } = response
  return {
    text: said.text,
    reasoning: said.reasoning,
    refusal: said.refusal,
    calls: said.calls.map((call) => [call.name, call.arguments]),
    callIds: said.calls.map(({ callId }) => callId),
    status: response.status,
    reason: response.incomplete_details?.reason ?? 'max_output_tokens',
    error: outcome?.error?.code ?? 'none',
    items: response.output.map(({ type }) => type),
    usage: usage === null ? null : [usage.input_tokens, usage.output_tokens],
  }
}

describe('quirks of Chat Completions providers', () => {
  test.each(quirks)('$number. $name', (quirk) => {
    const run = runQuirk(quirk)

    expect(summaryOf(run)).toMatchObject(quirk.expected)
    quirk.check?.(run)
    expect(ruleBreaks(run.events)).toEqual([])
  })

  test.skipIf(!hasSharedValidator).each(quirks)(
    '$number. $name: passes the shared validator (needs BRIDGE_SHARED)',
    (quirk) => {
      expect(sharedFailures(runQuirk(quirk).events)).toEqual([])
    },
  )

  test('54. a sign of life is a typed, numbered event, and [DONE] the last frame', () => {
    const { machine, events } = testMachine()
    machine.open()
    machine.keepalive()
    machine.message('{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}', undefined)
    machine.ended()
    machine.conclude()

    expect(events[2]).toEqual({ type: 'keepalive' })
    expect(encodeEvent({ type: 'keepalive' }, 2)).toBe(
      'event: keepalive\ndata: {"type":"keepalive","sequence_number":2}\n\n',
    )
    expect(wireOf(events)).toMatch(/\n\ndata: \[DONE\]\n\n$/)
  })

  test('the table misses none of the 54', () => {
    const covered = new Set([...quirks.map(({ number }) => number), ...TESTED_APART])
    const missing = Array.from({ length: 54 }, (_, index) => index + 1).filter(
      (number) => !covered.has(number),
    )
    expect(missing).toEqual([])
  })
})
