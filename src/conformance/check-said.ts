/** The words, calls and figures of an answer against those of the upstream. */
import { isDeepStrictEqual } from 'node:util'
import { isRecord, tryParse } from '../translate/narrow.ts'
import type { SaidCall } from './contents.ts'
import type { Expectation, UsageExpectation } from './expectation.ts'
import { type ChatWish, SCRIPTED_USAGE } from './play.ts'
import type { SeenAnswer, SeenCall } from './read-answer.ts'
import { type Report, shown } from './rules.ts'

type Answered = Extract<Expectation, { is: 'completed' | 'incomplete' }>
type Failed = Extract<Expectation, { is: 'failed' }>

export function checkSaid(
  seen: SeenAnswer,
  expected: Answered,
  status: unknown,
  report: Report,
): void {
  const { said } = expected
  if (seen.reasoning !== said.reasoning) {
    report('said.reasoning', `${shown(said.reasoning)} became ${shown(seen.reasoning)}`)
  }
  const late = expected.is === 'completed' ? (expected.optionalText ?? '') : ''
  if (seen.text !== said.text && seen.text !== said.text + late) {
    report('said.text', `${shown(said.text)} became ${shown(seen.text)}`)
  }
  checkCalls(seen.calls, said.calls, status, report)
  const whole = said.calls.filter(({ isWhole }) => isWhole)
  const cut = said.calls.filter(({ isWhole }) => !isWhole)
  // A call that was cut may be shown as what it is, or left out.
  const others = seen.calls.filter(({ name }) => !cut.some((call) => call.name === name))
  if (others.length !== whole.length || !others.every((call, i) => isSame(call, whole[i]))) {
    report('said.calls', `${listed(whole)} became ${listed(others)}`)
  }
}

/** No call that was cut off may look whole, whatever else is right or wrong. */
export function checkCalls(
  seen: readonly SeenCall[],
  said: readonly SaidCall[],
  status: unknown,
  report: Report,
): void {
  for (const { name } of said.filter(({ isWhole }) => !isWhole)) {
    const call = seen.find((candidate) => candidate.name === name)
    if (call === undefined) continue
    // Only an incomplete response has room for an incomplete item.
    if (call.status === 'incomplete' && status === 'incomplete') continue
    report(
      'ending.cut-call',
      `${listed([call])} is closed as ${shown(call.status)} (${shown(status)})`,
    )
  }
}

/** What was streamed before a failure. */
export function checkPrefix(seen: SeenAnswer, { said, streams }: Failed, report: Report): void {
  for (const member of ['text', 'reasoning'] as const) {
    const isRight =
      streams === 'all' ? seen[member] === said[member] : said[member].startsWith(seen[member])
    if (!isRight) report(`said.${member}`, `${shown(said[member])} became ${shown(seen[member])}`)
  }
}

function isSame(seen: SeenCall, said: SaidCall | undefined): boolean {
  return (
    said !== undefined &&
    seen.name === said.name &&
    seen.status === 'completed' &&
    // The same JSON, however it is spaced.
    isDeepStrictEqual(tryParse(seen.arguments), tryParse(said.arguments))
  )
}

const listed = (calls: readonly (SeenCall | SaidCall)[]): string =>
  calls.length === 0
    ? 'no call'
    : calls
        .map((call) => {
          const status = 'status' in call && call.status !== 'completed' ? ` (${call.status})` : ''
          return `${call.name}(${call.arguments})${status}`
        })
        .join(', ')

const EXACT_USAGE = {
  input_tokens: SCRIPTED_USAGE.prompt_tokens,
  cached_tokens: SCRIPTED_USAGE.prompt_tokens_details.cached_tokens,
  output_tokens: SCRIPTED_USAGE.completion_tokens,
  reasoning_tokens: SCRIPTED_USAGE.completion_tokens_details.reasoning_tokens,
  total_tokens: SCRIPTED_USAGE.total_tokens,
}

export function checkUsage(
  usage: unknown,
  expected: UsageExpectation,
  wish: ChatWish | undefined,
  report: Report,
): void {
  if (!isRecord(usage)) {
    if (expected === 'none sent') return
    const isAskedFor = wish === undefined || !wish.isStreaming || wish.wantsUsage
    const why = isAskedFor
      ? 'the upstream sent it'
      : 'the bridge did not ask the upstream for it (stream_options.include_usage)'
    report(expected === 'exact' ? 'said.usage' : 'said.late-usage', `it is ${shown(usage)}; ${why}`)
    return
  }
  if (expected === 'none sent') {
    if (usage['total_tokens'] === 0)
      report('said.usage', 'it is zero though the upstream sent none')
    return
  }
  const { input_tokens_details: input, output_tokens_details: output } = usage
  const seen = {
    input_tokens: usage['input_tokens'],
    cached_tokens: isRecord(input) ? input['cached_tokens'] : undefined,
    output_tokens: usage['output_tokens'],
    reasoning_tokens: isRecord(output) ? output['reasoning_tokens'] : undefined,
    total_tokens: usage['total_tokens'],
  }
  if (!isDeepStrictEqual(seen, EXACT_USAGE)) {
    report('said.usage', `${JSON.stringify(EXACT_USAGE)} became ${JSON.stringify(seen)}`)
  }
}
