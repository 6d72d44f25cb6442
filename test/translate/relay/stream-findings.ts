/** What the shared validator holds against a relayed stream; nothing when it is not there. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'

interface Validator {
  parseSSE(text: string): unknown
  validateStream(
    parsed: unknown,
    options: { profile: string },
  ): { findings: { level: string; code: string; msg: string }[] }
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
