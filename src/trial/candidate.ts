/**
 * A candidate: what a trial puts in place of the task app's own prompt. The same JSON is what
 * `POST /api/interceptor/v1/trials` takes and what `--candidate F` holds.
 *
 * @see ../../docs/interceptor.md
 */
import { z } from 'zod'
import { BridgeError } from '../errors.ts'
import { readAs } from '../protocol/responses/read.ts'

const MAX_CANDIDATE_CHARS = 1_048_576

export const CANDIDATE_ROLES = ['system', 'developer', 'user', 'assistant'] as const

/** Strict: a misspelt `old_text` would replace a whole prompt. */
const ReplacementSchema = z.strictObject({
  apply_to_role: z.enum(CANDIDATE_ROLES),
  old_text: z.string().min(1).optional(),
  new_text: z.string(),
  match: z.enum(['exact', 'substring']).default('substring'),
  case_sensitive: z.boolean().default(true),
})

/** Loose: a section carries names and notes of its optimizer's, which change nothing. */
const SectionSchema = z
  .looseObject({
    role: z.enum(CANDIDATE_ROLES),
    content: z.string().optional(),
    /** Synth's other name for it. */
    pattern: z.string().optional(),
    order: z.number().default(0),
  })
  .transform(({ role, content, pattern, order }, context) => {
    const text = content ?? pattern
    if (text !== undefined) return { role, content: text, order }
    context.addIssue({ code: 'invalid_type', expected: 'string', path: ['content'] })
    return z.NEVER
  })

const SectionsSchema = z.array(SectionSchema).min(1)

const CandidateSchema = z.strictObject({
  /** Names it in traces. */
  id: z.string().max(256).nullish(),
  replacements: z.array(ReplacementSchema).optional(),
  /** Synth's other name for them. */
  text_replacements: z.array(ReplacementSchema).optional(),
  prompt_template: z
    .looseObject({
      sections: SectionsSchema.optional(),
      /** Synth's other name for them. */
      prompt_sections: SectionsSchema.optional(),
    })
    .optional(),
  strict: z.boolean().default(false),
})

export type Replacement = z.output<typeof ReplacementSchema>
export type Section = z.output<typeof SectionSchema>

interface CandidateBase {
  readonly id: string | null
  /** Whether a replacement that matches nothing is an error. */
  readonly strict: boolean
}

export type Candidate = CandidateBase &
  (
    | { readonly kind: 'replacements'; readonly replacements: readonly Replacement[] }
    /** In the order in which the sections stand in the prompt. */
    | { readonly kind: 'template'; readonly sections: readonly Section[] }
  )

/**
 * @param at the field it was sent in; '' for a file of its own
 * @throws {BridgeError} invalid_candidate with `param` at the field
 */
export function readCandidate(json: unknown, at: string): Candidate {
  try {
    return toCandidate(readAs(CandidateSchema, json, at), at)
  } catch (cause) {
    if (!(cause instanceof BridgeError) || cause.code !== 'invalid_request') throw cause
    const { message, param } = cause
    throw new BridgeError('invalid_candidate', message, { param: param ?? undefined, cause })
  }
}

function toCandidate(read: z.output<typeof CandidateSchema>, at: string): Candidate {
  const { strict, prompt_template: template } = read
  const base = { id: read.id ?? null, strict }
  const replacements = read.replacements ?? read.text_replacements
  if ((replacements === undefined) === (template === undefined)) {
    throw invalid(
      at,
      `${at || 'The candidate'} has ${template === undefined ? 'neither' : 'both'}; expected either replacements or prompt_template.`,
    )
  }
  if (JSON.stringify(read).length > MAX_CANDIDATE_CHARS) {
    throw invalid(
      at,
      `${at || 'The candidate'} is larger than ${MAX_CANDIDATE_CHARS} characters of JSON.`,
    )
  }
  if (replacements !== undefined) return { ...base, kind: 'replacements', replacements }
  const sections = template?.sections ?? template?.prompt_sections
  if (sections === undefined) {
    const param = at === '' ? 'prompt_template.sections' : `${at}.prompt_template.sections`
    throw invalid(param, `${param} is missing; expected an array.`)
  }
  const ordered = sections.toSorted((left, right) => left.order - right.order)
  return { ...base, kind: 'template', sections: ordered }
}

function invalid(param: string, message: string): BridgeError {
  return new BridgeError('invalid_candidate', message, { param: param === '' ? undefined : param })
}
