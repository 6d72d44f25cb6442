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
 * fresh state a chunk would buy nothing here.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
import { BridgeError } from '../../errors.ts'
import type { ResponseObject } from '../../protocol/responses/response.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { AnswerOutcome } from '../answer.ts'
import { isRecord, tryParse } from '../narrow.ts'
import { excerptOf } from '../upstream-error.ts'
import { laterUsage } from '../usage.ts'
import { type ChunkReport, type ChunkSink, readChunk } from './chunk-reader.ts'
import { createContent } from './content.ts'
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

export function createResponseMachine(options: ResponseMachineOptions): ResponseMachine {
  const { emit, now, echo } = options
  const content = createContent(options)
  let state = OPEN
  let isOpened = false
  /** Whether the upstream has said anything about an answer. */
  let hasChoice = false
  let usage: Usage | undefined
  let metadata: Record<string, string> = { ...options.metadata }

  const streamSink: ChunkSink = {
    prefers: 'delta',
    wantsLogprobs: options.logprobs,
    delta(delta, logprobs) {
      // Behind [DONE] only usage has a place.
      if (!isDone()) content.delta(delta, logprobs)
    },
    message(message, logprobs) {
      // A server that sends a whole completion as its only event; else it repeats what was said.
      if (!isDone() && content.chars === 0) content.message(message, logprobs)
    },
  }
  const bodySink: ChunkSink = {
    prefers: 'message',
    wantsLogprobs: options.logprobs,
    delta: content.message,
    message: content.message,
  }

  function isDone(): boolean {
    return state.at === 'lingering' && state.isDone
  }

  function isOver(): boolean {
    return state.at === 'finished' || state.at === 'concluded'
  }

  function open(): void {
    if (isOpened) return
    isOpened = true
    emit({ type: 'response.created', response: respond(IN_PROGRESS) })
    emit({ type: 'response.in_progress', response: respond(IN_PROGRESS) })
  }

  function message(data: string, event: string | undefined): void {
    if (isOver()) return
    open()
    if (data === '[DONE]') {
      endOfStream()
      return
    }
    const parsed = tryParse(data)
    if (parsed !== undefined) readDocument(parsed.value, event)
    else if (data.trim() === '[DONE]') endOfStream()
    else if (data.trim() !== '') readUnparsed(data, event)
  }

  function readUnparsed(data: string, event: string | undefined): void {
    const lines = data.split('\n')
    if (lines.length > 1 && lines.every(isDocument)) {
      // Some servers part their frames by one newline, so that several arrive as one.
      for (const line of lines) message(line, event)
    } else if (event === 'error') {
      failWith(
        new BridgeError('upstream_error', `The upstream reported an error: ${excerptOf(data)}.`),
      )
    } else if (event === undefined || event === 'message') {
      failWith(badAnswer(`The upstream sent something that is not a chunk: ${excerptOf(data)}.`))
    }
  }

  function readDocument(value: unknown, event: string | undefined): void {
    for (const chunk of Array.isArray(value) ? value : [value]) {
      if (isOver()) return
      if (isRecord(chunk)) take(readChunk(chunk, event, streamSink))
      else if (chunk !== null) {
        failWith(badAnswer('The upstream sent JSON that is not a chunk.'))
      }
    }
  }

  function take(report: ChunkReport): void {
    hasChoice ||= report.hasChoice
    usage = laterUsage(usage, report.usage)
    if (report.error !== undefined) failWith(report.error)
    else reachEnding(report.finish)
  }

  /** The first finish reason stands: a second one, even another, changes nothing. */
  function reachEnding(finish: Ending | FailedFinish | undefined): void {
    if (finish?.status === 'failed') {
      failWith(
        new BridgeError(
          'upstream_error',
          `The upstream gave up with finish_reason ${excerptOf(finish.finishReason)}.`,
        ),
      )
      return
    }
    if (finish !== undefined && state.at === 'open') {
      state = { at: 'lingering', ending: finish, isDone: false }
    }
    finishIfWhole()
  }

  function endOfStream(): void {
    if (state.at === 'lingering') state = { ...state, isDone: true }
    else if (hasChoice) state = { at: 'lingering', ending: COMPLETED, isDone: true }
    else failWith(badAnswer('The upstream ended its stream without an answer.'))
    finishIfWhole()
  }

  function finishIfWhole(): void {
    if (state.at === 'lingering' && state.isDone && usage !== undefined) finish(state.ending)
  }

  function finish(ending: Ending): void {
    const emptied = content.end(ending)
    if (emptied !== undefined) {
      failWith(emptied)
      return
    }
    settle(
      { status: ending.status, usage, error: undefined },
      ending.status === 'incomplete' ? ending.reason : undefined,
    )
  }

  /** Open items stay open: a client keeps what is closed and asks again for the rest. */
  function failWith(error: BridgeError): void {
    if (isOver()) return
    const { redact } = options
    const shown = redact === undefined ? error : error.withMessage(redact(error.message))
    settle({ status: 'failed', usage, error: shown }, undefined)
  }

  function settle(outcome: AnswerOutcome, incompleteReason: Result['incompleteReason']): void {
    state = { at: 'finished', result: { outcome, incompleteReason } }
  }

  function body(json: unknown): void {
    if (isOver()) return
    open()
    const completion = Array.isArray(json) ? json[0] : json
    if (!isRecord(completion)) {
      failWith(badAnswer('The upstream answered with JSON that is not a completion.'))
      return
    }
    take(readChunk(completion, undefined, bodySink))
    // A body is whole as it is, whatever finish reason it lacks.
    if (!isOver()) endOfStream()
    ended()
  }

  function ended(): void {
    if (isOver()) return
    open()
    if (state.at === 'lingering') finish(state.ending)
    else {
      failWith(
        new BridgeError(
          'upstream_cut',
          'The upstream ended its stream before the answer was whole.',
        ),
      )
    }
  }

  function fail(error: BridgeError): void {
    // Finished already, only the wait for its usage broke: the answer is whole.
    if (state.at === 'lingering') finish(state.ending)
    else failWith(error)
  }

  function cut(added: Readonly<Record<string, string>>): void {
    if (isOver()) return
    open()
    if (state.at === 'lingering') {
      finish(state.ending)
      return
    }
    metadata = { ...metadata, ...added }
    finish(OUT_OF_TOKENS)
  }

  function conclude(estimate?: Usage): void {
    ended()
    if (state.at !== 'finished') return
    open()
    const { result } = state
    const completedAt = Math.max(echo.created_at, Math.trunc(now()))
    const response = respond(standingOf(result, estimate, completedAt))
    state = { at: 'concluded', result, response }
    const { status, error } = result.outcome
    if (error !== undefined) emit(toErrorEvent(error))
    emit({ type: `response.${status}`, response })
  }

  function respond(standing: Standing): ResponseObject {
    return { ...echo, ...standing, output: content.items, metadata }
  }

  return {
    get phase() {
      return state.at
    },
    get outcome() {
      return state.at === 'finished' || state.at === 'concluded' ? state.result.outcome : undefined
    },
    get outputChars() {
      return content.chars
    },
    get response() {
      return state.at === 'concluded' ? state.response : respond(IN_PROGRESS)
    },
    open,
    message,
    body,
    ended,
    fail,
    cut,
    keepalive() {
      if (isOver()) return
      if (isOpened) emit({ type: 'keepalive' })
      else open()
    },
    conclude,
  }
}

function badAnswer(message: string): BridgeError {
  return new BridgeError('upstream_bad_answer', message)
}

function isDocument(line: string): boolean {
  return line.trim() === '' || line.trim() === '[DONE]' || tryParse(line) !== undefined
}
