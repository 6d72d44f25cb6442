/** What `--candidate` holds: replacements or a template for the bridge, or a container's own fields. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemCodeOf } from '../../errors.ts'
import type { Dialect } from '../../rollout/request.ts'
import { isRecord, tryParse } from '../../translate/narrow.ts'
import { UsageError } from '../context.ts'

export type Candidate =
  /** Applied by the bridge, which also checks it. */
  | { readonly kind: 'prompt'; readonly value: Readonly<Record<string, unknown>> }
  /** Texts by field, which a container applies itself. */
  | { readonly kind: 'fields'; readonly value: Readonly<Record<string, string>> }

const FORMS =
  'It holds {"replacements": […]}, {"prompt_template": {…}}, or, for a container, texts by field'

/** What only a candidate for the bridge has; it says itself what is wrong with the rest. */
const PROMPT_KEYS = ['replacements', 'text_replacements', 'prompt_template', 'strict']

/** @throws {UsageError} naming the file and what is wrong with it */
export function readCandidate(path: string, cwd: string): Candidate {
  const value = tryParse(readText(path, cwd))?.value
  if (value === undefined) throw new UsageError(`--candidate: ${path} is no JSON. ${FORMS}.`)
  if (isRecord(value)) {
    if (PROMPT_KEYS.some((key) => key in value)) return { kind: 'prompt', value }
    const entries = Object.entries(value)
    if (entries.length > 0 && entries.every((entry) => typeof entry[1] === 'string')) {
      return { kind: 'fields', value: value as Record<string, string> }
    }
  }
  throw new UsageError(`--candidate: ${path} is no candidate. ${FORMS}; see docs/rollouts.md.`)
}

function readText(path: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, path), 'utf8')
  } catch (cause) {
    const why = systemCodeOf(cause) === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new UsageError(`--candidate: ${path} cannot be read: ${why}.`)
  }
}

/**
 * The texts by field that a container gets: those it starts from, with the candidate's in their place.
 *
 * @throws {UsageError} where a candidate of one kind meets an app of the other
 */
export function fieldsFor(
  dialect: Dialect,
  fields: Readonly<Record<string, string>>,
  candidate: Candidate | undefined,
): Readonly<Record<string, string>> {
  if (candidate?.kind !== 'fields') return fields
  if (dialect === 'container') return { ...fields, ...candidate.value }
  throw new UsageError(
    '--candidate holds texts by field, which only a container takes, and the task app is none. Write {"replacements": […]} or {"prompt_template": {…}}, or say --dialect container.',
  )
}
