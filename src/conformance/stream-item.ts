/**
 * One item of a stream: what is added, filled and closed in it, and that the pieces make the whole.
 *
 * ```
 * added ─▶ (part added ─▶ delta… ─▶ done ─▶ part done)… ─▶ item done      message, reasoning
 * added ─▶ delta… ─▶ done ─▶ item done                                    calls
 * ```
 */
import { isRecord, listOf, textOf } from '../translate/narrow.ts'
import { type Report, shown } from './rules.ts'

type Fields = Readonly<Record<string, unknown>>

export interface ItemTrack {
  readonly outputIndex: unknown
  readonly type: string
  readonly addedAs: Fields
  /** As `output_item.done` has it. */
  readonly closedAs: Fields | undefined
  /** What its deltas say so far: the text of its parts, or the arguments. */
  readonly streamed: string
  take(type: string, fields: Fields): void
}

/** One string that arrives in deltas. */
interface Growing {
  text: string
  isDone: boolean
  isClosed: boolean
}

const startGrowing = (text = ''): Growing => ({ text, isDone: false, isClosed: false })

/** Which member of a `.done` event, a part or an item holds the whole string. */
const WHOLE_MEMBERS = ['text', 'refusal', 'arguments', 'input'] as const

const wholeOf = (fields: Fields): unknown =>
  WHOLE_MEMBERS.map((member) => fields[member]).find((value) => value !== undefined)

const DELTA = /^response\.(.+)\.(delta|done)$/
const PART = /^response\.(content|reasoning_summary)_part\.(added|done)$/
/** Strings that need no part: the item itself holds them. */
const ARGUMENTS = new Set(['function_call_arguments', 'custom_tool_call_input'])

/** Items of other kinds (searches, compactions) have rules of their own; the suite asks for none. */
const isKnown = (type: string): boolean =>
  ['message', 'reasoning', 'function_call', 'custom_tool_call'].includes(type)

export function createItemTrack(item: unknown, outputIndex: unknown, report: Report): ItemTrack {
  const addedAs: Fields = isRecord(item) ? item : {}
  const type = textOf(addedAs['type'])
  const place = `item ${shown(outputIndex)} (${type})`
  const contentParts: Growing[] = []
  const summaryParts: Growing[] = []
  const whole = startGrowing()
  let closedAs: Fields | undefined

  checkAdded(addedAs, place, report)

  function partOf(fields: Fields, isSummary: boolean): [list: Growing[], index: unknown] {
    return isSummary
      ? [summaryParts, fields['summary_index']]
      : [contentParts, fields['content_index']]
  }

  function takePart(fields: Fields, isSummary: boolean, isAdded: boolean): void {
    const [list, index] = partOf(fields, isSummary)
    const part = isRecord(fields['part']) ? fields['part'] : {}
    if (isAdded) {
      if (index !== list.length)
        report('part.order', `${place}: part ${shown(index)} is added, not ${list.length}`)
      if (list.some(({ isClosed }) => !isClosed))
        report('part.order', `${place}: a part is added while another is open`)
      list.push(startGrowing(textOf(wholeOf(part))))
      return
    }
    const growing = list[Number(index)]
    if (growing === undefined || growing.isClosed) {
      report('part.order', `${place}: part ${shown(index)} is closed, which is not open`)
      return
    }
    if (!growing.isDone)
      report('part.order', `${place}: part ${shown(index)} is closed before its text is done`)
    growing.isClosed = true
    compare(wholeOf(part), growing.text, `${place}: its closed part`)
  }

  function takeDelta(kind: string, isDelta: boolean, fields: Fields): void {
    const isSummary = kind.startsWith('reasoning_summary')
    const [list, index] = partOf(fields, isSummary)
    const growing = ARGUMENTS.has(kind) ? whole : list[Number(index)]
    if (growing === undefined || growing.isClosed) {
      report('part.order', `${place}: ${kind} for part ${shown(index)}, which is not open`)
      return
    }
    if (growing.isDone) {
      report('part.order', `${place}: ${kind} behind its done`)
      return
    }
    if (isDelta) {
      const delta = textOf(fields['delta'])
      if (!delta.isWellFormed() || delta.includes('\uFFFD')) {
        report('text.characters', `${place}: ${kind} has the delta ${shown(delta)}`)
      }
      growing.text += delta
      return
    }
    growing.isDone = true
    compare(wholeOf(fields), growing.text, `${place}: ${kind}.done`)
  }

  function compare(said: unknown, streamed: string, what: string): void {
    if (said === streamed) return
    report('text.sum', `${what} says ${shown(said)}, its deltas ${shown(streamed)}`)
  }

  function close(fields: Fields): void {
    if (closedAs !== undefined) {
      report('item.done', `${place} is closed twice`)
      return
    }
    const done: Fields = isRecord(fields['item']) ? fields['item'] : {}
    closedAs = done
    for (const member of ['id', 'type', 'name', 'call_id']) {
      if (done[member] !== addedAs[member]) {
        report(
          'item.same',
          `${place}: ${member} ${shown(addedAs[member])} became ${shown(done[member])}`,
        )
      }
    }
    if (done['status'] === 'in_progress') report('item.done', `${place} is closed as in_progress`)
    if (type === 'function_call' || type === 'custom_tool_call') {
      if (!whole.isDone) report('item.done', `${place} is closed before its arguments are done`)
      compare(wholeOf(done), whole.text, place)
      return
    }
    if (!isKnown(type)) return
    compareParts(contentParts, done['content'], 'content')
    compareParts(summaryParts, done['summary'], 'summary')
  }

  function compareParts(parts: readonly Growing[], said: unknown, member: string): void {
    if (parts.some(({ isClosed }) => !isClosed)) {
      report('part.order', `${place} is closed while a part of it is open`)
    }
    const list = listOf(said).map((part) => (isRecord(part) ? wholeOf(part) : undefined))
    if (list.length !== parts.length) {
      report(
        'text.sum',
        `${place} has ${list.length} ${member} parts; ${parts.length} were streamed`,
      )
      return
    }
    for (const [index, text] of list.entries()) {
      compare(text, parts[index]?.text ?? '', `${place}: ${member}[${index}]`)
    }
  }

  return {
    outputIndex,
    type,
    addedAs,
    get closedAs() {
      return closedAs
    },
    get streamed() {
      // Reasoning may come in both forms at once, and then says the same twice.
      const joined = (parts: readonly Growing[]) => parts.map(({ text }) => text).join('')
      return joined(contentParts) || joined(summaryParts) || whole.text
    },
    take(eventType, fields) {
      if (eventType === 'response.output_item.done') return close(fields)
      if (closedAs !== undefined) report('item.done', `${eventType} behind the end of ${place}`)
      const { item_id: itemId } = fields
      if (itemId !== undefined && itemId !== addedAs['id']) {
        report('item.place', `${eventType} has item_id ${shown(itemId)} at ${place}`)
      }
      if (!isKnown(type)) return
      const part = PART.exec(eventType)
      if (part !== null) return takePart(fields, part[1] !== 'content', part[2] === 'added')
      const delta = DELTA.exec(eventType)
      if (delta !== null) takeDelta(delta[1] ?? '', delta[2] === 'delta', fields)
    },
  }
}

function checkAdded(item: Fields, place: string, report: Report): void {
  const { type, status } = item
  if (!isKnown(textOf(type))) return
  const isRight = status === 'in_progress' || (type === 'reasoning' && status === undefined)
  if (!isRight) report('item.added', `${place} is added as ${shown(status)}`)
  if (textOf(item['id']) === '') report('item.added', `${place} is added without an id`)
  if (type === 'message' && listOf(item['content']).length > 0) {
    report('item.added', `${place} is added with content in it`)
  }
  if (type !== 'function_call') return
  if (textOf(item['name']) === '' || textOf(item['call_id']) === '') {
    report('item.added', `${place} is added without a name or a call_id`)
  }
  if (textOf(item['arguments']) !== '')
    report('item.added', `${place} is added with arguments in it`)
}
