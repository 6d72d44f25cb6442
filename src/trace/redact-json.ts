/** Takes secrets out of JSON, text by text: in the JSON's own text an escape may stand before a key. */
import { REDACTED } from '../translate/key-shapes.ts'
import { isRecord } from '../translate/narrow.ts'
import { setMember } from './change.ts'

/** Members whose text is a secret whatever it looks like: `api_key`, an MCP server's `Authorization`. */
const SECRET_NAME =
  /^(?:.*[_-])?(?:api[_-]?key|authorization|password|secret|access[_-]?token|auth[_-]?token)$/i

/** @returns `value` itself where there is nothing to take out */
export function redactJson(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) {
    const members = value.map((member) => redactJson(member, redact))
    return members.every((member, at) => member === value[at]) ? value : members
  }
  if (!isRecord(value)) return value
  let isChanged = false
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const member = value[key]
    const isSecret = typeof member === 'string' && member !== '' && SECRET_NAME.test(key)
    const name = redact(key)
    const clean = isSecret ? REDACTED : redactJson(member, redact)
    isChanged ||= name !== key || clean !== member
    setMember(copy, name, clean)
  }
  return isChanged ? copy : value
}
