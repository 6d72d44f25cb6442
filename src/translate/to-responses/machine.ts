/**
 * The stream machine: a Chat Completions answer, chunk by chunk or whole, as the events of one
 * Responses answer. It alone decides how an answer begins and ends.
 *
 * ```
 *   open ──finish_reason, [DONE]──▶ lingering ──[DONE] and usage | ended──▶ finished
 *     │                                 └────────────error frame────────────▶ │
 *     └──body | error | ended | fail | cut──────────────────────────────────▶ │
 *                                                    concluded ◀──conclude────┘
 * ```
 *
 * `lingering` exists because usage comes late: after the finish, and sometimes after `[DONE]`. Items
 * close on the way to `finished`, not at the finish reason, because an error may still follow it, and
 * clients run a call as soon as its item is done.
 *
 * The state is replaced inside this one owner, which also pushes the events: an array of events and a
 * fresh state a chunk would buy nothing here. It and the parts below it are classes, not closures
 * behind literals with getters: V8 keeps such a literal as a dictionary (docs/performance.md, "What we
 * learnt").
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { BridgeError } from '../../errors.ts'
import type { ResponseObject } from '../../protocol/responses/response.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { AnswerOutcome, AnswerPhase } from '../answer.ts'
import { badAnswer, cutShort, gaveUp, readUnparsed } from '../answer-faults.ts'
import { isRecord, tryParse } from '../narrow.ts'
import { laterUsage } from '../usage.ts'
import { type ChunkReport, type ChunkSink, readChunk } from './chunk-reader.ts'
import { type Content, createContent } from './content.ts'
import type { ResponseMachine, ResponseMachineOptions } from './contract.ts'
import { toErrorEvent } from './failure.ts'
import { COMPLETED, type Ending, type FailedFinish, OUT_OF_TOKENS } from './finish-reason.ts'
import { IN_PROGRESS, type Result, type Standing, standingOf } from './standing.ts'

type State =
  | { readonly at: 'open' }
  | { readonly at: 'lingering'; readonly ending: Ending; readonly isDone: boolean }
  | { readonly at: 'finished'; readonly result: Result }
  | { readonly at: 'concluded'; readonly result: Result; readonly response: ResponseObject }

const OPEN: State = { at: 'open' }
/** OpenAI's own limit for a value. */
const MAX_METADATA_CHARS = 512

export function createResponseMachine(options: ResponseMachineOptions): ResponseMachine {
  return new Machine(options)
}

class Machine implements ResponseMachine {
  readonly #options: ResponseMachineOptions
  readonly #content: Content
  readonly #streamSink: ChunkSink
  #state = OPEN
  #isOpened = false
  /** Whether the upstream has said anything about an answer. */
  #hasChoice = false
  #usage: Usage | undefined
  /** The tier that served the answer; until the upstream says so, the one that was asked for. */
  #serviceTier: string
  #metadata: Readonly<Record<string, string>>
  mismatches: readonly string[] = []

  constructor(options: ResponseMachineOptions) {
    const content = createContent(options)
    this.#options = options
    this.#content = content
    this.#metadata = options.metadata
    this.#serviceTier = options.echo.service_tier
    this.#streamSink = {
      prefers: 'delta',
      wantsLogprobs: options.logprobs,
      delta: (delta, logprobs) => {
        // Behind [DONE] only usage has a place.
        if (!this.#isDone()) content.delta(delta, logprobs)
      },
      message: (message, logprobs) => {
        // A server that sends a whole completion as its only event; else it repeats what was said.
        if (!this.#isDone() && content.chars === 0) content.message(message, logprobs)
      },
    }
  }

  get phase(): AnswerPhase {
    return this.#state.at
  }

  get outcome(): AnswerOutcome | undefined {
    const state = this.#state
    return state.at === 'finished' || state.at === 'concluded' ? state.result.outcome : undefined
  }

  get outputChars(): number {
    return this.#content.chars
  }

  get response(): ResponseObject {
    const state = this.#state
    return state.at === 'concluded' ? state.response : this.#respond(IN_PROGRESS)
  }

  open(): void {
    if (this.#isOpened) return
    this.#isOpened = true
    const { emit } = this.#options
    emit({ type: 'response.created', response: this.#respond(IN_PROGRESS) })
    emit({ type: 'response.in_progress', response: this.#respond(IN_PROGRESS) })
  }

  message(data: string, event: string | undefined): void {
    if (this.#isOver()) return
    this.open()
    if (data === '[DONE]') {
      this.#endOfStream()
      return
    }
    const parsed = tryParse(data)
    if (parsed !== undefined) this.#readDocument(parsed.value, event)
    else if (data.trim() === '[DONE]') this.#endOfStream()
    else if (data.trim() !== '') this.#readUnparsed(data, event)
  }

  body(json: unknown): void {
    if (this.#isOver()) return
    this.open()
    const completion = Array.isArray(json) ? json[0] : json
    if (!isRecord(completion)) {
      this.#failWith(badAnswer('The upstream answered with JSON that is not a completion.'))
      return
    }
    const content = this.#content
    const sink: ChunkSink = {
      prefers: 'message',
      wantsLogprobs: this.#options.logprobs,
      delta: (delta, logprobs) => content.message(delta, logprobs),
      message: (message, logprobs) => content.message(message, logprobs),
    }
    this.#take(readChunk(completion, undefined, sink))
    // A body is whole as it is, whatever finish reason it lacks.
    if (!this.#isOver()) this.#endOfStream()
    this.ended()
  }

  ended(): void {
    if (this.#isOver()) return
    this.open()
    if (this.#state.at === 'lingering') this.#finish(this.#state.ending)
    else this.#failWith(cutShort())
  }

  fail(error: BridgeError): void {
    // Finished already, only the wait for its usage broke: the answer is whole.
    if (this.#state.at === 'lingering') this.#finish(this.#state.ending)
    else this.#failWith(error)
  }

  cut(added: Readonly<Record<string, string>>): void {
    if (this.#isOver()) return
    this.open()
    if (this.#state.at === 'lingering') {
      this.#finish(this.#state.ending)
      return
    }
    this.#metadata = { ...this.#metadata, ...added }
    this.#finish(OUT_OF_TOKENS)
  }

  keepalive(): void {
    if (this.#isOver()) return
    if (this.#isOpened) this.#options.emit({ type: 'keepalive' })
    else this.open()
  }

  conclude(estimate?: Usage): void {
    this.ended()
    if (this.#state.at !== 'finished') return
    this.open()
    const { result } = this.#state
    const { emit, echo, now } = this.#options
    const completedAt = Math.max(echo.created_at, Math.trunc(now()))
    const response = this.#respond(standingOf(result, estimate, completedAt))
    this.#state = { at: 'concluded', result, response }
    const { status, error } = result.outcome
    if (error !== undefined) emit(toErrorEvent(error))
    emit({ type: `response.${status}`, response })
  }

  #isDone(): boolean {
    return this.#state.at === 'lingering' && this.#state.isDone
  }

  #isOver(): boolean {
    return this.#state.at === 'finished' || this.#state.at === 'concluded'
  }

  #readUnparsed(data: string, event: string | undefined): void {
    const read = readUnparsed(data, event)
    if (read === undefined) return
    if ('error' in read) this.#failWith(read.error)
    else for (const frame of read.frames) this.message(frame, event)
  }

  #readDocument(value: unknown, event: string | undefined): void {
    if (Array.isArray(value)) for (const chunk of value) this.#readOne(chunk, event)
    else this.#readOne(value, event)
  }

  #readOne(chunk: unknown, event: string | undefined): void {
    if (this.#isOver()) return
    if (isRecord(chunk)) this.#take(readChunk(chunk, event, this.#streamSink))
    else if (chunk !== null) {
      this.#failWith(badAnswer('The upstream sent JSON that is not a chunk.'))
    }
  }

  #take(report: ChunkReport): void {
    this.#hasChoice ||= report.hasChoice
    this.#usage = laterUsage(this.#usage, report.usage)
    this.#serviceTier = report.serviceTier ?? this.#serviceTier
    if (report.error !== undefined) this.#failWith(report.error)
    else this.#reachEnding(report.finish)
  }

  /** The first finish reason stands: a second one, even another, changes nothing. */
  #reachEnding(finish: Ending | FailedFinish | undefined): void {
    if (finish?.status === 'failed') {
      this.#failWith(gaveUp(finish))
      return
    }
    if (finish !== undefined && this.#state.at === 'open') {
      this.#state = { at: 'lingering', ending: finish, isDone: false }
    }
    this.#finishIfWhole()
  }

  #endOfStream(): void {
    if (this.#state.at === 'lingering') this.#state = { ...this.#state, isDone: true }
    else if (this.#hasChoice) this.#state = { at: 'lingering', ending: COMPLETED, isDone: true }
    else this.#failWith(badAnswer('The upstream ended its stream without an answer.'))
    this.#finishIfWhole()
  }

  #finishIfWhole(): void {
    const state = this.#state
    if (state.at === 'lingering' && state.isDone && this.#usage !== undefined) {
      this.#finish(state.ending)
    }
  }

  #finish(ending: Ending): void {
    const emptied = this.#content.end(ending)
    if (emptied !== undefined) {
      this.#failWith(emptied)
      return
    }
    if (ending.status === 'completed') this.#checkGrammars()
    this.#settle(
      { status: ending.status, usage: this.#usage, error: undefined },
      ending.status === 'incomplete' ? ending.reason : undefined,
    )
  }

  /** What was streamed cannot be taken back, so the response says of which tools it is wrong. */
  #checkGrammars(): void {
    const { matchesGrammar } = this.#options
    if (matchesGrammar === undefined) return
    const wrong = this.#content.items.flatMap((item) =>
      item.type === 'custom_tool_call' && !matchesGrammar(item, item.input) ? [item.name] : [],
    )
    this.mismatches = [...new Set(wrong)]
    if (wrong.length === 0) return
    const names = this.mismatches.join(',').slice(0, MAX_METADATA_CHARS)
    this.#metadata = { ...this.#metadata, grammar_mismatch: names }
  }

  /** Open items stay open: a client keeps what is closed and asks again for the rest. */
  #failWith(error: BridgeError): void {
    if (this.#isOver()) return
    const { redact } = this.#options
    const shown = redact === undefined ? error : error.withMessage(redact(error.message))
    this.#settle({ status: 'failed', usage: this.#usage, error: shown }, undefined)
  }

  #settle(outcome: AnswerOutcome, incompleteReason: Result['incompleteReason']): void {
    this.#state = { at: 'finished', result: { outcome, incompleteReason } }
  }

  #respond(standing: Standing): ResponseObject {
    // A copy: what has left must not change with what is added later.
    const metadata = { ...this.#metadata }
    return {
      ...this.#options.echo,
      ...standing,
      service_tier: this.#serviceTier,
      output: this.#content.items,
      metadata,
    }
  }
}
