/** Token usage, normalised over both wires. All counts are whole tokens, finite and not negative. */
export interface Usage {
  /** Prompt tokens, cached ones included. */
  readonly inputTokens: number
  /** At most `inputTokens`. */
  readonly cachedInputTokens: number
  /** Part of `inputTokens` written to the upstream's cache, where it says so. */
  readonly cacheWriteTokens: number
  /** Generated tokens, reasoning included even where the upstream leaves it out of its count. */
  readonly outputTokens: number
  /** At most `outputTokens`. */
  readonly reasoningTokens: number
}
