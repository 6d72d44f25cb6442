/**
 * A Chat Completions answer for a client that speaks Chat Completions: passed on as it is, read on the
 * way for what the bridge has to know (usage, the end, errors, how much was generated).
 *
 * ```
 *   open ──finish_reason of every choice, [DONE]──▶ lingering ──[DONE] and usage | ended──▶ finished
 *     ▲ └──body | error | ended | fail | cut─────────────────┼──────error frame───────────▶ │
 *     └───────────more of the answer─────────────────────────┘   concluded ◀──conclude──────┘
 * ```
 *
 * Frames keep the text of their data. Held back until `conclude` is what tells a client that the
 * answer is over, so that it learns this only once the call is settled: the finish, the usage-only
 * chunk behind it, `[DONE]`. An answer that goes on after a finish sets the held frames free.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 */
import { type BridgeError, toErrorBody } from '../errors.ts'
import { DONE_FRAME } from '../protocol/sse.ts'
import type { Usage } from '../protocol/usage.ts'
import type { Answer, AnswerOutcome } from './answer.ts'
import { badAnswer, cutShort, gaveUp, readUnparsed } from './answer-faults.ts'
import { ChatFold } from './chat-fold.ts'
import {
  type ChatHead,
  createHeadReader,
  cutChunk,
  cutCompletion,
  KEEPALIVE_FRAME,
  toChunks,
  usageChunk,
  withUsage,
} from './chat-frames.ts'
import { countBody } from './chat-generated.ts'
import { createPassage, frameOf } from './chat-passage.ts'
import { isRecord, tryParse, tryStringify } from './narrow.ts'
import { type ChunkReport, type ChunkSink, readChunk } from './to-responses/chunk-reader.ts'
import { COMPLETED, type Ending } from './to-responses/finish-reason.ts'
import { laterUsage } from './usage.ts'

export interface ChatRelayOptions {
  /** Takes whole frames; for a client that does not stream, the one JSON body. */
  readonly write: (text: string) => void
  /** Whether the client asked for a stream. */
  readonly streaming: boolean
  /** Whether it asked for usage in that stream (`stream_options.include_usage`). */
  readonly includeUsage: boolean
  /** For frames of the bridge's own, as long as the upstream has not said who it is. */
  readonly head: ChatHead
}

export interface ChatRelay extends Answer {
  /** The answer as far as it came, as one body; undefined before there is any. */
  readonly completion: Readonly<Record<string, unknown>> | undefined
}

type State =
  | { readonly at: 'open' }
  | { readonly at: 'lingering'; readonly ending: Ending; readonly isDone: boolean }
  | { readonly at: 'finished' | 'concluded'; readonly outcome: AnswerOutcome }

const OPEN: State = { at: 'open' }

/** Of a chunk, the relay wants only what it says of the answer. */
const DEAF: ChunkSink = { prefers: 'delta', wantsLogprobs: false, delta() {}, message() {} }

export function createChatRelay(options: ChatRelayOptions): ChatRelay {
  const { write, streaming, includeUsage } = options
  const head = createHeadReader(options.head)
  const passage = createPassage(write, includeUsage)
  const fold = new ChatFold()
  let state: State = OPEN
  /** The first finish stands, however often the answer goes on. */
  let firstEnding: Ending | undefined
  let hasChoice = false
  let usage: Usage | undefined
  let bodyChars = 0
  let cutMetadata: Readonly<Record<string, string>> | undefined
  let wholeBody: Readonly<Record<string, unknown>> | undefined

  function isOver(): boolean {
    return state.at === 'finished' || state.at === 'concluded'
  }

  function isDone(): boolean {
    return state.at === 'lingering' && state.isDone
  }

  function message(data: string, event: string | undefined): void {
    if (isOver()) return
    if (!streaming) {
      failWith(badAnswer('The upstream streamed an answer that was asked for whole.'))
      return
    }
    const parsed = tryParse(data)
    if (parsed !== undefined) readDocument(parsed.value, data, event)
    else if (data.trim() === '[DONE]') endOfStream()
    else if (data.trim() !== '') readOther(data, event)
  }

  function readOther(data: string, event: string | undefined): void {
    const read = readUnparsed(data, event)
    if (read === undefined) return
    if ('error' in read) failWith(read.error)
    else for (const frame of read.frames) message(frame, event)
  }

  function readDocument(value: unknown, data: string, event: string | undefined): void {
    if (Array.isArray(value)) {
      // Google's server wraps its errors in a list.
      for (const element of value) readChunkText(element, tryStringify(element), event)
    } else readChunkText(value, data, event)
  }

  function readChunkText(
    value: unknown,
    data: string | undefined,
    event: string | undefined,
  ): void {
    if (isOver() || value === null) return
    if (!isRecord(value) || data === undefined) {
      failWith(badAnswer('The upstream sent JSON that is not a chunk.'))
      return
    }
    take(readChunk(value, event, DEAF))
    if (isOver()) return
    head.read(value)
    fold.read(value)
    passage.pass(value, data, event, isDone())
    reachEnding()
    finishIfWhole()
  }

  function take(report: ChunkReport): void {
    hasChoice ||= report.hasChoice
    usage = laterUsage(usage, report.usage)
    if (report.error !== undefined) failWith(report.error)
    else if (report.finish?.status === 'failed') failWith(gaveUp(report.finish))
    else firstEnding ??= report.finish
  }

  function reachEnding(): void {
    if (state.at === 'lingering' && !state.isDone && passage.isRunning) state = OPEN
    else if (state.at === 'open' && firstEnding !== undefined && !passage.isRunning) {
      state = { at: 'lingering', ending: firstEnding, isDone: false }
    }
  }

  function endOfStream(): void {
    if (state.at === 'lingering') state = { ...state, isDone: true }
    else if (hasChoice) state = { at: 'lingering', ending: firstEnding ?? COMPLETED, isDone: true }
    else failWith(badAnswer('The upstream ended its stream without an answer.'))
    finishIfWhole()
  }

  function finishIfWhole(): void {
    if (state.at === 'lingering' && state.isDone && usage !== undefined) finish(state.ending)
  }

  function finish({ status }: Ending): void {
    state = { at: 'finished', outcome: { status, usage, error: undefined } }
  }

  function failWith(error: BridgeError): void {
    if (!isOver()) state = { at: 'finished', outcome: { status: 'failed', usage, error } }
  }

  function body(json: unknown): void {
    if (isOver()) return
    const completion = Array.isArray(json) ? json[0] : json
    if (!isRecord(completion) || tryStringify(completion) === undefined) {
      failWith(badAnswer('The upstream answered with JSON that is not a completion.'))
      return
    }
    if (streaming) {
      for (const chunk of toChunks(completion)) message(JSON.stringify(chunk), undefined)
    } else {
      take(readChunk(completion, undefined, DEAF))
      bodyChars = countBody(completion)
      wholeBody = completion
      reachEnding()
    }
    // A body is whole as it is, whatever finish reason it lacks.
    if (!isOver()) endOfStream()
    ended()
  }

  function ended(): void {
    if (isOver()) return
    if (state.at === 'lingering') finish(state.ending)
    else failWith(cutShort())
  }

  function fail(error: BridgeError): void {
    // Finished already, only the wait for its usage broke: the answer is whole.
    if (state.at === 'lingering') finish(state.ending)
    else failWith(error)
  }

  function cut(metadata: Readonly<Record<string, string>>): void {
    if (isOver()) return
    if (state.at === 'lingering') {
      finish(state.ending)
      return
    }
    cutMetadata = metadata
    finish({ status: 'incomplete', reason: 'max_output_tokens' })
  }

  function conclude(estimate?: Usage): void {
    ended()
    if (state.at !== 'finished') return
    const { outcome } = state
    state = { at: 'concluded', outcome }
    const counted = outcome.usage ?? estimate
    if (streaming) write(lastFrames(outcome, counted))
    else write(JSON.stringify(lastBody(outcome, counted)))
  }

  function lastFrames({ error }: AnswerOutcome, counted: Usage | undefined): string {
    if (error !== undefined) return frameOf(JSON.stringify(toErrorBody(error)))
    let frames = ''
    if (cutMetadata !== undefined) {
      frames += frameOf(JSON.stringify(cutChunk(head.current, passage.running, cutMetadata)))
    }
    frames += passage.release()
    if (includeUsage && !passage.hasToldUsage && counted !== undefined) {
      frames += frameOf(JSON.stringify(usageChunk(head.current, counted)))
    }
    return frames + DONE_FRAME
  }

  function lastBody({ error }: AnswerOutcome, counted: Usage | undefined): unknown {
    if (error !== undefined) return toErrorBody(error)
    const completion = wholeBody ?? cutCompletion(head.current, cutMetadata ?? {})
    const lacksUsage = completion['usage'] === undefined || completion['usage'] === null
    return lacksUsage && counted !== undefined ? withUsage(completion, counted) : completion
  }

  return {
    get phase() {
      return state.at
    },
    get outcome() {
      return state.at === 'finished' || state.at === 'concluded' ? state.outcome : undefined
    },
    get completion() {
      return wholeBody ?? fold.completion
    },
    get outputChars() {
      return passage.outputChars + bodyChars
    },
    // This wire has no event for it: the first frame is the upstream's, or a keepalive.
    open() {},
    message,
    body,
    ended,
    fail,
    cut,
    keepalive() {
      if (streaming && !isOver()) write(KEEPALIVE_FRAME)
    },
    conclude,
  }
}
