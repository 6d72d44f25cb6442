/**
 * What a model name stands for. The configuration and the discovery of upstreams implement it; the
 * gateway asks once per call.
 */
import type { ChatDialect } from '../translate/dialect.ts'
import type { UpstreamTimeouts } from './ports.ts'

export interface UpstreamSettings {
  /** A key of `[upstreams]`. */
  readonly name: string
  /** Without a trailing slash; `/chat/completions` is appended. */
  readonly baseUrl: string
  readonly wire: 'chat' | 'responses'
  /** The injected key, or undefined where the upstream wants none. */
  readonly apiKey: string | undefined
  readonly timeouts: UpstreamTimeouts
  readonly maxRetries: number
  readonly dialect: ChatDialect
}

export interface ModelSettings {
  /** The name the client uses. */
  readonly name: string
  /** The upstream's own name for it. */
  readonly upstreamModel: string
  readonly upstream: UpstreamSettings
  readonly stopTool: boolean
  readonly thinkTags: boolean
  readonly maxRepeatedCalls: number
  /** Tokens. */
  readonly contextWindow: number | undefined
  readonly maxOutputTokens: number | undefined
  /** Whether missing usage is shown as an estimate. */
  readonly estimateUsage: boolean
}

export interface ModelListing {
  readonly id: string
  readonly ownedBy: string
  readonly contextWindow: number | undefined
}

export interface Models {
  /**
   * @throws {BridgeError} model_not_found naming the nearest models; invalid_request when a bare name
   *   is listed by several upstreams
   */
  resolve(name: string): Promise<ModelSettings>
  list(): Promise<readonly ModelListing[]>
}
