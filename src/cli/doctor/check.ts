/** One thing that `synth doctor` looked at, and what became of it. */

export type CheckStatus =
  | 'ok'
  /** It works, and will disappoint. */
  | 'warning'
  | 'failed'
  /** It could not be looked at, because another check failed. */
  | 'skipped'

export interface Check {
  /** What was looked at within its group: `port`, `tools`. */
  readonly name: string
  readonly status: CheckStatus
  /** What was found. */
  readonly detail: string
  /** What to do about it; undefined where the detail says so, or there is nothing to do. */
  readonly fix?: string | undefined
  /** How long it took, where that says something. */
  readonly tookMs?: number | undefined
}

/** Checks of one subject: this machine, or an upstream. */
export interface CheckGroup {
  /** As the configuration names it: `upstreams.local`. */
  readonly subject: string
  /** What it is, for people. */
  readonly title: string
  readonly checks: readonly Check[]
}
