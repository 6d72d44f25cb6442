/**
 * The free text a chat model wrote as a function's arguments: a custom tool's input, or the stop
 * tool's message. It should be one string property of an object and is read while it arrives; what
 * else models write there is settled by a stated rule.
 *
 * | arguments | custom tool's input | stop tool's message |
 * | --- | --- | --- |
 * | `{"input":"…"}` (`message`) | the string, as it comes | the same |
 * | not JSON, not in braces or quotes | itself, as it comes | the same |
 * | `"…"`, a JSON string | the string | the string |
 * | `{"other":"…"}`, one string property | that string | that string |
 * | `{}` or nothing | empty | nothing |
 * | `{"input":…}`, not a string | its JSON | nothing |
 * | any other object | its JSON | nothing |
 * | in braces, but not JSON (code) | itself | nothing |
 * | cut off before the string began | empty | nothing |
 */
import { createStringPropertyReader } from '../json-string-stream.ts'
import { isRecord, tryParse, tryStringify } from '../narrow.ts'

export interface FreeTextReader {
  /** What the piece adds to the text. */
  push(piece: string): string
  /** What only the end decides. `cut` when the model did not get to the end. */
  end(cut: boolean): string
}

type At = 'head' | 'object' | 'quoted' | 'raw' | 'silent'

/** @param leaksJson Whether arguments that hold no such text are text themselves. */
export function createFreeTextReader(property: string, leaksJson: boolean): FreeTextReader {
  const reader = createStringPropertyReader(property)
  let at: At = 'head'
  /** All that came and has not been taken as text yet. */
  let held = ''

  function release(): string {
    const text = held
    held = ''
    return text
  }

  function settleHead(piece: string): string {
    held += piece
    // What came before it was white space, or this would be decided.
    const first = piece.trimStart()[0]
    if (first === undefined) return ''
    if (first === '{') {
      at = 'object'
      return pushObject(held)
    }
    if (first === '"' || (first === '[' && !leaksJson)) {
      at = 'quoted'
      return ''
    }
    at = 'raw'
    return release()
  }

  function pushObject(piece: string): string {
    const text = reader.push(piece)
    if (reader.stage === 'reading' || reader.stage === 'found') held = ''
    if (reader.stage === 'malformed') {
      at = leaksJson ? 'raw' : 'silent'
      return leaksJson ? release() : ''
    }
    return text
  }

  function settleObject(): string {
    if (reader.stage === 'reading' || reader.stage === 'found') return ''
    const parsed = tryParse(held)
    if (!isRecord(parsed?.value)) return leaksJson ? held : ''
    const entries = Object.entries(parsed.value)
    const own = parsed.value[property]
    if (own !== undefined) return leaksJson ? (tryStringify(own) ?? held) : ''
    const only = entries.length === 1 ? entries[0]?.[1] : undefined
    if (typeof only === 'string') return only
    return leaksJson && entries.length > 0 ? held : ''
  }

  function settleQuoted(): string {
    const parsed = tryParse(held)
    if (typeof parsed?.value === 'string') return parsed.value
    return leaksJson || held.trimStart().startsWith('"') ? held : ''
  }

  return {
    push(piece) {
      switch (at) {
        case 'head':
          return settleHead(piece)
        case 'object':
          if (reader.stage === 'before' || reader.stage === 'absent') held += piece
          return pushObject(piece)
        case 'quoted':
          held += piece
          return ''
        case 'raw':
          return piece
        case 'silent':
          return ''
      }
    },
    end(cut) {
      if (cut) return ''
      if (at === 'object') return settleObject()
      return at === 'quoted' ? settleQuoted() : ''
    },
  }
}
