/**
 * One exchange with the upstream, relayed into the answer. Ends exactly once, whichever of upstream,
 * client, budget or linger timer gets there first.
 */
import type { BridgeError } from '../errors.ts'
import type { Answer } from '../translate/answer.ts'
import { toUpstreamRejection } from '../translate/upstream-rejection.ts'
import type {
  ClientStream,
  Clock,
  Upstream,
  UpstreamExchange,
  UpstreamHandler,
  UpstreamTarget,
} from './ports.ts'
import type { AttemptFacts, Hold } from './spending.ts'

/** How long an upstream may take to close after its last message before the connection is dropped. */
const DRAIN_MS = 1_000

export type AttemptEnd =
  /** The answer is finished, well or badly; what there was of it has gone to the client. */
  | { readonly is: 'answered'; readonly facts: AttemptFacts }
  /** No answer began. */
  | { readonly is: 'failed'; readonly error: BridgeError; readonly facts: AttemptFacts }
  | { readonly is: 'gone'; readonly facts: AttemptFacts }

export interface Attempt {
  /** The client left. */
  hangUp(): void
  /** The budget is used up. */
  cut(metadata: Readonly<Record<string, string>>): void
}

export interface AttemptOptions {
  readonly target: UpstreamTarget
  readonly answer: Answer
  readonly hold: Hold
  readonly client: ClientStream
  readonly clock: Clock
  readonly upstream: Upstream
  readonly lingerMs: number
  readonly redact: (text: string) => string
  readonly onAccepted: () => void
  readonly onDone: (end: AttemptEnd) => void
}

/** @param body sent and let go of; apart from the options, which live as long as the answer */
export function startAttempt(body: string, options: AttemptOptions): Attempt {
  const { answer, hold, client, clock, target } = options
  let phase: AttemptFacts['phase'] = 'unsent'
  let sentAtMs = 0
  let over = false
  let isCut = false
  let firstByteAtMs: number | undefined
  let isUpstreamClosed = false
  let firstTokenAtMs: number | undefined
  let outputEndedAtMs: number | undefined
  let cancelLinger: (() => void) | undefined
  let cancelDrain = () => {}
  let exchange: UpstreamExchange | undefined

  const facts = (): AttemptFacts => ({
    phase,
    outcome: answer.outcome,
    outputChars: answer.outputChars,
    upstreamMs: phase === 'unsent' ? 0 : clock.monotonicMs() - sentAtMs,
    firstByteAtMs,
    isCut,
    firstTokenAtMs,
    outputEndedAtMs,
  })

  const finish = (end: AttemptEnd) => {
    over = true
    cancelLinger?.()
    options.onDone(end)
  }

  const upstreamClosed = () => {
    isUpstreamClosed = true
    cancelDrain()
  }

  /** After every push into the answer. */
  const advance = () => {
    const { outputChars } = answer
    hold.meter(outputChars)
    if (over) return
    if (firstTokenAtMs === undefined && outputChars > 0) firstTokenAtMs = clock.monotonicMs()
    if (answer.phase === 'finished') {
      outputEndedAtMs ??= clock.monotonicMs()
      // Left to close by itself, the connection is kept for the next call.
      if (!isUpstreamClosed) cancelDrain = clock.after(DRAIN_MS, () => exchange?.abort())
      finish({ is: 'answered', facts: facts() })
    } else if (answer.phase === 'lingering') {
      outputEndedAtMs ??= clock.monotonicMs()
      // Set once: an upstream that goes on talking gets no further time by it.
      cancelLinger ??= clock.after(options.lingerMs, () => {
        answer.ended()
        advance()
      })
    }
  }
  const handler: UpstreamHandler = {
    onSent() {
      phase = 'sent'
      sentAtMs = clock.monotonicMs()
      hold.sent()
    },
    onAccepted() {
      phase = 'accepted'
      options.onAccepted()
    },
    onMessage(data, event) {
      if (over) return
      firstByteAtMs ??= clock.monotonicMs()
      answer.message(data, event)
      advance()
    },
    onBody(json) {
      if (over) return
      firstByteAtMs ??= clock.monotonicMs()
      answer.body(json)
      advance()
    },
    onEnd() {
      upstreamClosed()
      if (over) return
      answer.ended()
      advance()
    },
    onRejected(status, headers, body) {
      if (over) return
      phase = 'rejected'
      const error = toUpstreamRejection({
        upstream: target.name,
        status,
        headers,
        body: options.redact(body),
      })
      finish({ is: 'failed', error, facts: facts() })
    },
    onFailed(error) {
      upstreamClosed()
      if (over) return
      if (phase === 'accepted') {
        answer.fail(error)
        advance()
      } else {
        finish({ is: 'failed', error, facts: facts() })
      }
    },
  }

  const stop = () => {
    upstreamClosed()
    exchange?.abort()
  }

  client.onBlocked((blocked) => {
    if (blocked) exchange?.pause()
    else exchange?.resume()
  })

  exchange = options.upstream.send(
    {
      upstream: target.name,
      url: target.url,
      headers: target.headers,
      body,
      timeouts: target.timeouts,
    },
    handler,
  )

  return {
    hangUp() {
      stop()
      if (!over) finish({ is: 'gone', facts: facts() })
    },
    cut(metadata) {
      if (over) return
      isCut = answer.phase === 'open'
      answer.cut(metadata)
      stop()
      advance()
    },
  }
}
