/**
 * Padding of streamed deltas: with it, the sizes of encrypted packets do not tell the lengths of
 * tokens, and with them the text. A delta and its padding fill whole blocks.
 *
 * The padding needs no randomness: what is seen of it is its length.
 *
 * @see https://platform.openai.com/docs/api-reference/responses-streaming, `include_obfuscation`
 */
import type { ResponseEvent } from '../protocol/responses/events.ts'

const BLOCK_CHARS = 32
const FILLER = 'oXb3tqNzL8yVdRk5WmCe9uHsJ2fGpA7i'

/** @param said The delta's text; 1 to 32 characters that bring both to a multiple of 32. */
export function paddingFor(said: string): string {
  // Escapes and multi-byte characters count as they are sent.
  const sent = Buffer.byteLength(JSON.stringify(said)) - 2
  return FILLER.slice(0, BLOCK_CHARS - (sent % BLOCK_CHARS))
}

/** The same event, padded if its text grows. */
export function padEvent(event: ResponseEvent): ResponseEvent {
  return 'delta' in event ? { ...event, obfuscation: paddingFor(event.delta) } : event
}
