/** The shared validator of Responses streams, when `BRIDGE_SHARED` says where it is. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ResponseEvent } from '../../../src/protocol/responses/events.ts'
import { wireOf } from './harness.ts'

interface Finding {
  readonly level: 'fail' | 'warn' | 'note'
  readonly code: string
  readonly msg: string
}

interface Validator {
  parseSSE(text: string): unknown
  validateStream(parsed: unknown, options: { profile: string }): { findings: Finding[] }
}

const shared = process.env['BRIDGE_SHARED']

// The module has no types of its own; the cast states what is used of it.
const validator: Validator | undefined =
  shared === undefined
    ? undefined
    : ((await import(
        /* @vite-ignore */ pathToFileURL(path.join(shared, 'check', 'lib-validate.mjs')).href
      )) as Validator)

export const hasSharedValidator = validator !== undefined

/** Open Responses has no custom tools and no tool search; streams with them are OpenAI's alone. */
function profileOf(events: readonly ResponseEvent[]): 'both' | 'openai' {
  const isOpenAiOnly = events.some(
    (event) =>
      event.type === 'response.output_item.added' &&
      (event.item.type === 'custom_tool_call' || event.item.type === 'tool_search_call'),
  )
  return isOpenAiOnly ? 'openai' : 'both'
}

/** What the validator holds against the stream; nothing when it is not there. */
export function sharedFailures(events: readonly ResponseEvent[]): string[] {
  if (validator === undefined) return []
  const profile = profileOf(events)
  const { findings } = validator.validateStream(validator.parseSSE(wireOf(events)), { profile })
  return findings.filter(({ level }) => level === 'fail').map(({ code, msg }) => `${code}: ${msg}`)
}
