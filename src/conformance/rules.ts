/**
 * The rules an answer is held against, by name, and how bad it is to break one. `docs/conformance.md`
 * lists them; a test reads both ways.
 *
 * @see https://www.openresponses.org/specification
 */

export interface Rule {
  /** `must`: a client goes wrong, the cell fails. `should`: told, and the cell passes. */
  readonly level: 'must' | 'should'
  readonly says: string
}

const must = (says: string): Rule => ({ level: 'must', says })
const should = (says: string): Rule => ({ level: 'should', says })

export const RULES = {
  reached: must('the request gets to the upstream'),
  answered: must('the answer comes, and ends, in time'),
  'http.status': must('the HTTP status fits what happened'),
  'http.content-type': must('a stream is text/event-stream, a body application/json'),
  'http.error-body': must('an HTTP error is JSON with error.message'),
  'sse.json': must('the data of every frame is a JSON object with a type'),
  'sse.event-name': must('the event: line of a frame is its type'),
  'sse.done': should('the last frame is data: [DONE], and only the last'),
  'stream.first': must('response.created comes first, then response.in_progress, each once'),
  'stream.sequence': must('sequence_number begins at 0 and grows by 1'),
  'stream.terminal': must('there is one terminal event, and nothing behind it'),
  'stream.status': must('response.status is what the event says'),
  'stream.same-response': must('id and created_at of the response never change'),
  'stream.error': must('an error event is followed by response.failed'),
  'stream.live': must('what the upstream sends is passed on while it is still sending'),
  'item.index': must('output_index counts up from 0, one for every item'),
  'item.added': must(
    'an item is added once, as in_progress and empty, before anything of it comes',
  ),
  'item.done': must('an item is closed once, and nothing of it comes behind'),
  'item.same': must('id, type, name and call_id of an item never change'),
  'item.place': must('item_id and output_index of an event belong together'),
  'part.order': must('parts are added, filled and closed, one after another'),
  'text.sum': must('deltas add up to what is done, in the part and in the item'),
  'text.characters': must('no delta cuts a character apart'),
  'output.same': must('the final output is the items as they were closed'),
  'response.state': must('error, incomplete_details and the items fit the status'),
  'response.ids': must('items have ids of their own, calls have call ids, none of them twice'),
  'response.usage': must('usage adds up, and no part of it is larger than the whole'),
  'response.fields': should('the response has every field that Open Responses requires'),
  'ending.status': must('the answer ends as the upstream’s did'),
  'ending.reason': must('incomplete_details.reason says what cut the answer'),
  'said.text': must('the words are those of the upstream'),
  'said.reasoning': must('the reasoning is that of the upstream, and none of it is in the text'),
  'said.calls': must('the calls are those of the upstream'),
  'ending.cut-call': must('a call that was cut off is never closed as if it were whole'),
  'said.usage': must('usage is what the upstream told'),
  'said.late-usage': should('usage that comes late is read'),
  'error.code': must('the code of a failure lets the client do what is right'),
  'error.words': should('a failure tells what the upstream said'),
  'error.html': should('an error shows no HTML'),
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof RULES

/** A rule that was broken, and how. */
export interface Finding {
  readonly rule: RuleName
  readonly message: string
}

export type Report = (rule: RuleName, message: string) => void

/** A value as it can be shown in a line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
