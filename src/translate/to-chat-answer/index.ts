/**
 * A Responses answer for a client that speaks Chat Completions, event by event or whole.
 *
 * ```
 *   open ──terminal event | [DONE] | ended | body | fail | cut──▶ finished ──conclude──▶ concluded
 * ```
 *
 * What tells the client that the answer is over waits for `conclude`: the finish reason, the usage,
 * `[DONE]`. A failure is one error frame in their place.
 *
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 * @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 */
import { type BridgeError, toErrorBody } from '../../errors.ts'
import { DONE_FRAME } from '../../protocol/sse.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { Answer, AnswerOutcome, AnswerPhase } from '../answer.ts'
import { badAnswer, cutShort } from '../answer-faults.ts'
import { type ChatHead, KEEPALIVE_FRAME, toChatUsage, usageChunk } from '../chat-frames.ts'
import { frameOf } from '../chat-passage.ts'
import type { Ids } from '../ids.ts'
import { isRecord, listOf, textOf } from '../narrow.ts'
import { TERMINALS } from '../responses-endings.ts'
import { readResponsesBody, readResponsesMessage } from '../responses-messages.ts'
import { toUpstreamError } from '../upstream-error.ts'
import { readUsage } from '../usage.ts'
import { type ChunkWriter, createChunkWriter } from './chunks.ts'
import { type CompletionBuilder, createCompletionBuilder } from './completion.ts'
import { AnswerItems } from './items.ts'
import { both, type FinishReason } from './sink.ts'

export interface ChatAnswerOptions {
  /** Takes whole frames; for a client that does not stream, the one JSON body. */
  readonly write: (text: string) => void
  /** Whether the client asked for a stream. The upstream's is read either way. */
  readonly streaming: boolean
  /** Whether it asked for usage in that stream (`stream_options.include_usage`). */
  readonly includeUsage: boolean
  /** Whether it asked for padded deltas (`stream_options.include_obfuscation`). */
  readonly obfuscate: boolean
  readonly logprobs: boolean
  readonly head: ChatHead
  readonly ids: Ids
  /** Takes secrets out of an error's text. */
  readonly redact: (text: string) => string
}

type JsonObject = Readonly<Record<string, unknown>>

interface Result {
  readonly outcome: AnswerOutcome
  readonly reason: FinishReason
  /** What the last chunk, or the body, has beside its choice. */
  readonly members: JsonObject
}

type State =
  | { readonly at: 'open' }
  | { readonly at: 'finished' | 'concluded'; readonly result: Result }

export interface ChatAnswerWriter extends Answer {
  /** The answer as far as it came, as one body. */
  readonly completion: JsonObject
}

export function createChatAnswer(options: ChatAnswerOptions): ChatAnswerWriter {
  return new ChatAnswer(options)
}

class ChatAnswer implements ChatAnswerWriter {
  readonly #options: ChatAnswerOptions
  /** Gathers the answer as one body: for a client that wants it whole, and for the trace. */
  readonly #builder: CompletionBuilder
  /** Undefined for a client that does not stream. */
  readonly #writer: ChunkWriter | undefined
  readonly #items: AnswerItems
  #state: State = { at: 'open' }
  #isOpened = false
  /** What an `error` event said; a failed response should follow it. */
  #announced: BridgeError | undefined

  constructor(options: ChatAnswerOptions) {
    this.#options = options
    const { write, head, includeUsage, obfuscate, ids, logprobs } = options
    this.#builder = createCompletionBuilder(head)
    this.#writer = options.streaming
      ? createChunkWriter({ head, includeUsage, obfuscate, write })
      : undefined
    const sink = this.#writer === undefined ? this.#builder : both(this.#writer, this.#builder)
    this.#items = new AnswerItems({ sink, ids, logprobs })
  }

  get phase(): AnswerPhase {
    return this.#state.at
  }

  get outcome(): AnswerOutcome | undefined {
    return this.#state.at === 'open' ? undefined : this.#state.result.outcome
  }

  get outputChars(): number {
    return this.#items.outputChars
  }

  get completion(): JsonObject {
    if (this.#state.at === 'open') return this.#builder.finish(null, {})
    const { outcome, reason, members } = this.#state.result
    const usage = outcome.usage === undefined ? {} : { usage: toChatUsage(outcome.usage) }
    const isCut = outcome.status === 'failed'
    return this.#builder.finish(isCut ? null : reason, { ...members, ...usage })
  }

  open(): void {
    if (this.#isOpened) return
    this.#isOpened = true
    this.#writer?.begin()
  }

  message(data: string, name: string | undefined): void {
    if (this.#state.at !== 'open') return
    const read = readResponsesMessage(data, name)
    switch (read.is) {
      case 'event':
        this.#read(read.type, read.event)
        return
      case 'announcement':
        this.#announced ??= read.error
        return
      case 'done':
        this.ended()
        return
      case 'fault':
        this.#failWith(read.error)
    }
  }

  /** For an upstream that answers whole whatever it was asked for. */
  body(json: unknown): void {
    if (this.#state.at !== 'open') return
    const read = readResponsesBody(json)
    if ('error' in read) this.#failWith(read.error)
    else {
      const { response } = read
      const type = `response.${textOf(response['status'])}`
      this.open()
      this.#end(TERMINALS.get(type) ?? statusOf(response), response)
    }
  }

  ended(): void {
    if (this.#state.at === 'open') this.#failWith(this.#announced ?? cutShort())
  }

  fail(error: BridgeError): void {
    if (this.#state.at === 'open') this.#failWith(this.#announced ?? error)
  }

  cut(metadata: Readonly<Record<string, string>>): void {
    if (this.#state.at !== 'open') return
    if (this.#announced !== undefined) this.#failWith(this.#announced)
    else {
      const outcome = { status: 'incomplete', usage: undefined, error: undefined } as const
      this.#finish({ outcome, reason: 'length', members: { metadata } })
    }
  }

  keepalive(): void {
    if (this.#writer !== undefined && this.#state.at === 'open') {
      this.#options.write(KEEPALIVE_FRAME)
    }
  }

  conclude(estimate?: Usage): void {
    this.ended()
    if (this.#state.at !== 'finished') return
    const { result } = this.#state
    this.#state = { at: 'concluded', result }
    this.#options.write(this.#lastWords(result, result.outcome.usage ?? estimate))
  }

  #read(type: string, event: JsonObject): void {
    this.open()
    const status = TERMINALS.get(type) ?? (type === 'response.cancelled' ? 'failed' : undefined)
    if (status === undefined) {
      this.#items.read(event, type)
      return
    }
    const { response } = event
    if (isRecord(response)) this.#end(status, response)
    else this.#failWith(badAnswer(`The upstream sent ${type} without a response.`))
  }

  #end(status: AnswerOutcome['status'], response: JsonObject): void {
    const usage = readUsage(response['usage'])
    if (status === 'failed') {
      this.#failWith(this.#announced ?? toUpstreamError(response['error']), usage)
      return
    }
    this.#items.readOutput(listOf(response['output']))
    const reason = this.#reasonOf(status, response)
    const tier = textOf(response['service_tier'])
    this.#finish({
      outcome: { status, usage, error: undefined },
      reason,
      members: tier === '' ? {} : { service_tier: tier },
    })
  }

  #reasonOf(status: 'completed' | 'incomplete', response: JsonObject): FinishReason {
    if (status === 'completed') return this.#items.hasCalls ? 'tool_calls' : 'stop'
    const details = response['incomplete_details']
    const reason = isRecord(details) ? details['reason'] : undefined
    return reason === 'content_filter' ? 'content_filter' : 'length'
  }

  #failWith(error: BridgeError, usage?: Usage): void {
    const shown = error.withMessage(this.#options.redact(error.message))
    const outcome = { status: 'failed', usage, error: shown } as const
    this.#finish({ outcome, reason: 'stop', members: {} })
  }

  #finish(result: Result): void {
    this.#state = { at: 'finished', result }
  }

  #lastWords({ outcome, reason, members }: Result, counted: Usage | undefined): string {
    const { head, includeUsage } = this.#options
    const failure = outcome.error === undefined ? undefined : toErrorBody(outcome.error)
    if (this.#writer === undefined) {
      const usage = counted === undefined ? {} : { usage: toChatUsage(counted) }
      return JSON.stringify(failure ?? this.#builder.finish(reason, { ...members, ...usage }))
    }
    if (failure !== undefined) return frameOf(JSON.stringify(failure))
    const hasUsage = includeUsage && counted !== undefined
    const usage = hasUsage ? frameOf(JSON.stringify(usageChunk(head, counted))) : ''
    this.open()
    return this.#writer.finish(reason, members) + usage + DONE_FRAME
  }
}

/** A body's status is one of the terminal ones, or says that there is no answer. */
function statusOf({ status }: JsonObject): AnswerOutcome['status'] {
  return status === 'cancelled' || status === 'queued' || status === 'in_progress'
    ? 'failed'
    : 'completed'
}
