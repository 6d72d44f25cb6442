/** The changes that make of one request another. */
import { isRecord } from '../translate/narrow.ts'
import { applyChanges, type Change, pointerOf, setMember } from './change.ts'

/** What is shorter than this in JSON is written out: a pointer to it would be no shorter. */
const MIN_CHARS = 64
/** Beyond it only texts are looked for: what whole parts would save is not worth their JSON. */
const MAX_INDEXED_CHARS = 4_194_304

/**
 * What of `sent` stands anywhere in `received` is pointed at, whatever its place: that makes even a
 * translation into another wire's shape a short list.
 *
 * @param receivedChars length of `received` as JSON
 * @param first what was changed before, by a trial's candidate; left out where it does not fit
 */
export function changesBetween(
  received: unknown,
  sent: unknown,
  receivedChars: number,
  first: readonly Change[] = [],
): Change[] {
  const index = createIndex(received, receivedChars <= MAX_INDEXED_CHARS)
  const begun = carriedOut(received, first)
  const changes: Change[] = [...begun.changes]
  compare(begun.request, sent, '', index, changes)
  return changes
}

function carriedOut(received: unknown, changes: readonly Change[]) {
  try {
    return { request: applyChanges(received, changes), changes }
  } catch {
    // Redaction has taken something out of their way: the comparison finds what they did.
    return { request: received, changes: [] }
  }
}

interface Index {
  /** Pointer to this very value. */
  find(value: unknown): string | undefined
  /** The longest text that `text` begins with. */
  findStart(text: string): { readonly pointer: string; readonly chars: number } | undefined
}

function createIndex(root: unknown, hasParts: boolean): Index {
  const texts = new Map<string, string>()
  const parts = new Map<string, string>()
  const starts = new Map<string, string[]>()

  const visit = (value: unknown, pointer: string): void => {
    if (typeof value === 'string') {
      if (value.length < MIN_CHARS || texts.has(value)) return
      texts.set(value, pointer)
      const start = value.slice(0, MIN_CHARS)
      const others = starts.get(start)
      if (others === undefined) starts.set(start, [value])
      else others.push(value)
    } else if (Array.isArray(value)) {
      value.forEach((member, at) => {
        visit(member, pointerOf(pointer, at))
      })
      note(value, pointer)
    } else if (isRecord(value)) {
      for (const key of Object.keys(value)) visit(value[key], pointerOf(pointer, key))
      note(value, pointer)
    }
  }
  const note = (value: object, pointer: string): void => {
    if (!hasParts || pointer === '') return
    const json = JSON.stringify(value)
    if (json.length >= MIN_CHARS && !parts.has(json)) parts.set(json, pointer)
  }
  visit(root, '')

  return {
    find(value) {
      if (typeof value === 'string') return texts.get(value)
      if (!hasParts || typeof value !== 'object' || value === null) return undefined
      return parts.get(JSON.stringify(value))
    },
    findStart(text) {
      const candidates = starts.get(text.slice(0, MIN_CHARS)) ?? []
      const longest = candidates
        .filter((candidate) => text.startsWith(candidate))
        .reduce((best, candidate) => (candidate.length > best.length ? candidate : best), '')
      const pointer = texts.get(longest)
      return pointer === undefined ? undefined : { pointer, chars: longest.length }
    },
  }
}

function compare(
  before: unknown,
  after: unknown,
  path: string,
  index: Index,
  changes: Change[],
): void {
  if (Object.is(before, after)) return
  if (Array.isArray(before) && Array.isArray(after)) {
    const common = Math.min(before.length, after.length)
    for (let at = 0; at < common; at++)
      compare(before[at], after[at], pointerOf(path, at), index, changes)
    for (let at = common; at < after.length; at++)
      put('insert', after[at], pointerOf(path, at), index, changes)
    for (let at = before.length; at > common; at--)
      changes.push({ op: 'remove', path: pointerOf(path, at - 1) })
  } else if (isRecord(before) && isRecord(after)) {
    for (const key of Object.keys(after)) {
      const place = pointerOf(path, key)
      if (Object.hasOwn(before, key)) compare(before[key], after[key], place, index, changes)
      else put('set', after[key], place, index, changes)
    }
    for (const key of Object.keys(before))
      if (!Object.hasOwn(after, key)) changes.push({ op: 'remove', path: pointerOf(path, key) })
  } else put('set', after, path, index, changes)
}

function put(
  op: 'set' | 'insert',
  value: unknown,
  path: string,
  index: Index,
  changes: Change[],
): void {
  const later: Change[] = []
  const inline = inlined(value, path, index, later)
  // A place of its own in a list has to be made first.
  if (op === 'set' && inline === null && later[0]?.path === path) changes.push(...later)
  else changes.push({ op, path, value: inline }, ...later)
}

/** The value, with null for what `later` puts there. */
function inlined(value: unknown, path: string, index: Index, later: Change[]): unknown {
  const from = index.find(value)
  if (from !== undefined) {
    later.push({ op: 'copy', path, from })
    return null
  }
  if (typeof value === 'string') {
    const start = value.length < MIN_CHARS ? undefined : index.findStart(value)
    if (start === undefined) return value
    const edit = { at: start.chars, removed: 0, inserted: value.slice(start.chars) }
    later.push({ op: 'copy', path, from: start.pointer }, { op: 'edit', path, edits: [edit] })
    return null
  }
  if (Array.isArray(value))
    return value.map((member, at) => inlined(member, pointerOf(path, at), index, later))
  if (!isRecord(value)) return value
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value))
    setMember(copy, key, inlined(value[key], pointerOf(path, key), index, later))
  return copy
}
