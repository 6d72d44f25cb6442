/**
 * Names on the chat wire: at most 64 characters of `[A-Za-z0-9_-]`, which is what the strictest
 * servers take. A pure function of the client's name, so that a tool keeps its chat name over the
 * requests of a conversation, declared (a turn) or not (a compaction without tools).
 */

const MAX_CHARS = 64
const LEGAL = /^[A-Za-z0-9_-]{1,64}$/
const ILLEGAL_CHARS = /[^A-Za-z0-9_-]/g

export function chatToolName(name: string, namespace?: string | null): string {
  const whole = namespace ? `${namespace}__${name}` : name
  return LEGAL.test(whole) ? whole : withHash(whole, whole)
}

/** `name` made legal and shortened so that a hash of `identity` fits behind it. */
export function withHash(name: string, identity: string): string {
  const suffix = `_${hash(identity)}`
  return name.replace(ILLEGAL_CHARS, '_').slice(0, MAX_CHARS - suffix.length) + suffix
}

/** FNV-1a over UTF-16 units: eight hex digits; it tells names apart, it protects nothing. */
function hash(text: string): string {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return (value >>> 0).toString(16).padStart(8, '0')
}
