/**
 * What the bench's upstream says and what its client therefore expects: the model name chooses the
 * answer (`bench-text-500-at-50-marks-1200`), and every delta carries exactly one mark, so that
 * counting one byte in a stream counts its deltas.
 */

export type AnswerKind = 'text' | 'unicode' | 'tool' | 'reasoning'

export interface AnswerShape {
  readonly kind: AnswerKind
  readonly deltas: number
  /** Events a second of this stream, each in a write of its own; undefined: as fast as they go. */
  readonly eventsPerSecond?: number | undefined
  /** Marks the upstream must find in the request, or it refuses: the whole history arrived. */
  readonly requestMarks?: number | undefined
}

/** One per delta and one per history item; nothing else in the traffic holds it. */
export const MARK = '~'
export const MARK_BYTE = MARK.charCodeAt(0)

export const TOOL_NAME = 'write_note'
/** Around the tool call's deltas, so that its arguments are JSON; in chunks of their own. */
export const ARGUMENTS_OPENING = '{"note":"'
export const ARGUMENTS_CLOSING = '"}'
/** The text that follows the reasoning, in one chunk without a mark. */
export const TEXT_AFTER_REASONING = 'Done.'

const WORDS = (
  'the of and to a in that is was for it with as his on be at by had not are but from or have an ' +
  'they which one you were all her she there would their we him been has when who will no more if out'
).split(' ')
/** About one delta in twelve needs a JSON escape, as code and prose do. */
const ESCAPED = ['\n', ' "quoted"', '\n\n  ', '\tindented', ' C:\\path']
const UNICODE = [' —', ' naïve', '’s', ' 模型', ' 🙂']

/** The text of the n-th delta. */
export function deltaText(kind: AnswerKind, n: number): string {
  if (kind !== 'tool' && n % 12 === 11) return `${ESCAPED[((n / 12) % ESCAPED.length) | 0]}${MARK}`
  if (kind === 'unicode' && n % 12 === 5)
    return `${UNICODE[((n / 12) % UNICODE.length) | 0]}${MARK}`
  return ` ${WORDS[n % WORDS.length]}${MARK}`
}

/** Everything the deltas of an answer add up to. */
export function wholeText({ kind, deltas }: AnswerShape): string {
  const text = Array.from({ length: deltas }, (_, n) => deltaText(kind, n)).join('')
  return kind === 'tool' ? ARGUMENTS_OPENING + text + ARGUMENTS_CLOSING : text
}

export function toModelName(shape: AnswerShape): string {
  let name = `bench-${shape.kind}-${shape.deltas}`
  if (shape.eventsPerSecond !== undefined) name += `-at-${shape.eventsPerSecond}`
  if (shape.requestMarks !== undefined) name += `-marks-${shape.requestMarks}`
  return name
}

const MODEL_NAME = /^bench-(text|unicode|tool|reasoning)-(\d+)(?:-at-(\d+))?(?:-marks-(\d+))?$/

export function parseModelName(name: string): AnswerShape | undefined {
  const [, kind, deltas, eventsPerSecond, requestMarks] = MODEL_NAME.exec(name) ?? []
  if (kind !== 'text' && kind !== 'unicode' && kind !== 'tool' && kind !== 'reasoning') return
  return {
    kind,
    deltas: Number(deltas),
    eventsPerSecond: eventsPerSecond === undefined ? undefined : Number(eventsPerSecond),
    requestMarks: requestMarks === undefined ? undefined : Number(requestMarks),
  }
}

export function countMarks(bytes: Buffer): number {
  let marks = 0
  for (let at = bytes.indexOf(MARK_BYTE); at !== -1; at = bytes.indexOf(MARK_BYTE, at + 1)) marks++
  return marks
}
