/** What every export is made of: texts for one call after another, of which none is kept. */
import type { TraceRecord } from '../record.ts'

/** Calls that belong together: a rollout's, or a session's. */
export interface TraceGroup {
  readonly by: 'correlation' | 'session' | 'call'
  /** A correlation id, a session id, or a trace id. */
  readonly id: string
  /** Of the first of its calls, ISO 8601. */
  readonly createdAt: string
}

export interface ExportFormat {
  /** Whether calls are asked for group by group, in the order they came. */
  readonly isGrouped: boolean
  /** @returns undefined for a call that this format has no place for: one without an answer to learn from */
  record(record: TraceRecord, group: TraceGroup): string | undefined
  /** Before a group's first call, between two calls, and after its last. */
  readonly open: (group: TraceGroup) => string
  readonly between: string
  readonly close: (group: TraceGroup) => string
}

const nothing = () => ''

/** One line for each call. */
export function lines(toValue: (record: TraceRecord) => unknown): ExportFormat {
  return {
    isGrouped: false,
    record(record) {
      const value = toValue(record)
      return value === undefined ? undefined : `${JSON.stringify(value)}\n`
    },
    open: nothing,
    between: '',
    close: nothing,
  }
}

export function groupOf(record: TraceRecord): TraceGroup {
  const { correlation_id, session_id, trace_id, created_at: createdAt } = record
  if (correlation_id !== null) return { by: 'correlation', id: correlation_id, createdAt }
  if (session_id !== null) return { by: 'session', id: session_id, createdAt }
  return { by: 'call', id: trace_id, createdAt }
}
