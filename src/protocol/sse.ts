/** Server-sent events out. Reading them is eventsource-parser's job. */
import type { ResponseEvent } from './responses/events.ts'

/** The last frame of every stream. */
export const DONE_FRAME = 'data: [DONE]\n\n'

/** One whole frame of a Responses stream: `event:` equal to `type`, data on one line, LF. */
export declare function encodeEvent(event: ResponseEvent, sequenceNumber: number): string
