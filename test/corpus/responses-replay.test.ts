/**
 * Every recording of a Responses answer, as a Chat Completions client gets it, against what its items
 * say. Each difference that is meant is listed here with its reason.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  type Chunk,
  chunksOf,
  feed,
  run,
  runBody,
  type Said,
  saidIn,
  saidInBody,
  testAnswer,
} from '../translate/to-chat-answer/harness.ts'
import { runStream, saidIn as saidInEvents } from '../translate/to-responses/harness.ts'
import {
  type RecordedItem,
  type ResponsesRecording,
  responsesRecordings,
} from './responses-recordings.ts'

const recordings = responsesRecordings()
const streams = recordings.filter(({ kind }) => kind === 'stream')
const bodies = recordings.filter(({ kind }) => kind === 'body')

const MESSAGE_SEAM = '\n\n'

function expectedSaid({ items }: ResponsesRecording): Omit<Said, 'finish'> {
  const of = (type: string) => items.filter((item) => item.type === type)
  const messages = of('message').map((item) => item.content ?? [])
  const texts = messages.map((parts) => parts.map(({ text }) => text ?? '').join(''))
  return {
    text: texts.filter((text) => text !== '').join(MESSAGE_SEAM),
    refusal: messages.flatMap((parts) => parts.map(({ refusal }) => refusal ?? '')).join(''),
    reasoning: of('reasoning').flatMap(reasoningOf).join(MESSAGE_SEAM),
    calls: items.flatMap((item) => callOf(item) ?? []),
    sealed: of('reasoning').flatMap((item) => item.encrypted_content || []),
  }
}

/** One telling of it: the raw one where there is one. */
function reasoningOf({ content, summary }: RecordedItem): string[] {
  const texts = (parts: typeof content) => (parts ?? []).flatMap(({ text }) => (text ? [text] : []))
  const raw = texts(content)
  return raw.length > 0 ? raw : texts(summary)
}

function callOf(item: RecordedItem): Said['calls'][number] | undefined {
  const { call_id: id = '', name = '' } = item
  if (item.type === 'function_call') {
    return { id, kind: 'function', name, text: item.arguments || '{}' }
  }
  if (item.type !== 'custom_tool_call') return undefined
  return { id, kind: 'custom', name, text: item.input ?? '' }
}

function expectedFinish({ last, items }: ResponsesRecording): string[] {
  if (last === undefined || last.status === 'failed') return []
  const hasCalls = items.some((item) => callOf(item) !== undefined)
  if (last.status !== 'incomplete') return [hasCalls ? 'tool_calls' : 'stop']
  return [last.incomplete_details?.reason === 'content_filter' ? 'content_filter' : 'length']
}

function expectedUsage({ last }: ResponsesRecording): unknown {
  const usage = last?.usage
  if (usage === undefined || usage === null) return undefined
  const { input_tokens: prompt = 0, output_tokens: completion = 0 } = usage
  return expect.objectContaining({
    prompt_tokens: prompt,
    completion_tokens: Math.max(completion, (usage['total_tokens'] ?? 0) - prompt),
  })
}

describe.skipIf(recordings.length === 0)(
  'recordings of Responses, for a chat client (set BRIDGE_CORPUS to their folder)',
  () => {
    test('there are as many as expected', () => {
      expect([streams.length, bodies.length]).toEqual([45, 39])
    })

    test.each(streams)('$name streams what its items say', (recording) => {
      const { text, outcome } = run([recording.text])
      const { finish, ...said } = saidIn(text)
      expect(finish).toEqual(expectedFinish(recording))
      if (outcome?.status === 'failed') {
        expect(text.endsWith('[DONE]\n\n')).toBe(false)
        expect(chunksOf(text).at(-1)).toHaveProperty('error.message')
        return
      }
      expect(said).toEqual(expectedSaid(recording))
      expect(text.split('data: [DONE]\n\n')).toHaveLength(2)
      const usage = chunksOf(text).flatMap((chunk) => chunk.usage ?? [])
      expect(usage).toEqual([expectedUsage(recording)])
    })

    test.each(streams)('$name is the same as one body', (recording) => {
      const { text, outcome } = run([recording.text], { streaming: false })
      if (outcome?.status === 'failed') expect(JSON.parse(text)).toHaveProperty('error.message')
      else {
        expect(saidInBody(text)).toEqual(saidIn(run([recording.text]).text))
        expect(JSON.parse(text).usage).toEqual(expectedUsage(recording))
      }
    })

    test.each(bodies)('$name is answered whole, and as a stream', (recording) => {
      const body = JSON.parse(recording.text)
      const { finish, ...said } = saidInBody(runBody(body, { streaming: false }).text)
      expect(said).toEqual(expectedSaid(recording))
      expect(finish).toEqual(expectedFinish(recording))
      expect(saidIn(runBody(body).text)).toEqual({ ...said, finish })
    })

    test.each(streams)('$name makes the same chunks read in small pieces', ({ text }) => {
      expect(run(text.match(/[\s\S]{1,7}/g) ?? []).text).toBe(run([text]).text)
    })

    test.each(streams)('$name counts at least what it says', (recording) => {
      const { answerChars, saidChars } = countBoth(recording)
      expect(answerChars).toBeGreaterThanOrEqual(saidChars)
    })

    test.each(streams)('$name comes back from chat as the same texts and calls', (recording) => {
      const { text, outcome } = run([recording.text])
      if (outcome?.status === 'failed') return
      const back = saidInEvents(runStream(text).events)
      const said = saidIn(text)
      expect(back).toMatchObject({ text: said.text, refusal: said.refusal })
      expect(back.reasoning).toBe(said.reasoning)
      expect(back.calls.map((call) => [call.callId, call.name])).toEqual(
        said.calls.map((call) => [call.id, call.name]),
      )
    })
  },
)

function countBoth({ text }: ResponsesRecording): { answerChars: number; saidChars: number } {
  const { text: out, outputChars } = runCounting(text)
  const said = saidIn(out)
  const calls = said.calls.reduce((sum, call) => sum + call.text.length, 0)
  return {
    answerChars: outputChars,
    // Seams and an empty object are the bridge's own.
    saidChars: said.text.replaceAll(MESSAGE_SEAM, '').length + (calls <= 2 ? 0 : calls),
  }
}

function runCounting(text: string): { text: string; outputChars: number } {
  const { answer, text: written } = testAnswer()
  feed(answer, text)
  answer.ended()
  answer.conclude()
  return { text: written(), outputChars: answer.outputChars }
}

/** The document marks these two `nullable`, a word that its validator does not read. */
function withoutNulls({ usage, ...chunk }: Chunk): object {
  const choices = chunk.choices.map(({ finish_reason: reason, ...choice }) => ({
    ...choice,
    finish_reason: reason ?? 'stop',
  }))
  return { ...chunk, choices, ...(usage ? { usage } : {}) }
}

const shared = process.env['BRIDGE_SHARED']

describe.skipIf(shared === undefined || recordings.length === 0)(
  'the chunks and bodies (skipped without $BRIDGE_SHARED)',
  () => {
    test('satisfy OpenAI’s document, but for the custom calls that it does not know', async () => {
      const library = pathToFileURL(path.join(shared ?? '', 'check/lib-validate.mjs')).href
      const { OA } = await import(library)
      const chunkSchema = { $ref: '#/components/schemas/CreateChatCompletionStreamResponse' }
      const bodySchema = { $ref: '#/components/schemas/CreateChatCompletionResponse' }
      for (const { name, text, items } of streams) {
        if (items.some(({ type }) => type === 'custom_tool_call')) continue
        for (const chunk of chunksOf(run([text]).text)) {
          if (chunk.error !== undefined) continue
          expect(OA.check(chunkSchema, withoutNulls(chunk)), name).toEqual([])
        }
        const { text: body, outcome } = run([text], { streaming: false })
        if (outcome?.status === 'failed') continue
        expect(OA.check(bodySchema, JSON.parse(body)), name).toEqual([])
      }
    })
  },
)
