/**
 * Where each key of a TOML document stands, and what its value looks like in the source. A parsed
 * document has neither, and both are needed: an error names the line, and a price is read from its
 * digits instead of from the nearest float.
 *
 * Only for a document that the TOML parser has accepted: what would be a syntax error is not looked
 * for here.
 *
 * @see https://toml.io/en/v1.0.0
 */
import { parse } from 'smol-toml'
import { formatKeyPath, type KeyPath } from './key-path.ts'

export interface TomlPlace {
  /** From 1. */
  readonly line: number
  /** The source text of a number, date or boolean; undefined for strings, arrays and tables. */
  readonly literal: string | undefined
}

/** By key as `formatKeyPath` writes it. */
export type TomlPlaces = ReadonlyMap<string, TomlPlace>

const BLANK = /[ \t\r\n]/
/** Ends a bare key, and any value that is not quoted or bracketed. */
const KEY_END = /[ \t.=\]]/
const LITERAL_END = /[,\]}#\r\n]/

export function locateToml(text: string): TomlPlaces {
  const places = new Map<string, TomlPlace>()
  /** How many tables each `[[array]]` has had so far. */
  const arrayLengths = new Map<string, number>()
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let line = 1
  let lineCountedTo = 0

  const currentLine = (): number => {
    for (; lineCountedTo < at; lineCountedTo++) if (text[lineCountedTo] === '\n') line++
    return line
  }

  const note = (path: KeyPath, literal?: string): void => {
    const key = formatKeyPath(path)
    // The first mention counts: `a.b = 1` gives `a` a place that a later `a.c` does not move.
    if (!places.has(key)) places.set(key, { line: currentLine(), literal })
  }

  const skipBlanks = (): void => {
    while (at < text.length) {
      if (text[at] === '#') skipToLineEnd()
      else if (BLANK.test(text[at] ?? '')) at++
      else return
    }
  }

  const skipToLineEnd = (): void => {
    while (at < text.length && text[at] !== '\n') at++
  }

  const skipString = (): string => {
    const start = at
    const quote = text[at] ?? ''
    const fence = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote
    at += fence.length
    while (at < text.length && !text.startsWith(fence, at)) {
      at += quote === '"' && text[at] === '\\' ? 2 : 1
    }
    at += fence.length
    // `""""a"""""` is legal: up to two quotes stand inside the fence.
    while (fence.length === 3 && text[at] === quote) at++
    return text.slice(start, at)
  }

  const readKey = (): string[] => {
    const keys: string[] = []
    for (;;) {
      skipBlanks()
      if (text[at] === '"' || text[at] === "'") keys.push(decodeString(skipString()))
      else {
        const start = at
        while (at < text.length && !KEY_END.test(text[at] ?? '')) at++
        keys.push(text.slice(start, at))
      }
      skipBlanks()
      if (text[at] !== '.') return keys
      at++
    }
  }

  /** The tables that a header's keys mean: inside the last element of each array on the way. */
  const resolve = (keys: readonly string[]): (string | number)[] => {
    const path: (string | number)[] = []
    for (const key of keys) {
      path.push(key)
      const length = arrayLengths.get(formatKeyPath(path))
      if (length !== undefined) path.push(length - 1)
    }
    return path
  }

  const readHeader = (): KeyPath => {
    const isArray = text[at + 1] === '['
    at += isArray ? 2 : 1
    const keys = readKey()
    at += isArray ? 2 : 1
    if (isArray) {
      const last = keys.pop() ?? ''
      const array = formatKeyPath([...resolve(keys), last])
      arrayLengths.set(array, (arrayLengths.get(array) ?? 0) + 1)
      keys.push(last)
    }
    const path = resolve(keys)
    for (let length = 1; length <= path.length; length++) note(path.slice(0, length))
    return path
  }

  const readPair = (table: KeyPath): void => {
    const keys = readKey()
    for (let length = 1; length < keys.length; length++) note([...table, ...keys.slice(0, length)])
    at++ // =
    skipBlanks()
    readValue([...table, ...keys])
  }

  const readValue = (path: KeyPath): void => {
    const opening = text[at]
    if (opening === '"' || opening === "'") {
      note(path)
      skipString()
    } else if (opening === '[' || opening === '{') {
      note(path)
      at++
      for (let index = 0; ; index++) {
        skipBlanks()
        if (at >= text.length || text[at] === ']' || text[at] === '}') break
        if (opening === '[') readValue([...path, index])
        else readPair(path)
        skipBlanks()
        if (text[at] === ',') at++
      }
      at++
    } else {
      const start = at
      while (at < text.length && !LITERAL_END.test(text[at] ?? '')) at++
      note(path, text.slice(start, at).trim())
    }
  }

  let table: KeyPath = []
  for (skipBlanks(); at < text.length; skipBlanks()) {
    if (text[at] === '[') table = readHeader()
    else readPair(table)
  }
  return places
}

function decodeString(quoted: string): string {
  const value = parse(`key = ${quoted}`)['key']
  return typeof value === 'string' ? value : quoted
}
