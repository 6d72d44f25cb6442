/**
 * What a model name stands for. The configuration and the discovery of upstreams implement it; the
 * gateway asks once per call.
 */
import type { ModelSettings, UpstreamSettings } from '../config/settings.ts'

export interface ResolvedModel {
  readonly model: ModelSettings
  readonly upstream: UpstreamSettings
  /** The upstream's own name for it. */
  readonly upstreamModel: string
  /** The injected key, or undefined where the upstream wants none. */
  readonly apiKey: string | undefined
}

export interface ModelListing {
  readonly id: string
  readonly ownedBy: string
  readonly contextWindow: number | undefined
}

export interface Models {
  /**
   * @throws {BridgeError} model_not_found naming the nearest models; invalid_request when a bare name
   *   is listed by several upstreams; upstream_auth when the key's variable is not set
   */
  resolve(name: string): Promise<ResolvedModel>
  list(): Promise<readonly ModelListing[]>
}
