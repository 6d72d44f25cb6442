/** An error for the log: a fault of ours shows where it happened, which its message hides from clients. */
import type { BridgeError } from '../errors.ts'

export function toLogText(error: BridgeError, redact: (text: string) => string): string {
  const { cause } = error
  const isOurs = error.code === 'internal_error'
  const text = isOurs && cause instanceof Error ? (cause.stack ?? cause.message) : error.message
  return redact(`${error.code}: ${text}`)
}
