/** What an answer says, whatever form its items have. */
import { isRecord, listOf, textOf } from '../translate/narrow.ts'
import type { ItemTrack } from './stream-item.ts'

export interface SeenCall {
  readonly name: string
  readonly arguments: string
  /** Of the item; `''` where it has none. */
  readonly status: string
}

export interface SeenAnswer {
  readonly reasoning: string
  readonly text: string
  /** Only calls that were closed: a client acts on nothing else. */
  readonly calls: readonly SeenCall[]
}

type Fields = Readonly<Record<string, unknown>>

export function readOutput(output: unknown): SeenAnswer {
  const items = listOf(output).filter(isRecord)
  return {
    reasoning: ofType(items, 'reasoning').map(reasoningOf).join(''),
    text: ofType(items, 'message')
      .map(({ content }) => textOfParts(content))
      .join(''),
    calls: ofType(items, 'function_call').map(toCall),
  }
}

/** Of a stream that failed: its final output may leave out what was open. */
export function seenInTracks(tracks: readonly ItemTrack[]): SeenAnswer {
  const streamedIn = (wanted: string) =>
    tracks
      .filter(({ type }) => type === wanted)
      .map(({ streamed }) => streamed)
      .join('')
  return {
    reasoning: streamedIn('reasoning'),
    text: streamedIn('message'),
    calls: tracks
      .filter(({ type }) => type === 'function_call')
      .flatMap(({ closedAs }) => (closedAs === undefined ? [] : [toCall(closedAs)])),
  }
}

const ofType = (items: readonly Fields[], wanted: string) =>
  items.filter(({ type }) => type === wanted)

/** The raw text where there is one, else the summary: either may carry it. */
const reasoningOf = ({ content, summary }: Fields): string =>
  textOfParts(content) || textOfParts(summary)

const textOfParts = (parts: unknown): string =>
  listOf(parts)
    .filter(isRecord)
    .map(({ text }) => textOf(text))
    .join('')

const toCall = (item: Fields): SeenCall => ({
  name: textOf(item['name']),
  arguments: textOf(item['arguments']),
  status: textOf(item['status']),
})
