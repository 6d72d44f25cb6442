/**
 * JSON without what other calls hold too. A history comes back with every turn, one item longer, and a
 * tool list as it was: cut into pieces, each is kept once, by its hash.
 */
import { isRecord } from '../translate/narrow.ts'
import { keysOf, pointerOf, setMember } from './change.ts'

/** A hash and its row cost about a hundred bytes. */
const MIN_PIECE_CHARS = 512

export interface Split {
  /** JSON; null stands where a piece was. */
  readonly rest: string
  readonly pieces: readonly Piece[]
}

export interface Piece {
  readonly pointer: string
  /** JSON. */
  readonly body: string
}

/** Members of the top's lists (`input`, `messages`, `tools`) and its texts (`instructions`). */
export function split(json: unknown): Split {
  if (!isRecord(json)) return { rest: JSON.stringify(json ?? null), pieces: [] }
  const pieces: Piece[] = []
  const cut = (value: unknown, pointer: string): unknown => {
    const body = JSON.stringify(value)
    if (body.length < MIN_PIECE_CHARS) return value
    pieces.push({ pointer, body })
    return null
  }
  const rest: Record<string, unknown> = {}
  for (const key of Object.keys(json)) {
    const value = json[key]
    const place = pointerOf('', key)
    if (Array.isArray(value))
      setMember(
        rest,
        key,
        value.map((member, at) => cut(member, pointerOf(place, at))),
      )
    else setMember(rest, key, typeof value === 'string' ? cut(value, place) : value)
  }
  return { rest: JSON.stringify(rest), pieces }
}

/** @param json the parsed rest, which is filled in and returned */
export function join(json: unknown, pieces: readonly Piece[]): unknown {
  for (const { pointer, body } of pieces) {
    const [first = '', second] = keysOf(pointer)
    const parent = second === undefined ? json : isRecord(json) ? json[first] : undefined
    if (isRecord(parent) || Array.isArray(parent))
      setMember(parent, second ?? first, JSON.parse(body))
  }
  return json
}
