/**
 * One event, one line. Clients and upstreams write parts of it, so control characters are shown and
 * not obeyed: a line break would forge an event, an escape sequence would drive the terminal.
 */
import type { BridgeEvent } from '../compose.ts'

function visible(character: string): string {
  if (character === '\n') return '\\n'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

export function toLogLine({ level, requestId, message }: BridgeEvent): string {
  const id = requestId === undefined ? '' : ` ${requestId}`
  return `${level}${id} ${message.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]/gu, visible)}\n`
}
