/**
 * A schema's findings as problems that a person can act on: the line, the key, what was written, what
 * would be right.
 */
import type { z } from 'zod'
import type { ConfigProblem } from './config-error.ts'
import { formatKeyPath, type KeyPath } from './key-path.ts'
import { nearest } from './nearest.ts'
import { keysAt, listKeys } from './schema-keys.ts'
import type { TomlDocument } from './toml.ts'
import type { TomlPlaces } from './toml-places.ts'

type Issue = z.core.$ZodIssue

export function describeIssues(
  issues: readonly Issue[],
  document: TomlDocument,
  file: string,
): ConfigProblem[] {
  const problems = issues.flatMap((issue) => describe(issue, [], document))
  return problems
    .map(({ path, message }) => ({
      file,
      line: lineOf(path, document.places),
      key: formatKeyPath(path),
      message,
    }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

/** The line of the key, or of the innermost table around it that is written down. */
export function lineOf(path: KeyPath, places: TomlPlaces): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const place = places.get(formatKeyPath(path.slice(0, length)))
    if (place !== undefined) return place.line
  }
  return undefined
}

interface Finding {
  readonly path: KeyPath
  readonly message: string
}

function describe(issue: Issue, parent: KeyPath, document: TomlDocument): Finding[] {
  const path = [...parent, ...issue.path.map((key) => (typeof key === 'symbol' ? '' : key))]
  const written = valueAt(path, document.values)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: describeUnknown(key, path),
      }))
    case 'invalid_type':
      return [{ path, message: describeType(issue.expected, written) }]
    case 'invalid_value':
      return [{ path, message: describeChoice(issue.values.map(String), written) }]
    case 'too_small':
      if (issue.origin === 'string') return [{ path, message: 'must not be empty' }]
      return [{ path, message: `must be at least ${issue.minimum}${but(written)}` }]
    case 'too_big':
      return [{ path, message: `must be at most ${issue.maximum}${but(written)}` }]
    case 'invalid_union':
      return describeUnion(issue, path, document)
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? issue.message }]
    default:
      return [{ path, message: issue.message }]
  }
}

/** The union's tables and plain values have nothing in common: what was written says which is meant. */
function describeUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: KeyPath,
  document: TomlDocument,
): Finding[] {
  const written = valueAt(path, document.values)
  const isTable = typeof written === 'object' && written !== null
  const inside = issue.errors.find((option) => option.every((found) => isDeep(found)))
  if (isTable && inside !== undefined) {
    return inside.flatMap((found) => describe(found, path, document))
  }
  // A union that says itself what it wants: an amount.
  if (issue.message.startsWith(WANTED)) {
    const isMissing = written === undefined
    return [{ path, message: isMissing ? issue.message.replace(WANTED, MISSING) : issue.message }]
  }
  const kinds = issue.errors.flatMap((option) => {
    const found = option[0]
    if (found?.code === 'invalid_value') return found.values.map((value) => JSON.stringify(value))
    return found?.code === 'invalid_type' ? [KINDS[found.expected] ?? found.expected] : []
  })
  const allowed = [...new Set(kinds)].join(' or ')
  return [{ path, message: `${WANTED}${allowed}${but(written, true)}` }]
}

const WANTED = 'must be '
const MISSING = 'is missing: '

const isDeep = (issue: Issue): boolean =>
  issue.path.length > 0 || issue.code === 'unrecognized_keys'

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a table',
  record: 'a table',
  array: 'a list',
}

function describeType(expected: string, written: unknown): string {
  const kind = KINDS[expected] ?? expected
  return written === undefined ? `${MISSING}${kind}` : `${WANTED}${kind}${but(written)}`
}

function describeChoice(choices: readonly string[], written: unknown): string {
  const allowed = choices.map((choice) => JSON.stringify(choice)).join(' or ')
  const meant = typeof written === 'string' ? nearest(written, choices)[0] : undefined
  const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`
  return `must be ${allowed}${but(written, true)}${hint}`
}

function describeUnknown(key: string, table: KeyPath): string {
  const allowed = keysAt(table)
  const meant = nearest(key, allowed)[0]
  if (meant !== undefined) return `is not a key; did you mean ${meant}?`
  const elsewhere = listKeys().find(({ path }) => path.length > 1 && path.at(-1) === key)
  if (elsewhere !== undefined) {
    return `is not a key here; it belongs in ${formatTable(elsewhere.path.slice(0, -1))}`
  }
  return `is not a key; the keys here are ${allowed.join(', ')}`
}

function formatTable(path: KeyPath): string {
  const names = path.filter((key) => typeof key === 'string')
  return path.at(-1) === 0 ? `[[${names.join('.')}]]` : `[${names.join('.')}]`
}

const MAX_SHOWN_LENGTH = 40

/** What was written instead. A string only where a few words are allowed: elsewhere it may be a key. */
function but(written: unknown, mayShowText = false): string {
  if (written === undefined) return ''
  if (Array.isArray(written)) return ', not a list'
  if (written instanceof Date) return ', not a date'
  if (typeof written === 'object') return ', not a table'
  if (typeof written !== 'string') return `, not ${String(written)}`
  const isShort = written.length <= MAX_SHOWN_LENGTH
  return mayShowText && isShort ? `, not ${JSON.stringify(written)}` : ', not a string'
}

function valueAt(path: KeyPath, values: unknown): unknown {
  let value = values
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
