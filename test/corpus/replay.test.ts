/**
 * Every recording of a Chat Completions answer, through the stream machine, against what an
 * independent reader finds in it. Each difference that is meant is listed here with its reason.
 */
import { describe, expect, test } from 'vitest'
import type { ResponseObject, ResponseStatus } from '../../src/protocol/responses/response.ts'
import {
  PLAIN_SEAL,
  type Run,
  runBody,
  runReads,
  runStream,
  type Said,
  saidIn,
  sseOf,
} from '../translate/to-responses/harness.ts'
import { sharedFailures } from '../translate/to-responses/shared-validator.ts'
import { ruleBreaks } from '../translate/to-responses/stream-rules.ts'
import { chatRecordings, type OracleAnswer, type OracleUsage, type Recording } from './oracle.ts'

const recordings = chatRecordings()
const streams = recordings.filter(({ expected }) => expected.kind === 'stream')
const bodies = recordings.filter(({ expected }) => expected.kind === 'body')

/** The only file with both `delta` and `message` in a body: as an event, its (empty) delta counts. */
const NOT_AN_EVENT = 'chat/perplexity--body-text-citations-sonar-pro.json'

/** Arguments of a completed call that reach the client as `{}`; the oracle keeps the raw string. */
const EMPTY_ARGUMENTS = [
  'chat/databricks--tool-args-empty-usage-every-chunk-us.anthropic.claude-3-7-so.sse',
  'chat/openrouter--body-tool-args-null-claude-sonnet-4.5.json',
]

function replay({ text, expected }: Recording): Run {
  const options = { seal: PLAIN_SEAL }
  return expected.kind === 'body' ? runBody(JSON.parse(text), options) : runStream(text, options)
}

function expectedSaid({ name, expected }: Recording): unknown {
  const { text, reasoning, refusal } = expected
  const calls = expected.tool_calls.map((call) => [
    call.name,
    call.arguments === '' && EMPTY_ARGUMENTS.includes(name) ? '{}' : call.arguments,
  ])
  return { text, reasoning, refusal, calls }
}

function comparable({ text, reasoning, refusal, calls }: Said): unknown {
  return { text, reasoning, refusal, calls: calls.map((call) => [call.name, call.arguments]) }
}

function saidInOutput({ output }: ResponseObject): Said {
  const said = { text: '', reasoning: '', refusal: '', calls: [] as Said['calls'] }
  for (const item of output) {
    if (item.type === 'reasoning') for (const part of item.summary) said.reasoning += part.text
    if (item.type === 'message') {
      for (const part of item.content) {
        if (part.type === 'output_text') said.text += part.text
        else said.refusal += part.refusal
      }
    }
    if (item.type === 'function_call') {
      said.calls.push({ name: item.name, callId: item.call_id, arguments: item.arguments })
    }
  }
  return said
}

function expectedStatus({ error, ended, finish_reason: reason }: OracleAnswer): ResponseStatus {
  if (error !== undefined || ended === 'truncated') return 'failed'
  return reason === 'length' || reason === 'content_filter' ? 'incomplete' : 'completed'
}

/** The interface page's rule, worked out from the raw counts. */
function expectedUsage(usage: OracleUsage | null): unknown {
  if (usage === null) return null
  const { prompt_tokens: input, completion_tokens: completion, total_tokens: total } = usage
  const output = Math.max(completion, total - input)
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    input_tokens_details: { cached_tokens: Math.min(usage.cached_tokens ?? 0, input) },
    output_tokens_details: { reasoning_tokens: Math.min(usage.reasoning_tokens ?? 0, output) },
  }
}

describe.skipIf(recordings.length === 0)(
  'recordings of Chat Completions (set BRIDGE_CORPUS to their folder)',
  () => {
    test('there are as many as the oracle knows', () => {
      expect([streams.length, bodies.length]).toEqual([114, 65])
    })

    test.each(recordings)('$name is answered as its oracle reads it', (recording) => {
      const { expected } = recording
      const { events, response, outcome } = replay(recording)

      expect(comparable(saidIn(events))).toEqual(expectedSaid(recording))
      expect(response.status).toBe(expectedStatus(expected))
      if (response.status !== 'failed') {
        expect(comparable(saidInOutput(response))).toEqual(expectedSaid(recording))
      }
      if (expected.usage === null) expect(response.usage).toBeNull()
      else expect(response.usage).toMatchObject(expectedUsage(expected.usage) ?? {})
      if (expected.error?.message) expect(outcome?.error?.message).toBe(expected.error.message)
    })

    test.each(recordings)(
      '$name keeps the ids of its calls where they can be kept',
      (recording) => {
        const { events } = replay(recording)
        const seen = new Set<string>()
        const expected = recording.expected.tool_calls.map(({ id }) => {
          const isFresh = id === null || seen.has(id)
          if (id !== null) seen.add(id)
          return isFresh ? expect.stringMatching(/^call_\d+$/) : id
        })
        expect(saidIn(events).calls.map(({ callId }) => callId)).toEqual(expected)
      },
    )

    test.each(recordings)('$name makes a stream that breaks no rule', (recording) => {
      const { events } = replay(recording)
      expect(ruleBreaks(events)).toEqual([])
      expect(sharedFailures(events)).toEqual([])
    })

    test.each(streams)('$name makes the same events read in small pieces', ({ text }) => {
      const pieces = text.match(/[\s\S]{1,7}/g) ?? []
      expect(runReads(pieces).events).toEqual(runStream(text).events)
    })

    test.each(bodies.filter(({ name }) => name !== NOT_AN_EVENT))(
      '$name is the same answer as the only event of a stream',
      ({ text }) => {
        const body: unknown = JSON.parse(text)
        const options = { seal: PLAIN_SEAL }
        const streamed = runStream(sseOf([body, '[DONE]']), options)
        expect(streamed.response).toEqual(runBody(body, options).response)
      },
    )

    test('the listed deviations are all needed', () => {
      const empty = recordings.filter(
        (recording) =>
          expectedStatus(recording.expected) === 'completed' &&
          recording.expected.tool_calls.some((call) => call.arguments === ''),
      )
      expect(empty.map(({ name }) => name)).toEqual(EMPTY_ARGUMENTS)
    })
  },
)
