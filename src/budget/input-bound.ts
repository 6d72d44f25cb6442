/**
 * How many tokens a request can be, from its bytes. No tokenizer: they block for seconds on hostile
 * text, and none is right for every model. Three bytes a token is above what code and prose take; what
 * the upstream reports of a session's last answers makes the bound tighter, never looser than a byte a
 * token.
 */

/** Tokens for each byte, where nothing is known yet. */
const DEFAULT_RATIO = 1 / 3
const LEAST_RATIO = 1 / 6
const MOST_RATIO = 1
/** Answers that the bound looks back on. */
const REMEMBERED = 8
const MARGIN = 1.1

/** Tokens that an image can cost at most: 1,445 at full detail, and a margin for other vendors' counts. */
const IMAGE_TOKENS = 2048
const MEDIA = /"data:[a-z]+\/[\w.+-]+;base64,[A-Za-z0-9+/=]+"/g

/** Observed tokens per byte of the latest answers, newest last. A value: it is replaced, not changed. */
export type Calibration = readonly number[]

export const UNCALIBRATED: Calibration = []

/** The request's size without what is not text, and how much of that there was. */
export interface RequestSize {
  readonly textBytes: number
  readonly mediaParts: number
}

/**
 * @param bytes of the whole body
 * @param body read only for media, which only a body of this size or more can hold
 */
export function measureRequest(body: string, bytes: number): RequestSize {
  if (!body.includes(';base64,')) return { textBytes: bytes, mediaParts: 0 }
  let mediaBytes = 0
  let mediaParts = 0
  for (const [media] of body.matchAll(MEDIA)) {
    mediaBytes += media.length
    mediaParts++
  }
  return { textBytes: bytes - mediaBytes, mediaParts }
}

export function boundInputTokens(size: RequestSize, calibration: Calibration): number {
  const ratio =
    calibration.length === 0
      ? DEFAULT_RATIO
      : Math.min(Math.max(Math.max(...calibration) * MARGIN, LEAST_RATIO), MOST_RATIO)
  return Math.ceil(size.textBytes * ratio) + size.mediaParts * IMAGE_TOKENS
}

/** The calibration after an answer that reported its input. Requests with media teach nothing. */
export function calibrate(
  calibration: Calibration,
  size: RequestSize,
  inputTokens: number,
): Calibration {
  if (size.mediaParts > 0 || size.textBytes === 0 || inputTokens === 0) return calibration
  return [...calibration, inputTokens / size.textBytes].slice(-REMEMBERED)
}
