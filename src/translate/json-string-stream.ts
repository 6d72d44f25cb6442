/**
 * One string property of a JSON object, decoded while the object still arrives: `{"input":"ls -` gives
 * `ls -` at once. The object may be cut at any UTF-16 unit, inside an escape too.
 *
 * Lenient inside the string, because models write it: raw control characters stand for themselves,
 * and an escape JSON does not know keeps its backslash. Everything around it is skipped, not checked
 * closely; whoever needs the whole object parses it at the end.
 *
 * ```
 *   start ─{─▶ key ─"name"─▶ colon ─:─▶ value ─"─▶ target ─"─▶ found
 *     │         ▲ ▲                       ├─"─▶ text ─┐
 *     │         │ └───────────────────────┼─{[─▶ nest ┼─▶ (back to key)
 *     │         └──────────────────────────┴───▶ bare ─┘
 *     └─ anything else, anywhere it does not fit ─▶ malformed
 * ```
 *
 * @see https://www.rfc-editor.org/rfc/rfc8259
 */

/** `reading` from the first unit of the property's string on, `found` behind it. */
export type StringPropertyStage = 'before' | 'reading' | 'found' | 'absent' | 'malformed'

export interface StringPropertyReader {
  readonly stage: StringPropertyStage
  /** What the piece adds to the property's text. A surrogate pair may come in two calls. */
  push(piece: string): string
}

type At =
  | 'start'
  | 'key'
  | 'name'
  | 'colon'
  | 'value'
  | 'target'
  | 'text'
  | 'nest'
  | 'bare'
  | 'found'
  | 'absent'
  | 'malformed'

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

const isSpace = (unit: string) => unit === ' ' || unit === '\n' || unit === '\r' || unit === '\t'

export function createStringPropertyReader(property: string): StringPropertyReader {
  let at: At = 'start'
  let name = ''
  /** The escape begun and not yet whole: `\`, `\u`, `\u0`, … */
  let escaped = ''
  let depth = 0
  /** Inside a string of a nested value. */
  let quoted = false

  /** Reads a string from `from` to its quote, through `take`; returns where to go on. */
  function readString(piece: string, from: number, take: (text: string) => void): number {
    let index = from
    while (index < piece.length) {
      if (escaped !== '') {
        index = readEscape(piece, index, take)
        continue
      }
      let end = index
      while (end < piece.length && piece[end] !== '"' && piece[end] !== '\\') end++
      if (end > index) take(piece.slice(index, end))
      if (end === piece.length) return end
      if (piece[end] === '"') return end
      escaped = '\\'
      index = end + 1
    }
    return index
  }

  function readEscape(piece: string, index: number, take: (text: string) => void): number {
    const unit = piece[index] ?? ''
    if (escaped === '\\' && unit !== 'u') {
      escaped = ''
      take(SIMPLE_ESCAPES[unit] ?? `\\${unit}`)
      return index + 1
    }
    if (escaped !== '\\' && !/[0-9a-fA-F]/.test(unit)) {
      const broken = escaped
      escaped = ''
      take(broken)
      return index
    }
    escaped += unit
    if (escaped.length === 6) {
      take(String.fromCharCode(Number.parseInt(escaped.slice(2), 16)))
      escaped = ''
    }
    return index + 1
  }

  function skipNested(unit: string): void {
    if (quoted) {
      if (escaped !== '') escaped = ''
      else if (unit === '\\') escaped = unit
      else if (unit === '"') quoted = false
      return
    }
    if (unit === '"') quoted = true
    else if (unit === '{' || unit === '[') depth++
    else if (unit === '}' || unit === ']') {
      depth--
      if (depth === 0) at = 'key'
    }
  }

  function step(unit: string): void {
    switch (at) {
      case 'start':
        at = unit === '{' ? 'key' : 'malformed'
        return
      case 'key':
        if (unit === '"') {
          name = ''
          at = 'name'
        } else if (unit === '}') at = 'absent'
        else if (unit !== ',') at = 'malformed'
        return
      case 'colon':
        at = unit === ':' ? 'value' : 'malformed'
        return
      case 'value':
        if (unit === '"') at = name === property ? 'target' : 'text'
        else if (unit === '{' || unit === '[') {
          depth = 1
          at = 'nest'
        } else if (/[-0-9tfn]/.test(unit)) at = 'bare'
        else at = 'malformed'
        return
      default:
        if (unit === ',') at = 'key'
        else if (unit === '}') at = 'absent'
    }
  }

  function push(piece: string): string {
    let added = ''
    let index = 0
    while (index < piece.length) {
      if (at === 'found' || at === 'absent' || at === 'malformed') return added
      if (at === 'target' || at === 'name' || at === 'text') {
        const inside = at
        index = readString(piece, index, (text) => {
          if (inside === 'target') added += text
          else if (inside === 'name') name += text
        })
        if (index < piece.length) {
          at = inside === 'target' ? 'found' : inside === 'name' ? 'colon' : 'key'
          index++
        }
        continue
      }
      const unit = piece[index] ?? ''
      if (at === 'nest') skipNested(unit)
      else if (!isSpace(unit)) step(unit)
      index++
    }
    return added
  }

  return {
    get stage() {
      if (at === 'found' || at === 'absent' || at === 'malformed') return at
      return at === 'target' ? 'reading' : 'before'
    },
    push,
  }
}
