/**
 * The numbered frames of a relayed Responses stream. An upstream's event keeps its text as long as its
 * number fits; once the bridge has put in or left out an event, numbers are written anew, so that they
 * stay without gaps.
 */
import { encodeFrame } from '../protocol/sse.ts'

type JsonObject = Readonly<Record<string, unknown>>

export type OnEvent = (type: string, event: JsonObject, number: number) => void

export interface FrameWriter {
  /** @param data The event's own text; undefined where the event is not as it was. */
  forward(type: string, event: JsonObject, data: string | undefined): string
  /** An event of the bridge's own. */
  emit(type: string, event: JsonObject): string
}

/** @param onEvent told of every event that leaves, with its number */
export function createFrameWriter(onEvent: OnEvent = () => {}): FrameWriter {
  let next: number | undefined

  function emit(type: string, event: JsonObject): string {
    const number = next ?? 0
    next = number + 1
    onEvent(type, event, number)
    return encodeFrame(type, event, number)
  }

  return {
    forward(type, event, data) {
      const number = event['sequence_number']
      const isNumbered = typeof number === 'number' && Number.isSafeInteger(number)
      if (next === undefined && isNumbered) next = number
      const isWhole = data !== undefined && event['type'] === type && !data.includes('\n')
      if (!isWhole || !isNumbered || number !== next) return emit(type, event)
      next = number + 1
      onEvent(type, event, number)
      return `event: ${type}\ndata: ${data}\n\n`
    },
    emit,
  }
}
