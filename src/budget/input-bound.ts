/**
 * How many tokens a request can be, from its bytes. No tokenizer: they block for seconds on hostile
 * text, and none is right for every model. Three bytes a token is above what code and prose take; what
 * the upstream reports of a session's last answers makes the bound tighter, never looser than a byte a
 * token, which no byte-level vocabulary can pass.
 *
 * ```
 *   300,000 bytes of code and prose are 69,648 tokens of o200k
 *   at first      ⌈300,000 / 3⌉               = 100,000
 *   afterwards    ⌈300,000 × 0.2322 × 1.1⌉    =  76,613
 * ```
 *
 * Pictures, sound and files are not text: their base64 is taken out of the bytes, and each counts what
 * one of its kind can come to.
 */

const DEFAULT_BYTES_PER_TOKEN = 3
/** Tokens for a million bytes. */
const LEAST_RATIO = 166_667
const MOST_RATIO = 1_000_000
const RATIO_UNIT = 1_000_000
/** Answers that the bound looks back on. */
const REMEMBERED = 8
/** The next request may be denser than the last ones: a tenth is added. */
const MARGIN_PERCENT = 110

/**
 * An image at full detail. OpenAI's models that count patches stop at 1,536 of them times 2.46, which
 * is 3,779 tokens; Claude's at 4,784; Gemini's below. Only the small models that count a picture 33-fold
 * (gpt-4o-mini), at a thirty-third of the price, come to more.
 */
const IMAGE_TOKENS = 5120
/** 32 tokens a second at most (Gemini; OpenAI counts 10), of sound at 12 kbit/s or more. */
const AUDIO_CHARS_PER_TOKEN = 64
const LEAST_AUDIO_TOKENS = 256
/** Base64 of text is four characters for three bytes, which are a token. */
const FILE_CHARS_PER_TOKEN = 4
/** A few pages, each as text and as a picture, may be packed into next to nothing. */
const LEAST_FILE_TOKENS = 16_384
/** The hundred pages that providers take at most, at 2,600 tokens a page. */
const MOST_FILE_TOKENS = 262_144

/** Observed tokens per million bytes of the latest answers, newest last. A value: it is replaced, not changed. */
export type Calibration = readonly number[]

export const UNCALIBRATED: Calibration = []

/** The request's size without what is not text, and how much of that there was. */
export interface RequestSize {
  readonly textBytes: number
  readonly mediaParts: number
  /** What those parts can come to. */
  readonly mediaTokens: number
}

interface MediaKind {
  /** Found only where this stands in the body: a search costs a tenth of a match. */
  readonly key: string
  /**
   * Captures the base64. A quote inside a JSON string is escaped, so no text that a user writes can
   * look like a member: text stays text, however much of it is base64.
   */
  readonly member: RegExp
  readonly tokensOf: (base64Chars: number) => number
}

const KINDS: readonly MediaKind[] = [
  {
    key: '"image_url":',
    member: /"image_url":(?:\{(?:"detail":"\w*",)?"url":)?"(?:(data:[^"\\]*)|[^"\\]+)"/g,
    tokensOf: () => IMAGE_TOKENS,
  },
  {
    key: '"input_audio":',
    member: /"input_audio":\{(?:"format":"\w*",)?"data":"([^"\\]*)"/g,
    tokensOf: (chars) => Math.max(Math.ceil(chars / AUDIO_CHARS_PER_TOKEN), LEAST_AUDIO_TOKENS),
  },
  {
    key: '"file_data":',
    member: /"file_data":"([^"\\]*)"/g,
    tokensOf: (chars) =>
      Math.min(
        Math.max(Math.ceil(chars / FILE_CHARS_PER_TOKEN), LEAST_FILE_TOKENS),
        MOST_FILE_TOKENS,
      ),
  },
  // Kept at the provider or fetched by it: it alone knows how long they are.
  {
    key: '"file_id":',
    member: /"file_id":"[^"\\]*"/g,
    tokensOf: () => MOST_FILE_TOKENS,
  },
  {
    key: '"file_url":',
    member: /"file_url":"[^"\\]*"/g,
    tokensOf: () => MOST_FILE_TOKENS,
  },
]

/**
 * @param body as it goes upstream: JSON without spaces between its members
 * @param bytes of it, in UTF-8
 */
export function measureRequest(body: string, bytes: number): RequestSize {
  let [textBytes, mediaParts, mediaTokens] = [bytes, 0, 0]
  for (const { key, member, tokensOf } of KINDS) {
    if (!body.includes(key)) continue
    for (const [, base64 = ''] of body.matchAll(member)) {
      textBytes -= base64.length
      mediaParts++
      mediaTokens += tokensOf(base64.length)
    }
  }
  return { textBytes, mediaParts, mediaTokens }
}

export function boundInputTokens(size: RequestSize, calibration: Calibration): number {
  return textTokens(size.textBytes, calibration) + size.mediaTokens
}

/** Of some JSON that goes upstream, before any answer has said how dense its text is. */
export function estimateInputTokens(json: string): number {
  return boundInputTokens(measureRequest(json, Buffer.byteLength(json)), UNCALIBRATED)
}

/** By the densest of the answers looked back on, and the margin. Whole numbers below 2^53. */
function textTokens(bytes: number, calibration: Calibration): number {
  if (calibration.length === 0) return Math.ceil(bytes / DEFAULT_BYTES_PER_TOKEN)
  const ratio = Math.ceil((Math.max(...calibration) * MARGIN_PERCENT) / 100)
  return Math.ceil((bytes * Math.min(Math.max(ratio, LEAST_RATIO), MOST_RATIO)) / RATIO_UNIT)
}

/** The calibration after an answer that reported its input. Requests with media teach nothing. */
export function calibrate(
  calibration: Calibration,
  size: RequestSize,
  inputTokens: number,
): Calibration {
  if (size.mediaParts > 0 || size.textBytes <= 0 || inputTokens === 0) return calibration
  const ratio = Math.min(Math.ceil((inputTokens * RATIO_UNIT) / size.textBytes), MOST_RATIO)
  return [...calibration, ratio].slice(-REMEMBERED)
}
