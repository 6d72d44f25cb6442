/** What a call is before it runs: all that routes and translations differ in. */
import type { Answer } from '../translate/answer.ts'
import type { UpstreamTarget } from './ports.ts'
import type { Intent } from './spending.ts'
import type { KeptAnswer, TurnKeeper } from './state/turn-keeper.ts'
import type { ReceivedRequest } from './trace/call-trace.ts'

/** An answer together with the form in which this client wants it. */
export interface ClientAnswer {
  readonly answer: Answer
  /** The whole body, for a client that does not stream; read once concluded. */
  body(): string
  /** Whether the body of a failed answer says so itself; else its status has to. */
  readonly tellsFailure: boolean
  /** Whether the finished answer is worth asking for once more. */
  readonly isFlawed?: () => boolean
  /** What whoever keeps the call sees of it. */
  readonly kept?: KeptAnswer
  /** The answer as far as it came, folded, in the client's wire: JSON. Undefined before there is any. */
  readonly traced?: () => string | undefined
}

export interface CallPlan {
  readonly intent: Intent
  readonly target: UpstreamTarget
  readonly streaming: boolean
  /** Headers of the answer that are known before it runs. */
  readonly headers: Readonly<Record<string, string>>
  /** The request as it came; undefined where nobody traces it. */
  readonly received?: ReceivedRequest | undefined
  /** What could not be carried to the upstream, by name. */
  readonly dropped?: readonly string[]
  /** An answer that needs no upstream and costs nothing: one finished chunk. */
  readonly canned: string | undefined
  /** Keeps the answer before its end leaves; undefined for a call of which nothing is kept. */
  readonly keeper?: TurnKeeper | undefined
  /** @param maxOutputTokens the clamp of the budget; undefined leaves the request's own limit */
  upstreamBody(maxOutputTokens: number | undefined): string
  /** Whether a flawed answer is asked for once more; never one that streams, as it has left. */
  readonly asksAgain?: boolean
  /** @param write takes whole frames; never called for a client that does not stream */
  createAnswer(write: (text: string) => void): ClientAnswer
}
