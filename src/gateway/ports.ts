/**
 * What a call needs of the world, as ports: the upstream's socket, the client's socket, the clock.
 * Edges implement them; tests script them.
 */
import type { BridgeError } from '../errors.ts'

/** Wall time for what is stored, monotonic time for what is measured; both in milliseconds. */
export interface Clock {
  nowMs(): number
  monotonicMs(): number
  /** Runs `task` once after `delayMs`; the result cancels it. */
  after(delayMs: number, task: () => void): () => void
}

export interface UpstreamTimeouts {
  readonly headersMs: number
  /** Between two pieces of the body. */
  readonly idleMs: number
}

/** Where a call goes and with which credentials. */
export interface UpstreamTarget {
  /** A key of `[upstreams]`. */
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeouts: UpstreamTimeouts
  readonly maxRetries: number
}

export interface UpstreamRequest {
  /** Names the connection pool and its connect timeout: a key of `[upstreams]`. */
  readonly upstream: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeouts: UpstreamTimeouts
}

export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * What comes back, pushed. Exactly one of `onRejected`, `onEnd` and `onFailed` is the last call,
 * unless the caller aborts: then nothing more comes.
 */
export interface UpstreamHandler {
  /** The request's first byte may have left: from here on it can have been billed. */
  onSent(): void
  /** 2xx headers, and what the body turned out to be. */
  onAccepted(headers: UpstreamHeaders): void
  /** One server-sent message. */
  onMessage(data: string, event: string | undefined): void
  /** A whole JSON body, parsed; an `onEnd` follows. */
  onBody(json: unknown): void
  onEnd(): void
  /** Another status than 2xx, with as much of its body as is worth reading. */
  onRejected(status: number, headers: UpstreamHeaders, body: string): void
  /** Connect, TLS, timeout, reset, or bytes that are no answer. */
  onFailed(error: BridgeError): void
}

export interface UpstreamExchange {
  /** Ends it at once; the handler hears nothing more. Idempotent. */
  abort(): void
  pause(): void
  resume(): void
}

export interface Upstream {
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange
}

/** The client's side of one call, as the server offers it. */
export interface ClientStream {
  /** Sends the head of a server-sent stream. Then only `write` and `end`. */
  open(headers: Readonly<Record<string, string>>): void
  /** Whole frames; gathered and written once per turn of the event loop. */
  write(text: string): void
  end(): void
  /** Answers with one body instead of a stream. */
  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void
  /** Breaks the connection: for an answer that can be neither begun nor ended. */
  drop(): void
  /** The reader is slower than the upstream: `true` when it blocks, `false` when it drains. */
  onBlocked(listener: (blocked: boolean) => void): void
  /** The client hung up before the answer was whole; called at once when it already has. */
  onGone(listener: () => void): void
}
