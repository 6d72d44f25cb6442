/**
 * A Responses answer for a client that speaks Responses: passed on as it is, read on the way for usage,
 * the end, errors and how much was generated. What the upstream owes at the end and does not send, the
 * relay adds: one terminal event always comes, and `[DONE]` behind it.
 *
 * ```
 *   open ──terminal event | [DONE] | ended | body | fail | cut──▶ finished ──conclude──▶ concluded
 * ```
 *
 * The terminal event, and an `error` event in front of it, wait for `conclude`.
 *
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { BridgeError } from '../errors.ts'
import type { ResponseEcho } from '../protocol/responses/response.ts'
import { DONE_FRAME } from '../protocol/sse.ts'
import type { Usage } from '../protocol/usage.ts'
import type { Answer, AnswerOutcome } from './answer.ts'
import { badAnswer, cutShort } from './answer-faults.ts'
import { isRecord, textOf } from './narrow.ts'
import {
  changeUpstreamResponse,
  type EndingByBridge,
  type EndingByUpstream,
  endResponse,
  TERMINALS,
  withoutModelHeader,
} from './responses-endings.ts'
import { createFrameWriter, type OnEvent } from './responses-frames.ts'
import { countOutput } from './responses-generated.ts'
import { createRelayedItems } from './responses-items.ts'
import { readResponsesBody, readResponsesMessage } from './responses-messages.ts'
import { toErrorEvent } from './to-responses/failure.ts'
import { IN_PROGRESS } from './to-responses/standing.ts'
import { toUpstreamError } from './upstream-error.ts'
import { readUsage } from './usage.ts'

type JsonObject = Readonly<Record<string, unknown>>

export interface ResponsesRelayOptions {
  /** Takes whole frames; for a client that does not stream, the one JSON body. */
  readonly write: (text: string) => void
  /** Whether the client asked for a stream. */
  readonly streaming: boolean
  /** The response as the bridge has to begin it where the upstream has not. */
  readonly echo: ResponseEcho
  /** The request's own. */
  readonly metadata: Readonly<Record<string, string>>
  /** Members of the response that are the bridge's to say; undefined leaves it as it is. */
  readonly changes?: JsonObject | undefined
  /** Told of every event that leaves, with its number. */
  readonly onEvent?: OnEvent
}

export interface ResponsesRelay extends Answer {
  /** The response as the client was told it; undefined until concluded. */
  readonly response: JsonObject | undefined
}

type State =
  | { readonly at: 'open' }
  | {
      readonly at: 'finished' | 'concluded'
      readonly outcome: AnswerOutcome
      readonly ending: EndingByUpstream | EndingByBridge
    }

const OPEN: State = { at: 'open' }
const BY_BRIDGE: EndingByBridge = { by: 'bridge', metadata: {} }
const OPENINGS = new Set(['response.created', 'response.queued', 'response.in_progress'])
export function createResponsesRelay(options: ResponsesRelayOptions): ResponsesRelay {
  const { write, streaming, echo, changes } = options
  const frames = createFrameWriter(options.onEvent)
  const items = createRelayedItems()
  let state: State = OPEN
  let bodyChars = 0
  /** The response as the upstream last began it. */
  let begun: JsonObject | undefined
  /** Whether the bridge had to begin the stream: then the response keeps the bridge's id. */
  let isOwnOpening = false
  /** How far the client has been told of the beginning. */
  let stage: 'none' | 'created' | 'running' = 'none'
  /** What an `error` event said; a failed response should follow it. */
  let announced: BridgeError | undefined
  let response: JsonObject | undefined

  function isOver(): boolean {
    return state.at !== 'open'
  }

  function finish(outcome: AnswerOutcome, ending: EndingByUpstream | EndingByBridge): void {
    if (!isOver()) state = { at: 'finished', outcome, ending }
  }

  function failWith(error: BridgeError): void {
    finish({ status: 'failed', usage: undefined, error: announced ?? error }, BY_BRIDGE)
  }

  function message(data: string, name: string | undefined): void {
    if (isOver()) return
    if (!streaming) {
      failWith(badAnswer('The upstream streamed an answer that was asked for whole.'))
      return
    }
    const read = readResponsesMessage(data, name)
    switch (read.is) {
      case 'event':
        pass(read.type, read.event, data)
        return
      case 'announcement':
        announced ??= read.error
        return
      case 'done':
        ended()
        return
      case 'fault':
        failWith(read.error)
    }
  }

  function pass(type: string, event: JsonObject, data: string): void {
    const status = TERMINALS.get(type)
    if (status !== undefined) {
      end(status, type, event, data)
      return
    }
    const clean = ours(withoutModelHeader(event))
    if (OPENINGS.has(type)) {
      if (isRecord(clean['response']) && !isOwnOpening) begun = clean['response']
      if (stage === 'running' || (stage === 'created' && type === 'response.created')) return
      stage = type === 'response.in_progress' ? 'running' : 'created'
    } else {
      if (stage === 'none') begin()
      stage = 'running'
    }
    items.read(clean, type)
    write(frames.forward(type, clean, clean === event ? data : undefined))
  }

  function ours(event: JsonObject): JsonObject {
    const { response: said } = event
    if (changes === undefined || !isRecord(said)) return event
    return { ...event, response: { ...said, ...changes } }
  }

  /** Says what the upstream has not said yet of the beginning; it is left out when it comes. */
  function begin(): void {
    if (stage === 'none') {
      isOwnOpening = true
      const base = { ...echo, ...IN_PROGRESS, output: [], metadata: options.metadata }
      begun = base
      write(frames.emit('response.created', { response: base }))
    }
    if (stage !== 'running') write(frames.emit('response.in_progress', { response: begun }))
    stage = 'running'
  }

  function end(
    status: AnswerOutcome['status'],
    type: string,
    event: JsonObject,
    data: string | undefined,
  ): void {
    const said = ours(withoutModelHeader(event))['response']
    if (!isRecord(said)) {
      failWith(badAnswer(`The upstream sent ${type} without a response.`))
      return
    }
    const usage = readUsage(said['usage'])
    const error = status === 'failed' ? (announced ?? toUpstreamError(said['error'])) : undefined
    finish({ status, usage, error }, { by: 'upstream', type, event, data, said })
  }

  function body(json: unknown): void {
    if (isOver()) return
    if (streaming) {
      failWith(badAnswer('The upstream answered whole where a stream was asked for.'))
      return
    }
    const read = readResponsesBody(json)
    if ('error' in read) {
      failWith(read.error)
      return
    }
    const { response: said } = read
    bodyChars = countOutput(said)
    const type = `response.${textOf(said['status'])}`
    end(TERMINALS.get(type) ?? 'completed', type, { response: said }, undefined)
  }

  function ended(): void {
    failWith(cutShort())
  }

  function cut(metadata: Readonly<Record<string, string>>): void {
    if (announced !== undefined) failWith(announced)
    else {
      finish(
        { status: 'incomplete', usage: undefined, error: undefined },
        { by: 'bridge', metadata },
      )
    }
  }

  function conclude(estimate?: Usage): void {
    ended()
    if (state.at !== 'finished') return
    const { outcome, ending } = state
    state = { at: 'concluded', outcome, ending }
    if (!streaming) {
      response =
        ending.by === 'bridge' ? endByBridge(outcome, ending, estimate) : mend(ending, estimate)
      write(JSON.stringify(response))
      return
    }
    if (ending.by === 'bridge' || stage === 'none') begin()
    // Of a failed response open items stay open: a client keeps what is closed and asks again.
    const isCut = ending.by === 'bridge' && outcome.status === 'incomplete'
    let text = ''
    for (const event of isCut ? items.close() : [])
      text += frames.emit(String(event['type']), event)
    if (outcome.error !== undefined && (ending.by === 'bridge' || announced !== undefined)) {
      text += frames.emit('error', toErrorEvent(outcome.error))
    }
    if (ending.by === 'bridge') {
      response = endByBridge(outcome, ending, estimate)
      text += frames.emit(`response.${outcome.status}`, { response })
    } else {
      const { type, event, data } = ending
      response = mend(ending, estimate)
      text += frames.forward(
        type,
        { ...event, response },
        response === event['response'] ? data : undefined,
      )
    }
    write(text + DONE_FRAME)
  }

  /** The very object where nothing has to change. */
  function mend({ said }: EndingByUpstream, estimate: Usage | undefined): JsonObject {
    const change = changeUpstreamResponse(said, isOwnOpening ? echo : undefined, estimate)
    return change === undefined ? said : { ...said, ...change }
  }

  function endByBridge(
    outcome: AnswerOutcome,
    { metadata }: EndingByBridge,
    estimate: Usage | undefined,
  ): JsonObject {
    const base = begun ?? { ...echo, metadata: options.metadata }
    return endResponse(base, outcome, items.closed, metadata, estimate)
  }

  return {
    get phase() {
      return state.at
    },
    get outcome() {
      return state.at === 'open' ? undefined : state.outcome
    },
    get outputChars() {
      return items.outputChars + bodyChars
    },
    get response() {
      return response
    },
    // The upstream's own opening follows; where it is late, the first keepalive stands in for it.
    open() {},
    message,
    body,
    ended,
    fail: failWith,
    cut,
    keepalive() {
      if (!streaming || isOver()) return
      if (stage === 'running') write(frames.emit('keepalive', {}))
      else begin()
    },
    conclude,
  }
}
