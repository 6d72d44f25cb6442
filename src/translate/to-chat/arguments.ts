/**
 * Arguments of calls in the history. Servers and chat templates parse them, and take nothing but a
 * JSON object; clients replay whatever a model once wrote.
 */
import { isRecord, tryParse } from '../narrow.ts'
import { CUSTOM_INPUT_PROPERTY } from '../tool-table.ts'

/**
 * An object's text goes on byte for byte; nothing (`""`, `null`) is `{}`; anything else is kept whole
 * as the one text of an object, so that the model sees what it wrote.
 */
export function toObjectText(text: string): string {
  const kind = kindOf(text)
  if (kind === 'object') return text
  return kind === 'nothing' ? '{}' : wrapInput(text)
}

/** The function form of a custom tool's input. */
export function wrapInput(input: string): string {
  return JSON.stringify({ [CUSTOM_INPUT_PROPERTY]: input })
}

function kindOf(text: string): 'object' | 'nothing' | 'other' {
  if (text.trim() === '') return 'nothing'
  // A model cut short, or one that does not write JSON, is `other`: its text is kept as text.
  const parsed = tryParse(text)
  if (parsed?.value === null) return 'nothing'
  return isRecord(parsed?.value) ? 'object' : 'other'
}
