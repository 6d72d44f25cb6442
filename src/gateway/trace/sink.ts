/**
 * The way from calls to the store of traces: a bounded queue, so that a store that is slow, full or away
 * costs no call anything but its trace. What does not fit is lost, counted, and said.
 *
 * ```
 *   offered ──room──▶ waiting ──▶ in flight ──written──▶ gone from here
 *      └─no room─▶ lost              ├──store away──▶ waiting, tried again later
 *                                    └──cannot be written──▶ lost
 * ```
 */
import { BridgeError, toBridgeError } from '../../errors.ts'
import { StoreUnavailable } from '../ledger-port.ts'
import type { Clock } from '../ports.ts'
import type { TraceStore, TraceWrite } from './port.ts'

export interface SinkLimits {
  /** Of all that waits or is being written, in UTF-16 units of content. */
  readonly maxChars: number
  readonly maxWrites: number
}

export const SINK_LIMITS: SinkLimits = { maxChars: 64 * 1_048_576, maxWrites: 20_000 }

/** Handing a write to the store's thread copies it: about a millisecond at a time. */
const MAX_IN_FLIGHT_CHARS = 8 * 1_048_576
const MAX_IN_FLIGHT = 64
const FIRST_DELAY_MS = 100
const LAST_DELAY_MS = 5_000
/** How long a call whose trace is required waits for it. */
const KEEP_TIMEOUT_MS = 10_000
/** How long a bridge that stops waits for what is left. */
const CLOSE_TIMEOUT_MS = 5_000

const LOST_HEADER = 'x-synth-trace-lost'

export interface TraceSink {
  /** @returns false where it is lost, and counted */
  offer(write: TraceWrite): boolean
  /**
   * Resolves once it is durable.
   *
   * @throws {BridgeError} trace_unavailable; it may still be written later
   */
  keep(write: TraceWrite): Promise<void>
  /** What answers say while traces are being lost. */
  readonly headers: Readonly<Record<string, string>>
  readonly state: SinkState
  /** Waits for what is left, for a while. */
  close(): Promise<void>
}

export interface SinkState {
  /** Writes that were lost since the bridge started. */
  readonly lost: number
  readonly waiting: number
}

export interface SinkOptions {
  readonly store: Pick<TraceStore, 'write'>
  readonly clock: Clock
  readonly limits?: SinkLimits
  /** Told once when losses begin, and of each write that the store can never take. */
  readonly onFault: (error: BridgeError) => void
  /** Told of each that is lost. */
  readonly onLost?: () => void
}

interface Entry {
  readonly write: TraceWrite
  readonly chars: number
  resolve(): void
  reject(error: BridgeError): void
}

const NO_HEADERS = {}
const noop = () => {}

/** A record without content still takes its kilobyte. */
function charsOf({ request, response }: TraceWrite): number {
  return (
    1024 + (request?.received.length ?? 0) + (request?.sent?.length ?? 0) + (response?.length ?? 0)
  )
}

export function createTraceSink(options: SinkOptions): TraceSink {
  const { store, clock, limits = SINK_LIMITS, onFault, onLost = noop } = options
  const waiting: Entry[] = []
  let writes = 0
  let chars = 0
  let inFlight = 0
  let inFlightChars = 0
  let lost = 0
  /** From the first loss until everything that waits has been written. */
  let isLosing = false
  let delayMs = FIRST_DELAY_MS
  let cancelRetry: (() => void) | undefined
  let onIdle = noop

  const lose = (reason: BridgeError): void => {
    lost += 1
    onLost()
    if (!isLosing) onFault(reason)
    isLosing = true
  }

  const pump = (): void => {
    if (cancelRetry !== undefined) return
    while (inFlight < MAX_IN_FLIGHT) {
      const next = waiting[0]
      if (next === undefined) return
      if (inFlight > 0 && inFlightChars + next.chars > MAX_IN_FLIGHT_CHARS) return
      waiting.shift()
      send(next)
    }
  }

  const send = (entry: Entry): void => {
    inFlight += 1
    inFlightChars += entry.chars
    store.write(entry.write).then(
      () => {
        delayMs = FIRST_DELAY_MS
        landed(entry)
        entry.resolve()
        forget(entry)
      },
      (cause: unknown) => {
        landed(entry)
        if (isAway(cause)) {
          waiting.unshift(entry)
          retryLater()
          return
        }
        const error = unavailable('A trace cannot be written', cause)
        lose(error)
        entry.reject(error)
        forget(entry)
      },
    )
  }

  const landed = ({ chars: freed }: Entry): void => {
    inFlight -= 1
    inFlightChars -= freed
  }

  const forget = ({ chars: freed }: Entry): void => {
    writes -= 1
    chars -= freed
    if (writes === 0) {
      isLosing = false
      onIdle()
    }
    pump()
  }

  const retryLater = (): void => {
    if (cancelRetry !== undefined) return
    cancelRetry = clock.after(delayMs, () => {
      cancelRetry = undefined
      pump()
    })
    delayMs = Math.min(delayMs * 2, LAST_DELAY_MS)
  }

  const add = (write: TraceWrite, resolve: Entry['resolve'], reject: Entry['reject']): boolean => {
    const entry = { write, chars: charsOf(write), resolve, reject }
    // One that is larger than the whole queue goes when nothing else waits.
    const hasRoom =
      writes === 0 || (writes < limits.maxWrites && chars + entry.chars <= limits.maxChars)
    if (!hasRoom) {
      const error = unavailable(`The queue of traces is full (${writes} wait for the store)`)
      lose(error)
      reject(error)
      return false
    }
    writes += 1
    chars += entry.chars
    waiting.push(entry)
    pump()
    return true
  }

  return {
    offer: (write) => add(write, noop, noop),
    keep(write) {
      const kept = new Promise<void>((resolve, reject) => {
        add(write, resolve, reject)
      })
      return within(kept, clock)
    },
    get headers() {
      return isLosing ? { [LOST_HEADER]: String(lost) } : NO_HEADERS
    },
    get state() {
      return { lost, waiting: writes }
    },
    async close() {
      if (writes > 0) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(CLOSE_TIMEOUT_MS, resolve)
          onIdle = () => {
            cancel()
            resolve()
          }
          cancelRetry?.()
          cancelRetry = undefined
          pump()
        })
      }
      cancelRetry?.()
      // Whatever the store answers from here on is too late.
      cancelRetry = noop
      if (writes === 0) return
      lost += writes
      onFault(unavailable(`${writes} traces were lost, as the store did not take them in time`))
    },
  }
}

function within(kept: Promise<void>, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(KEEP_TIMEOUT_MS, () =>
      reject(unavailable(`The store of traces has not answered for ${KEEP_TIMEOUT_MS / 1000} s`)),
    )
    kept.finally(cancel).then(resolve, reject)
  })
}

function isAway(cause: unknown): boolean {
  if (cause instanceof StoreUnavailable) return cause.fault !== 'closed'
  return toBridgeError(cause).code === 'store_unavailable'
}

function unavailable(what: string, cause?: unknown): BridgeError {
  const why = cause instanceof Error ? `: ${cause.message}` : '.'
  return new BridgeError('trace_unavailable', `${what}${why}`, { cause })
}
