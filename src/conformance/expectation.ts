/** What an answer has to be, as data. How it is held against an answer: `check-answer.ts`. */
import type { Said } from './contents.ts'

export type UsageExpectation =
  /** The upstream's own figures. */
  | 'exact'
  /** The same, or null: they came late enough that many bridges miss them, at a cost to the client. */
  | 'exact or null'
  /** The upstream sent none: null or an estimate, never zeros. */
  | 'none sent'

export type Expectation =
  | {
      readonly is: 'completed'
      readonly said: Said
      /** Text behind the finish, which may be carried or left out. */
      readonly optionalText?: string
      readonly usage: UsageExpectation
    }
  | {
      readonly is: 'incomplete'
      readonly said: Said
      readonly reason: 'max_output_tokens' | 'content_filter'
      readonly usage: UsageExpectation
    }
  | {
      /** `response.failed`; or, before anything was streamed, an HTTP error. */
      readonly is: 'failed'
      /** What the upstream had sent before it failed. */
      readonly said: Said
      /** Whether all of that must have been streamed; a reset may take unread bytes with it. */
      readonly streams: 'all' | 'a prefix'
      /** Statuses that are right where it is told as an HTTP error, both ends included. */
      readonly statuses: readonly [least: number, most: number]
      /** What the failure should still say of the upstream's own words. */
      readonly words?: string
      /** `response.error.code`, where there is only one right one. */
      readonly code?: string
    }

/** One line for `--list` and the reports. */
export function describeExpectation(expected: Expectation): string {
  switch (expected.is) {
    case 'completed':
      return `completed, usage ${expected.usage}`
    case 'incomplete':
      return `incomplete (${expected.reason}), usage ${expected.usage}`
    case 'failed': {
      const [least, most] = expected.statuses
      return `failed, or HTTP ${least === most ? least : `${least}-${most}`}`
    }
  }
}
