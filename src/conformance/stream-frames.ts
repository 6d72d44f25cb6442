/**
 * Server-sent events as the client gets them, with the rules of their form. What the events mean
 * together: `check-stream.ts`.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { createParser } from 'eventsource-parser'
import { isRecord, tryParse } from '../translate/narrow.ts'
import { type Report, shown } from './rules.ts'

export interface StreamEvent {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface FrameReader {
  push(text: string): void
  /** The body has ended. */
  end(): void
  readonly events: readonly StreamEvent[]
}

/** @param onEvent called with each event as soon as its frame is whole */
export function createFrameReader(
  report: Report,
  onEvent: (event: StreamEvent) => void,
): FrameReader {
  const events: StreamEvent[] = []
  let isDone = false
  const parser = createParser({
    onEvent: ({ event: name, data }) => {
      if (isDone) report('sse.done', `behind [DONE] comes ${shown(data)}`)
      if (data === '[DONE]') {
        isDone = true
        return
      }
      const fields = tryParse(data)?.value
      const type = isRecord(fields) ? fields['type'] : undefined
      if (!isRecord(fields) || typeof type !== 'string') {
        report('sse.json', `the data of a frame is ${shown(data)}`)
        return
      }
      if (name !== type) report('sse.event-name', `${type} comes as event ${shown(name)}`)
      const event = { type, fields }
      events.push(event)
      onEvent(event)
    },
  })
  return {
    events,
    push: (text) => parser.feed(text),
    end: () => {
      if (!isDone) report('sse.done', 'the stream ends without it')
    },
  }
}
