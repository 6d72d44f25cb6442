/**
 * The upstream's socket: undici's dispatch callbacks, nothing between them and the translator. One
 * connection pool for each entry of `[upstreams]`, HTTP/1.1, no redirects, no compression.
 *
 * @see https://undici.nodejs.org/#/docs/api/Dispatcher
 */
import type { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import { BridgeError, toBridgeError } from '../errors.ts'
import type {
  Upstream,
  UpstreamExchange,
  UpstreamHandler,
  UpstreamHeaders,
  UpstreamRequest,
} from '../gateway/ports.ts'
import { BodyReader } from './body-reader.ts'
import { type RequestPlace, toUpstreamFailure } from './failure.ts'

/** Enough of an error body to find its message; the rest is not read. */
const MAX_ERROR_BODY_BYTES = 64 * 1024

export interface UpstreamPoolOptions {
  readonly connectTimeoutMs: number
}

function contentTypeOf(headers: UpstreamHeaders): string {
  const value = headers['content-type']
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).toLowerCase()
}

function isIdentity(headers: UpstreamHeaders): boolean {
  const value = headers['content-encoding']
  return value === undefined || value === '' || value === 'identity'
}

/** What an exchange is doing; `over` swallows whatever undici still reports. */
type Stage =
  | { at: 'waiting' }
  | { at: 'accepted'; reader: BodyReader }
  | { at: 'rejected'; status: number; headers: UpstreamHeaders; pieces: Buffer[]; bytes: number }
  | { at: 'over' }

class Exchange implements UpstreamExchange, Dispatcher.DispatchHandler {
  readonly #request: RequestPlace
  readonly #handler: UpstreamHandler
  #controller: Dispatcher.DispatchController | undefined
  #stage: Stage = { at: 'waiting' }

  constructor({ upstream, url, timeouts }: UpstreamRequest, handler: UpstreamHandler) {
    // Without the body, which may be megabytes and has been sent long before the answer ends.
    this.#request = { upstream, url, timeouts }
    this.#handler = handler
  }

  // Called by undici when the request is about to be written to a connected socket.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#stage.at === 'over') {
      controller.abort(new Error('aborted before it was sent'))
      return
    }
    this.#guard(() => this.#handler.onSent())
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: UpstreamHeaders,
  ): void {
    if (this.#stage.at !== 'waiting' || status < 200) return
    if (status >= 300) {
      this.#stage = { at: 'rejected', status, headers, pieces: [], bytes: 0 }
      return
    }
    if (!isIdentity(headers)) {
      this.#fail(
        new BridgeError(
          'upstream_bad_answer',
          `The upstream answered with content-encoding "${String(headers['content-encoding'])}" though none was accepted.`,
        ),
      )
      return
    }
    this.#stage = { at: 'accepted', reader: new BodyReader(contentTypeOf(headers), this.#handler) }
    this.#guard(() => this.#handler.onAccepted(headers))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const stage = this.#stage
    if (stage.at === 'accepted') {
      try {
        stage.reader.read(chunk)
      } catch (cause) {
        this.#fail(toBridgeError(cause))
      }
    } else if (stage.at === 'rejected') {
      stage.pieces.push(chunk)
      stage.bytes += chunk.length
      if (stage.bytes >= MAX_ERROR_BODY_BYTES) this.#reject(stage, true)
    }
  }

  onResponseEnd(): void {
    const stage = this.#stage
    if (stage.at === 'rejected') this.#reject(stage, false)
    else if (stage.at === 'accepted') {
      this.#guard(() => {
        stage.reader.end()
        // The reader's last message may have ended the exchange.
        if (this.#stageIs('over')) return
        this.#stage = { at: 'over' }
        this.#handler.onEnd()
      })
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const stage = this.#stage
    if (stage.at === 'over') return
    if (stage.at === 'rejected') {
      this.#reject(stage, false)
      return
    }
    this.#stage = { at: 'over' }
    this.#handler.onFailed(toUpstreamFailure(error, this.#request, stage.at === 'accepted'))
  }

  abort(): void {
    if (this.#stage.at === 'over') return
    this.#stage = { at: 'over' }
    this.#controller?.abort(new Error('the bridge ended the exchange'))
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  #reject(stage: Extract<Stage, { at: 'rejected' }>, cutShort: boolean): void {
    this.#stage = { at: 'over' }
    if (cutShort) this.#controller?.abort(new Error('error body read far enough'))
    const body = Buffer.concat(stage.pieces).subarray(0, MAX_ERROR_BODY_BYTES).toString('utf8')
    this.#guard(() => this.#handler.onRejected(stage.status, stage.headers, body))
  }

  #stageIs(at: Stage['at']): boolean {
    return this.#stage.at === at
  }

  /** Thrown on to undici, a fault of ours would look like one of the upstream's, or like nothing. */
  #guard(step: () => void): void {
    try {
      step()
    } catch (cause) {
      this.#fail(toBridgeError(cause))
    }
  }

  #fail(error: BridgeError): void {
    this.abort()
    this.#handler.onFailed(error)
  }
}

/**
 * A body that is let go of as it is sent. Given as a buffer, undici would hold it until the answer
 * has ended: for a history of 300 KB that is ten times what the open stream itself takes.
 */
class BodyOnce {
  #body: Buffer | undefined

  constructor(body: Buffer) {
    this.#body = body
  }

  [Symbol.iterator](): Iterator<Buffer> {
    return {
      next: () => {
        const value = this.#body
        this.#body = undefined
        return value === undefined ? { done: true, value } : { done: false, value }
      },
    }
  }
}

export interface UpstreamClient extends Upstream {
  /** Fails every exchange that runs with `reason`, and lets the connections go. */
  close(reason?: BridgeError): Promise<void>
}

/** @param pools by the names of `[upstreams]` */
export function createUpstreamClient(
  pools: Readonly<Record<string, UpstreamPoolOptions>>,
): UpstreamClient {
  const agents = new Map<string, Agent>()
  const agentOf = (name: string): Agent => {
    let agent = agents.get(name)
    if (agent === undefined) {
      agent = new Agent({
        allowH2: false,
        pipelining: 1,
        connect: { timeout: pools[name]?.connectTimeoutMs ?? 10_000 },
      })
      agents.set(name, agent)
    }
    return agent
  }

  return {
    send(request, handler) {
      const exchange = new Exchange(request, handler)
      const url = new URL(request.url)
      const body = Buffer.from(request.body)
      agentOf(request.upstream).dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: 'POST',
          headers: { ...request.headers, 'content-length': String(body.length) },
          // Undici's documentation names iterables, its types do not.
          body: new BodyOnce(body) as unknown as Readable,
          headersTimeout: request.timeouts.headersMs,
          bodyTimeout: request.timeouts.idleMs,
        },
        exchange,
      )
      return exchange
    },
    async close(reason) {
      await Promise.all([...agents.values()].map((agent) => agent.destroy(reason ?? null)))
    },
  }
}
