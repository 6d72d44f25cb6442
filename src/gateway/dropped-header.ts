/**
 * `x-synth-dropped`. Its names come from the client's request, where they may be anything: a character
 * that no header may hold would throw when the head is written, and a head of any length breaks the
 * client that reads it.
 */

const MAX_NAMES = 32
const MAX_NAME_CHARS = 64

function headerName(name: string): string {
  // Cut before encoding, so that megabytes are not encoded, and after, as it makes up to nine of one.
  const start = name.slice(0, MAX_NAME_CHARS).toWellFormed()
  return encodeURIComponent(start).slice(0, MAX_NAME_CHARS)
}

export function droppedHeader(dropped: readonly string[]): Record<string, string> {
  if (dropped.length === 0) return {}
  const names = dropped.slice(0, MAX_NAMES).map(headerName)
  const more = dropped.length - names.length
  return { 'x-synth-dropped': [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ') }
}
