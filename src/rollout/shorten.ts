/** Enough of what a task app says to recognise it by. */
const MAX_CHARS = 200

/** In one line. */
export function shorten(text: string, maxChars = MAX_CHARS): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > maxChars ? `${line.slice(0, maxChars)}…` : line
}
