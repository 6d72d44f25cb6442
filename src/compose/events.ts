/** What a running bridge has to say, in words and without secrets. */
import type { LimitWarning } from '../budget/account.ts'
import { type BridgeError, toBridgeError } from '../errors.ts'
import { describeWarning } from '../gateway/budget-headers.ts'
import type { CallEvent } from '../gateway/call-deps.ts'
import { toLogText } from '../gateway/log-text.ts'

export interface BridgeEvent {
  readonly level: 'info' | 'warn' | 'error'
  readonly requestId: string | undefined
  readonly message: string
  readonly error?: BridgeError
}

export function createTeller(
  onEvent: (event: BridgeEvent) => void,
  redact: (text: string) => string,
) {
  const tell =
    (level: BridgeEvent['level'], what: string) =>
    (error: BridgeError, requestId: string | undefined): void =>
      onEvent({ level, requestId, message: `${what} ${toLogText(error, redact)}`, error })

  const failed = tell('error', 'call failed with')
  const triedAgain = tell('warn', 'trying again after')
  const refusedFor = { bridge: tell('error', 'refused with'), others: tell('warn', 'refused with') }
  return {
    ofCall: ({ type, requestId, error }: CallEvent) =>
      (type === 'retry' ? triedAgain : failed)(error, requestId),
    refused: (error: BridgeError, requestId: string) =>
      (error.info.origin === 'bridge' ? refusedFor.bridge : refusedFor.others)(error, requestId),
    uncounted: tell('warn', 'tokens were estimated, as counting failed with'),
    tracesFailed: tell('error', 'traces:'),
    unkept: tell('error', 'a response could not be kept:'),
    retentionFailed: (cause: unknown) =>
      tell('error', 'old responses could not be taken out:')(toBridgeError(cause), undefined),
    lookingOnFailed: (cause: unknown) =>
      tell('error', 'a call could not be counted:')(toBridgeError(cause), undefined),
    spansUnsent: (why: string) =>
      onEvent({
        level: 'warn',
        requestId: undefined,
        message: `spans cannot be sent to the collector: ${redact(why)}`,
      }),
    limitNear: (warning: LimitWarning, requestId: string) =>
      onEvent({ level: 'warn', requestId, message: `budget: ${describeWarning(warning)}` }),
    storeFailed: (error: Error, requestId: string) =>
      onEvent({ level: 'error', requestId, message: `store: ${error.message}` }),
  }
}
