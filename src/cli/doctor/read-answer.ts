/** An upstream's answer to a probe, read to its end: through the translation, or as Responses. */
import { BridgeError } from '../../errors.ts'
import type { ResponsesRequest } from '../../protocol/responses/request.ts'
import type { Usage } from '../../protocol/usage.ts'
import { toResponseEcho } from '../../translate/echo.ts'
import type { Ids } from '../../translate/ids.ts'
import { isRecord, listOf, textOf, tryParse } from '../../translate/narrow.ts'
import type { Seal } from '../../translate/seal.ts'
import { createResponseMachine } from '../../translate/to-responses/index.ts'
import type { ToolTable } from '../../translate/tool-table.ts'
import { toUpstreamError } from '../../translate/upstream-error.ts'
import { readUsage } from '../../translate/usage.ts'

export interface AnswerReading {
  /** One server-sent message. */
  message(data: string, event: string | undefined): void
  /** A whole JSON body. */
  body(json: unknown): void
  /** The body's end, expected or not. */
  ended(): void
  fail(error: BridgeError): void
  /** `lingering`: the answer is whole, but its usage may still come. */
  readonly phase: 'open' | 'lingering' | 'finished'
  /** Set once finished, where it failed. */
  readonly error: BridgeError | undefined
  readonly usage: Usage | undefined
  /** Items of a Responses answer. */
  readonly output: readonly unknown[]
}

export interface ChatReadingOptions {
  readonly request: ResponsesRequest
  /** The name the client asked for. */
  readonly model: string
  readonly tools: ToolTable
  readonly thinkTags: boolean
  readonly ids: Ids
  readonly seal: Seal
  readonly redact: (text: string) => string
}

/** What Codex would be given. */
export function readChatAnswer(options: ChatReadingOptions): AnswerReading {
  const { request, model, tools, thinkTags, ids, seal, redact } = options
  const machine = createResponseMachine({
    echo: toResponseEcho(request, { id: ids.next('resp'), createdAt: 0, model }),
    metadata: {},
    tools,
    ids,
    now: () => 0,
    seal,
    logprobs: false,
    thinkTags,
    redact,
    emit: () => {},
  })
  machine.open()
  const advance = <Arguments extends unknown[]>(step: (...given: Arguments) => void) => {
    return (...given: Arguments): void => {
      step(...given)
      if (machine.phase === 'finished') machine.conclude()
    }
  }
  return {
    message: advance((data: string, event: string | undefined) => machine.message(data, event)),
    body: advance((json: unknown) => machine.body(json)),
    ended: advance(() => machine.ended()),
    fail: advance((error: BridgeError) => machine.fail(error)),
    get phase() {
      return machine.phase === 'concluded' ? 'finished' : machine.phase
    },
    get error() {
      return machine.outcome?.error
    },
    get usage() {
      return machine.outcome?.usage
    },
    get output() {
      return machine.response.output
    },
  }
}

/** For an upstream that speaks Responses itself: only its last event counts. */
export function readResponsesAnswer(): AnswerReading {
  let phase: AnswerReading['phase'] = 'open'
  let error: BridgeError | undefined
  let usage: Usage | undefined
  let output: readonly unknown[] = []

  const fail = (reason: BridgeError): void => {
    if (phase === 'finished') return
    phase = 'finished'
    error = reason
  }
  const take = (response: unknown): void => {
    if (!isRecord(response)) fail(noAnswer('holds no response'))
    else if (response['status'] === 'failed') fail(toUpstreamError(response['error']))
    else {
      phase = 'finished'
      usage = readUsage(response['usage'])
      output = listOf(response['output'])
    }
  }
  return {
    message(data) {
      const event = tryParse(data)?.value
      if (phase === 'finished' || !isRecord(event)) return
      const type = textOf(event['type'])
      if (type === 'error') fail(toUpstreamError(event['error'] ?? event))
      if (/^response\.(completed|incomplete|failed)$/.test(type)) take(event['response'])
    },
    body: take,
    ended: () => fail(noAnswer('ended without its last event')),
    fail,
    get phase() {
      return phase
    },
    get error() {
      return error
    },
    get usage() {
      return usage
    },
    get output() {
      return output
    },
  }
}

const noAnswer = (what: string): BridgeError =>
  new BridgeError('upstream_bad_answer', `The upstream's answer ${what}.`)
