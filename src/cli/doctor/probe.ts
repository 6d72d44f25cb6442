/**
 * One small call to an upstream, on the way that Codex's calls go: a Responses request, translated as
 * the bridge translates it, over the bridge's own socket, and its answer through the same machine. What
 * the bridge adds around that (admission, retries, keepalives) is left out, so that a probe sees the
 * first failure as it is and costs no session anything.
 */

import { BridgeError } from '../../errors.ts'
import type { ResolvedModel } from '../../gateway/models.ts'
import { targetOf } from '../../gateway/plan.ts'
import type { Clock, Upstream, UpstreamExchange, UpstreamHandler } from '../../gateway/ports.ts'
import { readResponsesRequest } from '../../protocol/responses/request.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { Ids } from '../../translate/ids.ts'
import type { Seal } from '../../translate/seal.ts'
import { toChatRequest } from '../../translate/to-chat/index.ts'
import { toUpstreamRejection } from '../../translate/upstream-rejection.ts'
import { VERSION } from '../../version.ts'
import { type AnswerReading, readChatAnswer, readResponsesAnswer } from './read-answer.ts'

export interface ProbeDeps {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly ids: Ids
  readonly seal: Seal
  /** Takes the key out of whatever the upstream says. */
  readonly redact: (text: string) => string
  readonly timeoutMs: number
}

export interface ProbeResult {
  /** Why there is no answer. */
  readonly error: BridgeError | undefined
  /** Whether it came as a stream, as was asked, or as one body. */
  readonly isStreamed: boolean
  /** Until the first message; undefined where none came. */
  readonly firstMs: number | undefined
  readonly tookMs: number
  /** As the upstream reported it. */
  readonly usage: Usage | undefined
  /** Items of a Responses answer. */
  readonly output: readonly unknown[]
}

/** Usage may come after the last word; a server that means to send it does so at once. */
const LINGER_MS = 2_000

interface Prepared {
  readonly path: '/chat/completions' | '/responses'
  readonly body: string
  readonly reading: AnswerReading
}

function prepare(json: unknown, resolved: ResolvedModel, deps: ProbeDeps): Prepared {
  const { model, upstream, upstreamModel } = resolved
  const read = readResponsesRequest(json)
  const { request } = read
  if (upstream.wire === 'responses') {
    const body = JSON.stringify({ ...request, model: upstreamModel })
    return { path: '/responses', body, reading: readResponsesAnswer() }
  }
  const { chat, tools } = toChatRequest(read, {
    model: upstreamModel,
    dialect: upstream.dialect,
    seal: deps.seal,
    stopTool: model.stopTool,
    maxRepeatedCalls: 0,
    maxOutputTokens: model.maxOutputTokens,
    strict: false,
  })
  const { ids, seal, redact } = deps
  return {
    path: '/chat/completions',
    body: JSON.stringify({ ...chat, stream: true, stream_options: { include_usage: true } }),
    reading: readChatAnswer({
      request,
      model: model.name,
      tools,
      thinkTags: model.thinkTags,
      ids,
      seal,
      redact,
    }),
  }
}

/** @param json a Responses request */
export function runProbe(
  json: unknown,
  resolved: ResolvedModel,
  deps: ProbeDeps,
): Promise<ProbeResult> {
  const { clock, timeoutMs } = deps
  const { path, body, reading } = prepare(json, resolved, deps)
  const target = targetOf(resolved, path, `synth-bridge/${VERSION}`)
  const { name } = resolved.upstream

  return new Promise((resolve) => {
    const startedMs = clock.monotonicMs()
    let isOver = false
    let isStreamed = false
    let firstMs: number | undefined
    let exchange: UpstreamExchange | undefined
    let cancelLinger = () => {}

    const finish = (error: BridgeError | undefined): void => {
      if (isOver) return
      isOver = true
      cancelTimeout()
      cancelLinger()
      exchange?.abort()
      const { usage, output } = reading
      const tookMs = clock.monotonicMs() - startedMs
      resolve({ error, isStreamed, firstMs, tookMs, usage, output })
    }
    const cancelTimeout = clock.after(timeoutMs, () => {
      const done = firstMs === undefined ? 'answer' : 'finish its answer'
      const said = `The upstream "${name}" did not ${done} within ${timeoutMs / 1000} s.`
      finish(new BridgeError('upstream_idle_timeout', said))
    })
    const advance = (): void => {
      if (reading.phase === 'finished') finish(reading.error)
      else if (reading.phase === 'lingering') {
        cancelLinger()
        cancelLinger = clock.after(LINGER_MS, () => {
          reading.ended()
          advance()
        })
      }
    }

    const handler: UpstreamHandler = {
      onSent() {},
      onAccepted() {},
      onMessage(data, event) {
        firstMs ??= clock.monotonicMs() - startedMs
        isStreamed = true
        reading.message(data, event)
        advance()
      },
      onBody(whole) {
        firstMs ??= clock.monotonicMs() - startedMs
        reading.body(whole)
        advance()
      },
      onEnd() {
        reading.ended()
        advance()
      },
      onRejected(status, headers, text) {
        const said = deps.redact(text)
        finish(toUpstreamRejection({ upstream: name, status, headers, body: said }))
      },
      onFailed: finish,
    }
    exchange = deps.upstream.send(
      {
        upstream: name,
        url: target.url,
        headers: target.headers,
        body,
        timeouts: target.timeouts,
      },
      handler,
    )
    if (isOver) exchange.abort()
  })
}
