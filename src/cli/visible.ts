/**
 * Text of clients and upstreams on a terminal: control characters are shown and not obeyed. A line
 * break would forge a line, an escape sequence would drive the terminal, a bidirectional mark would
 * turn what follows around.
 */

function visible(character: string): string {
  if (character === '\n') return '\\n'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

export function toVisible(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]/gu, visible)
}
