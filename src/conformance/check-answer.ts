/** Holds what came over the wire against what the cell expects. */
import { isRecord, listOf, textOf } from '../translate/narrow.ts'
import type { WireAnswer } from './ask.ts'
import { checkResponse } from './check-response.ts'
import { checkCalls, checkPrefix, checkSaid, checkUsage } from './check-said.ts'
import { checkStream } from './check-stream.ts'
import type { Expectation } from './expectation.ts'
import type { ChatWish } from './play.ts'
import { readOutput, type SeenAnswer, seenInTracks } from './read-answer.ts'
import { type Report, shown } from './rules.ts'

type Fields = Readonly<Record<string, unknown>>
type Failed = Extract<Expectation, { is: 'failed' }>

/** @param wish what the bridge asked the upstream for; undefined where it asked nothing */
export function checkAnswer(
  answer: WireAnswer,
  expected: Expectation,
  wish: ChatWish | undefined,
  report: Report,
): void {
  // What is wrong with an answer that never came has been told already.
  if (answer.is === 'nothing') return
  if (answer.status >= 400) {
    checkRefusal(answer, expected, report)
    return
  }
  if (answer.status !== 200) report('http.status', `it is ${answer.status}`)
  if (answer.is === 'stream') {
    const { final, items } = checkStream(answer.events, report)
    const seen =
      final?.['status'] === 'failed' ? seenInTracks(items) : readOutput(final?.['output'])
    if (final !== undefined) checkEnding(final, seen, expected, wish, report)
    return
  }
  if (!isRecord(answer.json)) {
    report('ending.status', `the body is no response: ${shown(answer.text)}`)
    return
  }
  checkResponse(answer.json, report)
  checkEnding(answer.json, readOutput(answer.json['output']), expected, wish, report, 'whole')
}

function checkEnding(
  response: Fields,
  seen: SeenAnswer,
  expected: Expectation,
  wish: ChatWish | undefined,
  report: Report,
  form: 'stream' | 'whole' = 'stream',
): void {
  const { status } = response
  if (status !== expected.is) {
    report('ending.status', `it is ${shown(status)}, not ${expected.is}`)
  }
  if (expected.is === 'failed') {
    checkCalls(seen.calls, expected.said.calls, status, report)
    // A body has no place for what came before a failure.
    if (form === 'stream' && status === 'failed') checkPrefix(seen, expected, report)
    if (status === 'failed') checkFailure(response['error'], expected, report)
    return
  }
  checkSaid(seen, expected, status, report)
  checkUsage(response['usage'], expected.usage, wish, report)
  if (expected.is !== 'incomplete' || status !== 'incomplete') return
  const details = response['incomplete_details']
  const reason = isRecord(details) ? details['reason'] : undefined
  if (reason !== expected.reason) {
    report('ending.reason', `it is ${shown(reason)}, not ${shown(expected.reason)}`)
  }
}

function checkFailure(error: unknown, expected: Failed, report: Report): void {
  if (!isRecord(error)) return
  checkWords(textOf(error['message']), expected, report)
  if (expected.code !== undefined && error['code'] !== expected.code) {
    report('error.code', `it is ${shown(error['code'])}, not ${shown(expected.code)}`)
  }
}

function checkWords(message: string, { words }: Failed, report: Report): void {
  if (words !== undefined && !message.includes(words)) {
    report('error.words', `${shown(words)} became ${shown(message)}`)
  }
  if (/<html/i.test(message)) report('error.html', shown(message))
}

function checkRefusal(
  answer: Extract<WireAnswer, { is: 'stream' | 'body' }>,
  expected: Expectation,
  report: Report,
): void {
  const said = answer.is === 'body' ? answer.text : listOf(answer.events)
  if (expected.is !== 'failed') {
    report('ending.status', `HTTP ${answer.status}, not ${expected.is}: ${shown(said)}`)
    return
  }
  const [least, most] = expected.statuses
  if (answer.status < least || answer.status > most) {
    const right = least === most ? `${least}` : `${least} to ${most}`
    report('http.status', `it is ${answer.status}, not ${right}`)
  }
  const body = answer.is === 'body' && isRecord(answer.json) ? answer.json['error'] : undefined
  const message = isRecord(body) ? textOf(body['message']) : ''
  if (message === '') {
    report('http.error-body', `it is ${shown(said)}`)
    return
  }
  checkWords(message, expected, report)
}
