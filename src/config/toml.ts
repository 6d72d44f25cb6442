/**
 * TOML text as values and places, with every number intact: one that a float cannot hold exactly as
 * written comes out as its digits, in a string.
 */
import { parse, TomlError } from 'smol-toml'
import { ConfigError } from './config-error.ts'
import { parseDecimal } from './decimal.ts'
import { formatKeyPath, type KeyPath } from './key-path.ts'
import { locateToml, type TomlPlaces } from './toml-places.ts'

export interface TomlDocument {
  readonly values: Readonly<Record<string, unknown>>
  readonly places: TomlPlaces
}

/** @throws {ConfigError} naming the line of the first syntax error. */
export function readToml(text: string, file: string): TomlDocument {
  let values: Record<string, unknown>
  try {
    // `asNeeded`: integers beyond 2^53 come as bigint, so that none is rounded on the way.
    values = parse(text, {
      integersAsBigInt: 'asNeeded',
      maxDepth: 32,
      unsafeKeyBehaviour: 'throw',
    })
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    // The parser's message goes on with the lines around the error; the editor shows those.
    const reason = cause.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? ''
    const message = `is not TOML: ${reason} (column ${cause.column})`
    throw new ConfigError([{ file, line: cause.line, key: '', message }], cause)
  }
  const places = locateToml(text)
  return { values: keepTableDigits(values, [], places), places }
}

function keepTableDigits(
  table: object,
  path: KeyPath,
  places: TomlPlaces,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [key, keepDigits(value, [...path, key], places)]),
  )
}

function keepDigits(value: unknown, path: KeyPath, places: TomlPlaces): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') {
    const literal = places.get(formatKeyPath(path))?.literal
    const exact = literal === undefined ? undefined : parseDecimal(literal)
    // 0.1 is no float, but prints as 0.1 again: only then may the number stand for its digits.
    return exact === undefined || exact === parseDecimal(String(value)) ? value : exact
  }
  if (Array.isArray(value)) {
    return value.map((element, index) => keepDigits(element, [...path, index], places))
  }
  const isTable = typeof value === 'object' && value !== null && !(value instanceof Date)
  return isTable ? keepTableDigits(value, path, places) : value
}
