/**
 * The stream machine: a Chat Completions answer, chunk by chunk or whole, as the events of one
 * Responses answer. It alone decides how an answer ends.
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
 * The state is mutated inside this one owner; what it holds is drawn above.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
import { BridgeError } from '../../errors.ts'
import type { TokenLogprob } from '../../protocol/responses/items.ts'
import type { ResponseObject, ResponseProgress } from '../../protocol/responses/response.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { AnswerOutcome, AnswerPhase } from '../answer.ts'
import { isRecord, listOf, tryParse } from '../narrow.ts'
import { laterUsage, readUsage, toResponseUsage } from '../usage.ts'
import { type CallFragment, readCallFragment, readLegacyCall } from './call-fragment.ts'
import type { ResponseMachine, ResponseMachineOptions } from './contract.ts'
import { type DeltaSink, readDelta, readLogprobs } from './delta-reader.ts'
import { toErrorEvent, toResponseFailure } from './failure.ts'
import {
  COMPLETED,
  type Ending,
  type FailedFinish,
  mapFinishReason,
  OUT_OF_TOKENS,
} from './finish-reason.ts'
import { createOutput } from './output.ts'
import { createThinkTags } from './think-tags.ts'
import { createToolCalls } from './tool-calls.ts'
import { excerptOf, isErrorValue, toUpstreamError } from './upstream-error.ts'

type State =
  | { readonly at: 'open' }
  | { readonly at: 'lingering'; readonly ending: Ending; readonly isDone: boolean }
  | { readonly at: 'finished'; readonly result: Result }
  | { readonly at: 'concluded'; readonly result: Result; readonly response: ResponseObject }

interface Result {
  readonly outcome: AnswerOutcome
  readonly incompleteReason: 'max_output_tokens' | 'content_filter' | undefined
}

const NO_LOGPROBS: readonly TokenLogprob[] = []

export function createResponseMachine(options: ResponseMachineOptions): ResponseMachine {
  const { emit, now } = options
  const output = createOutput(options)
  const calls = createToolCalls({ ...options, output })
  let state: State = { at: 'open' }
  let isOpened = false
  let usage: Usage | undefined
  let metadata: Record<string, string> = { ...options.metadata }
  let outputChars = 0
  /** Whether the upstream has said anything at all about the answer. */
  let hasChoice = false
  /** Of the choice being read. */
  let logprobs = NO_LOGPROBS

  const tags = createThinkTags({
    reasoning: output.reasoning,
    text: (text) => output.text(text, logprobs),
  })
  let splitsTags = options.thinkTags

  /** Tags are read at the head of the text only: whatever else begins ends the head. */
  function endTags(): void {
    if (splitsTags) tags.flush()
    splitsTags = false
  }

  const sink: DeltaSink = {
    reasoning(text) {
      outputChars += text.length
      endTags()
      output.reasoning(text)
    },
    reasoningDetail: output.reasoningDetail,
    text(text) {
      outputChars += text.length
      if (splitsTags) tags.push(text)
      else output.text(text, logprobs)
    },
    refusal(text) {
      outputChars += text.length
      endTags()
      if (options.refusalAsText === true) output.text(text, NO_LOGPROBS)
      else output.refusal(text)
    },
    toolCall: (value) => pushCall(readCallFragment(value), calls.push),
    legacyCall: (value) => pushCall(readLegacyCall(value), calls.push),
    citation: output.annotate,
  }
  const bodySink: DeltaSink = {
    ...sink,
    toolCall: (value) => pushCall(readCallFragment(value), calls.pushWhole),
    legacyCall: (value) => pushCall(readLegacyCall(value), calls.pushWhole),
  }

  function pushCall(
    fragment: CallFragment | undefined,
    push: (fragment: CallFragment) => void,
  ): void {
    if (fragment === undefined) return
    outputChars += fragment.arguments.length
    endTags()
    push(fragment)
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
    const parsed = tryParse(data)
    if (parsed !== undefined) readChunk(parsed.value, event)
    else if (data.trim() === '[DONE]') endOfStream()
    else if (data.trim() !== '') readLines(data, event)
  }

  /** Some servers part their frames by one newline, which makes several documents one message. */
  function readLines(data: string, event: string | undefined): void {
    const lines = data.split('\n')
    if (lines.length > 1 && lines.every(isDocument)) {
      for (const line of lines) message(line, event)
      return
    }
    failWith(
      new BridgeError(
        'upstream_bad_answer',
        `The upstream sent something that is not a chunk: ${excerptOf(data)}.`,
      ),
    )
  }

  function readChunk(value: unknown, event: string | undefined): void {
    if (isOver() || value === null) return
    if (Array.isArray(value)) {
      for (const chunk of value) readChunk(chunk, event)
      return
    }
    if (!isRecord(value)) {
      failWith(
        new BridgeError(
          'upstream_bad_answer',
          `The upstream sent a ${typeof value} in place of a chunk.`,
        ),
      )
      return
    }
    const finish = readChoices(value, false)
    readUsages(value)
    const error = errorIn(value, event)
    if (error !== undefined) failWith(error)
    else finishWith(finish)
  }

  /** Choice 0 only: nobody asked for others, and they must neither mix in nor end the answer. */
  function readChoices(
    chunk: Record<string, unknown>,
    isBody: boolean,
  ): Ending | FailedFinish | undefined {
    let finish: Ending | FailedFinish | undefined
    listOf(chunk['choices']).forEach((choice, position) => {
      if (!isRecord(choice)) return
      const index = choice['index']
      const isFirst = Number.isInteger(index) ? index === 0 : position === 0
      if (!isFirst) return
      hasChoice = true
      if (options.logprobs) logprobs = readLogprobs(choice['logprobs'])
      // Usage alone may follow [DONE]; text there would have no place.
      if (!(state.at === 'lingering' && state.isDone)) readMessage(choice, isBody)
      finish ??= mapFinishReason(choice['finish_reason'])
    })
    return finish
  }

  function readMessage(choice: Record<string, unknown>, isBody: boolean): void {
    const { delta, message: whole } = choice
    if (isBody) {
      const said = isRecord(whole) ? whole : delta
      if (isRecord(said)) readDelta(said, bodySink)
    } else if (isRecord(delta)) readDelta(delta, sink)
    // Perplexity repeats the whole message beside the deltas. Where nothing came before it, it is the
    // answer: a server that sends a whole completion as its only event.
    else if (isRecord(whole) && outputChars === 0) readDelta(whole, bodySink)
  }

  /** Upstreams put usage in up to three places of one chunk, with the same counts. */
  function readUsages(chunk: Record<string, unknown>): void {
    const first = listOf(chunk['choices'])[0]
    const groq = chunk['x_groq']
    const reported =
      readUsage(chunk['usage']) ??
      (isRecord(groq) ? readUsage(groq['usage']) : undefined) ??
      (isRecord(first) ? readUsage(first['usage']) : undefined)
    usage = laterUsage(usage, reported)
  }

  function errorIn(
    chunk: Record<string, unknown>,
    event: string | undefined,
  ): BridgeError | undefined {
    if (isErrorValue(chunk['error'])) return toUpstreamError(chunk['error'])
    for (const choice of listOf(chunk['choices'])) {
      if (isRecord(choice) && isErrorValue(choice['error'])) return toUpstreamError(choice['error'])
    }
    // vLLM has sent the error as the frame itself.
    return event === 'error' || chunk['object'] === 'error' ? toUpstreamError(chunk) : undefined
  }

  function finishWith(finish: Ending | FailedFinish | undefined): void {
    if (finish?.status === 'failed') {
      const reason = `The upstream gave up with finish_reason "${finish.finishReason}".`
      failWith(new BridgeError('upstream_error', reason))
      return
    }
    if (finish !== undefined && state.at === 'open') {
      state = { at: 'lingering', ending: finish, isDone: false }
    }
    finishIfWhole()
  }

  function endOfStream(): void {
    if (state.at === 'lingering') state = { ...state, isDone: true }
    else if (!hasChoice) {
      failWith(new BridgeError('upstream_bad_answer', 'The upstream ended without an answer.'))
    } else state = { at: 'lingering', ending: COMPLETED, isDone: true }
    finishIfWhole()
  }

  function finishIfWhole(): void {
    if (state.at === 'lingering' && state.isDone && usage !== undefined) finish(state.ending)
  }

  function finish(ending: Ending): void {
    endTags()
    const isCut = ending.status === 'incomplete'
    calls.end(isCut)
    const emptied = isCut ? undefined : emptiedAnswer()
    if (emptied !== undefined) {
      failWith(emptied)
      return
    }
    output.close(isCut ? 'incomplete' : 'completed')
    state = {
      at: 'finished',
      result: {
        outcome: { status: ending.status, usage, error: undefined },
        incompleteReason: isCut ? ending.reason : undefined,
      },
    }
  }

  /** Why an answer of which nothing is left cannot pass for a completed one. */
  function emptiedAnswer(): BridgeError | undefined {
    if (output.hasAnswer || calls.stopped) return undefined
    const tool = calls.suppressed[0]
    if (tool !== undefined) {
      return new BridgeError(
        'upstream_bad_answer',
        `The model called "${tool}", which tool_choice does not allow, and said nothing else.`,
      )
    }
    if (calls.nameless === 0) return undefined
    return new BridgeError('upstream_bad_answer', 'The model called a tool without naming it.')
  }

  /** Open items stay open: a client keeps what is closed, and asks again for the rest. */
  function failWith(error: BridgeError): void {
    if (isOver()) return
    state = {
      at: 'finished',
      result: {
        outcome: { status: 'failed', usage, error },
        incompleteReason: undefined,
      },
    }
  }

  function body(json: unknown): void {
    if (isOver()) return
    open()
    const completion = Array.isArray(json) ? json[0] : json
    if (!isRecord(completion)) {
      failWith(new BridgeError('upstream_bad_answer', 'The upstream answered with no completion.'))
      return
    }
    const reason = readChoices(completion, true)
    readUsages(completion)
    const error = errorIn(completion, undefined)
    if (error !== undefined) failWith(error)
    else if (!hasChoice) {
      failWith(new BridgeError('upstream_bad_answer', 'The upstream answered without any choice.'))
    } else {
      finishWith(reason ?? COMPLETED)
      ended()
    }
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
    // The answer is whole already; only the wait for its usage broke.
    if (state.at === 'lingering') finish(state.ending)
    else failWith(error)
  }

  function cut(added: Readonly<Record<string, string>>): void {
    if (isOver()) return
    if (state.at === 'lingering') {
      finish(state.ending)
      return
    }
    open()
    metadata = { ...metadata, ...added }
    finish(OUT_OF_TOKENS)
  }

  function conclude(estimate?: Usage): void {
    ended()
    if (state.at !== 'finished') return
    open()
    const { result } = state
    const response = respond(progressOf(result, estimate))
    state = { at: 'concluded', result, response }
    const { status, error } = result.outcome
    if (error !== undefined) emit(toErrorEvent(error))
    emit({ type: `response.${status}`, response })
  }

  function progressOf(
    { outcome, incompleteReason }: Result,
    estimate: Usage | undefined,
  ): Progress {
    const counted = outcome.usage ?? estimate
    const { created_at: createdAt } = options.echo
    return {
      status: outcome.status,
      completed_at: outcome.status === 'completed' ? Math.max(createdAt, Math.trunc(now())) : null,
      incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
      error: outcome.error === undefined ? null : toResponseFailure(outcome.error),
      usage: counted === undefined ? null : toResponseUsage(counted),
    }
  }

  function respond(progress: Progress): ResponseObject {
    return { ...options.echo, ...progress, output: output.items, metadata: { ...metadata } }
  }

  return {
    get phase(): AnswerPhase {
      return state.at
    },
    get outcome() {
      return state.at === 'finished' || state.at === 'concluded' ? state.result.outcome : undefined
    },
    get outputChars() {
      return outputChars
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

type Progress = Omit<ResponseProgress, 'output' | 'metadata'>

const IN_PROGRESS: Progress = {
  status: 'in_progress',
  completed_at: null,
  incomplete_details: null,
  error: null,
  usage: null,
}

function isDocument(line: string): boolean {
  return line.trim() === '' || line.trim() === '[DONE]' || tryParse(line) !== undefined
}
