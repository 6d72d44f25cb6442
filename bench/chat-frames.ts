/**
 * The upstream's answers as bytes, ready to be written: one HTTP chunk an event of about 270 bytes,
 * which is how real servers send them. Built once, so that the upstream costs next to nothing.
 */
import {
  type AnswerKind,
  type AnswerShape,
  ARGUMENTS_CLOSING,
  ARGUMENTS_OPENING,
  deltaText,
  TEXT_AFTER_REASONING,
  TOOL_NAME,
} from './wire.ts'

export const RESPONSE_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n' +
    'transfer-encoding: chunked\r\n\r\n',
)

/** Deltas repeat with this period (the least common multiple of `deltaText`'s lists). */
const PERIOD = 60 * 48

function frame(payload: string): string {
  const event = `data: ${payload}\n\n`
  return `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`
}

function chunk(delta: object, finishReason: string | null = null): string {
  return frame(
    JSON.stringify({
      id: 'chatcmpl-B3nchB3nchB3nchB3nchB3nchB3n',
      object: 'chat.completion.chunk',
      created: 1_760_000_000,
      model: 'bench-upstream-model-2026-01-01',
      service_tier: 'default',
      system_fingerprint: 'fp_b3nchb3nch',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      usage: null,
    }),
  )
}

function toolCall(call: object): object {
  return { tool_calls: [{ index: 0, ...call }] }
}

function deltaFrame(kind: AnswerKind, text: string): string {
  switch (kind) {
    case 'text':
    case 'unicode':
      return chunk({ content: text })
    case 'reasoning':
      return chunk({ reasoning_content: text })
    case 'tool':
      return chunk(toolCall({ function: { arguments: text } }))
  }
}

function openingFrames(kind: AnswerKind): string {
  const role = chunk({ role: 'assistant', content: kind === 'tool' ? null : '' })
  if (kind !== 'tool') return role
  const named = { id: 'call_b3nch', type: 'function', function: { name: TOOL_NAME, arguments: '' } }
  const first = toolCall({ function: { arguments: ARGUMENTS_OPENING } })
  return role + chunk(toolCall(named)) + chunk(first)
}

function closingFrames({ kind, deltas }: AnswerShape): string {
  let frames = ''
  if (kind === 'tool') frames += chunk(toolCall({ function: { arguments: ARGUMENTS_CLOSING } }))
  if (kind === 'reasoning') frames += chunk({ content: TEXT_AFTER_REASONING })
  frames += chunk({}, kind === 'tool' ? 'tool_calls' : 'stop')
  frames += frame(
    JSON.stringify({
      id: 'chatcmpl-B3nchB3nchB3nchB3nchB3nchB3n',
      object: 'chat.completion.chunk',
      created: 1_760_000_000,
      model: 'bench-upstream-model-2026-01-01',
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: deltas, total_tokens: deltas + 9 },
    }),
  )
  return `${frames}${frame('[DONE]')}0\r\n\r\n`
}

export interface AnswerFrames {
  readonly opening: Buffer
  /** The n-th delta's HTTP chunk. */
  delta(n: number): Buffer
  /** As many whole deltas from the n-th on as are at hand, never beyond the end. */
  deltasFrom(n: number): { readonly bytes: Buffer; readonly next: number }
  readonly closing: Buffer
}

interface Deltas {
  readonly bytes: Buffer
  /** Where each delta of the period begins; one more for the end. */
  readonly starts: readonly number[]
}

const deltasByKind = new Map<AnswerKind, Deltas>()

function buildDeltas(kind: AnswerKind): Deltas {
  const known = deltasByKind.get(kind)
  if (known !== undefined) return known
  const frames = Array.from({ length: PERIOD }, (_, n) =>
    Buffer.from(deltaFrame(kind, deltaText(kind, n))),
  )
  const starts = [0]
  for (const bytes of frames) starts.push((starts.at(-1) ?? 0) + bytes.length)
  const built = { bytes: Buffer.concat(frames), starts }
  deltasByKind.set(kind, built)
  return built
}

export function buildFrames(shape: AnswerShape): AnswerFrames {
  const { bytes, starts } = buildDeltas(shape.kind)
  return {
    opening: Buffer.concat([RESPONSE_HEAD, Buffer.from(openingFrames(shape.kind))]),
    delta: (n) => bytes.subarray(starts[n % PERIOD], starts[(n % PERIOD) + 1]),
    deltasFrom(n) {
      const first = n % PERIOD
      const count = Math.min(PERIOD - first, shape.deltas - n)
      return { bytes: bytes.subarray(starts[first], starts[first + count]), next: n + count }
    },
    closing: Buffer.from(closingFrames(shape)),
  }
}
