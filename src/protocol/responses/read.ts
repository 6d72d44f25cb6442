/**
 * Reading a client's JSON through a schema: what does not fit becomes one `invalid_request` that
 * names the field as a path, the value found there and what would be right.
 */
import type { z } from 'zod'
import { BridgeError } from '../../errors.ts'

const SHOWN_CHARS = 40

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

interface Complaint {
  readonly path: readonly PropertyKey[]
  readonly expected: string
}

/** @throws {BridgeError} invalid_request with `param` at the field, below `at` (`input[3]`). */
export function readAs<T extends z.ZodType>(schema: T, value: unknown, at: string): z.infer<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  if (issue === undefined) throw invalidRequest(at, 'another value', value)
  const { path, expected } = complain(issue)
  throw invalidRequest(joinPath(at, path), expected, valueAt(value, path))
}

export function invalidRequest(param: string, expected: string, value: unknown): BridgeError {
  const name = param === '' ? 'The request body' : param
  const found = value === undefined ? 'is missing' : `is ${show(value)}`
  return new BridgeError('invalid_request', `${name} ${found}; expected ${expected}.`, {
    param: param === '' ? undefined : param,
  })
}

function complain(issue: z.core.$ZodIssue): Complaint {
  const { path } = issue
  switch (issue.code) {
    case 'invalid_type':
      return { path, expected: TYPE_WORDS[issue.expected] ?? issue.expected }
    case 'invalid_value':
      return { path, expected: issue.values.map((value) => JSON.stringify(value)).join(' or ') }
    case 'unrecognized_keys':
      return { path: [...path, issue.keys[0] ?? ''], expected: 'no such field' }
    case 'too_small':
      return {
        path,
        expected: issue.origin === 'string' ? 'some text' : `at least ${issue.minimum}`,
      }
    case 'too_big':
      return { path, expected: `at most ${issue.maximum}` }
    case 'invalid_union':
      return complainOfUnion(path, issue.errors)
    default:
      return { path, expected: `otherwise (${issue.message})` }
  }
}

/** The branch that got furthest knows best; when none got in, any of them would have been right. */
function complainOfUnion(
  path: readonly PropertyKey[],
  branches: readonly (readonly z.core.$ZodIssue[])[],
): Complaint {
  const complaints = branches.flatMap(([first]) => (first === undefined ? [] : [complain(first)]))
  const deepest = complaints.reduce<Complaint | undefined>(
    (best, next) => (next.path.length > (best?.path.length ?? 0) ? next : best),
    undefined,
  )
  if (deepest !== undefined) {
    return { path: [...path, ...deepest.path], expected: deepest.expected }
  }
  return { path, expected: complaints.map((complaint) => complaint.expected).join(' or ') }
}

function joinPath(at: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, at)
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) {
      return undefined
    }
    current = Reflect.get(current, key)
  }
  return current
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const short = value.length > SHOWN_CHARS ? `${value.slice(0, SHOWN_CHARS)}…` : value
  return JSON.stringify(short)
}
