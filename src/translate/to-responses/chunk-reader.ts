/**
 * One chunk of a stream, or one whole body: what it says goes to the sink, what it says about the
 * answer comes back. Any member may be missing, null, or of another type.
 *
 * @see ../../../docs/mapping-answers.md, "Odd upstreams"
 */
import type { BridgeError } from '../../errors.ts'
import type { TokenLogprob } from '../../protocol/responses/items.ts'
import type { Usage } from '../../protocol/usage.ts'
import { isRecord, listOf } from '../narrow.ts'
import { isErrorValue, toUpstreamError } from '../upstream-error.ts'
import { readUsage } from '../usage.ts'
import { readLogprobs } from './delta-reader.ts'
import { type Ending, type FailedFinish, mapFinishReason } from './finish-reason.ts'

type JsonObject = Record<string, unknown>

export interface ChunkSink {
  /** Which of the two counts where a choice has both: Perplexity sends both, always. */
  readonly prefers: 'delta' | 'message'
  /** Whether the client asked for logprobs; they are not read otherwise. */
  readonly wantsLogprobs: boolean
  /** Part of a message. */
  delta(delta: JsonObject, logprobs: readonly TokenLogprob[]): void
  /** A message as a whole, in a body or in place of the deltas. */
  message(message: JsonObject, logprobs: readonly TokenLogprob[]): void
}

export interface ChunkReport {
  /** Whether it spoke about the answer at all. */
  readonly hasChoice: boolean
  readonly finish: Ending | FailedFinish | undefined
  readonly usage: Usage | undefined
  readonly error: BridgeError | undefined
  /** The tier that served it; undefined where the upstream names none that the wire knows. */
  readonly serviceTier: string | undefined
}

/** A closed set in OpenAI's document; Groq's `on_demand` is in none. */
const SERVICE_TIERS: ReadonlyMap<unknown, string> = new Map(
  ['auto', 'default', 'fast', 'flex', 'scale', 'priority'].map((tier) => [tier, tier]),
)
const NO_LOGPROBS: readonly TokenLogprob[] = []

/** @param event The name of the server-sent event, which alone may say that this is an error. */
export function readChunk(
  chunk: JsonObject,
  event: string | undefined,
  sink: ChunkSink,
): ChunkReport {
  let hasChoice = false
  let finish: Ending | FailedFinish | undefined
  const choices = listOf(chunk['choices'])
  for (let position = 0; position < choices.length; position++) {
    const choice = choices[position]
    if (!isRecord(choice) || !isFirstChoice(choice, position)) continue
    const isSaid = readChoice(choice, sink)
    // The delta first: many servers put the last text on the chunk that finishes.
    finish ??= mapFinishReason(choice['finish_reason'])
    hasChoice ||= isSaid || finish !== undefined
  }
  return {
    hasChoice,
    finish,
    usage: usageIn(chunk),
    error: errorIn(chunk, event),
    serviceTier: SERVICE_TIERS.get(chunk['service_tier']),
  }
}

/** Nobody asked for other choices, so they neither mix in nor end the answer. */
function isFirstChoice(choice: JsonObject, position: number): boolean {
  const index = choice['index']
  return Number.isInteger(index) ? index === 0 : position === 0
}

function readChoice(choice: JsonObject, sink: ChunkSink): boolean {
  const { delta, message } = choice
  const logprobs = sink.wantsLogprobs ? readLogprobs(choice['logprobs']) : NO_LOGPROBS
  if (isRecord(delta) && !(sink.prefers === 'message' && isRecord(message))) {
    sink.delta(delta, logprobs)
    return true
  }
  if (!isRecord(message)) return false
  sink.message(message, logprobs)
  return true
}

/** Upstreams put usage into up to three places of one chunk, with the same counts. */
function usageIn(chunk: JsonObject): Usage | undefined {
  const top = readUsage(chunk['usage'])
  if (top !== undefined) return top
  const groq = chunk['x_groq']
  const ofGroq = isRecord(groq) ? readUsage(groq['usage']) : undefined
  if (ofGroq !== undefined) return ofGroq
  const choice = listOf(chunk['choices'])[0]
  return isRecord(choice) ? readUsage(choice['usage']) : undefined
}

function errorIn(chunk: JsonObject, event: string | undefined): BridgeError | undefined {
  if (isErrorValue(chunk['error'])) return toUpstreamError(chunk['error'])
  for (const choice of listOf(chunk['choices'])) {
    if (isRecord(choice) && isErrorValue(choice['error'])) return toUpstreamError(choice['error'])
  }
  // vLLM has sent the error as the frame itself.
  return event === 'error' || chunk['object'] === 'error' ? toUpstreamError(chunk) : undefined
}
