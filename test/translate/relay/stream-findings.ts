/** What the shared validator holds against what a bridge sent; nothing when it is not there. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'

interface Validator {
  parseSSE(text: string): unknown
  validateStream(
    parsed: unknown,
    options: { profile: string },
  ): { findings: { level: string; code: string; msg: string }[] }
  responseFindings(response: unknown, profile: string): readonly (readonly string[])[]
  readonly OA: Schemas
  readonly OR: Schemas
}

interface Schemas {
  check(schema: unknown, value: unknown): readonly string[]
}

const shared = process.env['BRIDGE_SHARED']

// The module has no types of its own; the cast states what is used of it.
const validator =
  shared === undefined
    ? undefined
    : ((await import(
        /* @vite-ignore */ pathToFileURL(path.join(shared, 'check', 'lib-validate.mjs')).href
      )) as Validator)

/** @param profile `none` checks the order of events without any schema. */
export function failuresOf(text: string, profile: 'both' | 'openai' | 'none'): string[] {
  if (validator === undefined) return []
  const { findings } = validator.validateStream(validator.parseSSE(text), { profile })
  return findings.filter(({ level }) => level === 'fail').map(({ code, msg }) => `${code}: ${msg}`)
}

/** Events without their framing, as a socket carries them. */
export function eventFailures(events: readonly unknown[], profile: 'both' | 'openai'): string[] {
  const frames = events.map(
    (event) => `event: ${typeOf(event)}\ndata: ${JSON.stringify(event)}\n\n`,
  )
  return failuresOf(`${frames.join('')}data: [DONE]\n\n`, profile)
}

function typeOf(event: unknown): string {
  return typeof event === 'object' && event !== null && 'type' in event ? String(event.type) : ''
}

/** A whole response, as the answer to a call that does not stream. */
export function responseFailures(response: unknown, profile: 'both' | 'openai' = 'both'): string[] {
  if (validator === undefined) return []
  return validator
    .responseFindings(response, profile)
    .filter(([level]) => level === 'fail')
    .map((finding) => finding.join(' '))
}

/** Any other body, by the name that both documents have for it. */
export function schemaFailures(name: string, body: unknown): string[] {
  if (validator === undefined) return []
  const schema = { $ref: `#/components/schemas/${name}` }
  return [...validator.OA.check(schema, body), ...validator.OR.check(schema, body)].filter(
    // OpenAI's own traffic lacks it, and Open Responses does not know it.
    (failure) => !failure.includes('cache_write_tokens'),
  )
}
