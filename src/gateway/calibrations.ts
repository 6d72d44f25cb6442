/** What upstreams said of the size of earlier requests, by session; the oldest sessions are forgotten. */
import {
  type Calibration,
  calibrate,
  type RequestSize,
  UNCALIBRATED,
} from '../budget/input-bound.ts'

const SESSIONS_KEPT = 1000

export interface Calibrations {
  get(key: string): Calibration
  learn(key: string, size: RequestSize, inputTokens: number): void
}

/** A session is one conversation, mostly; calls without one share what their key and model taught. */
export function calibrationKey(
  sessionId: string | null | undefined,
  keyName: string,
  upstreamModel: string,
): string {
  return sessionId ?? `${keyName} ${upstreamModel}`
}

export function createCalibrations(): Calibrations {
  const known = new Map<string, Calibration>()
  return {
    get: (key) => known.get(key) ?? UNCALIBRATED,
    learn(key, size, inputTokens) {
      const next = calibrate(known.get(key) ?? UNCALIBRATED, size, inputTokens)
      // Set anew, so that the map's own order is that of use.
      known.delete(key)
      known.set(key, next)
      if (known.size > SESSIONS_KEPT) known.delete(known.keys().next().value ?? '')
    },
  }
}
