/** How much a whole Responses body generated, in UTF-16 units: texts, reasoning, arguments, inputs. */
import { isRecord, listOf, textOf } from './narrow.ts'

export function countOutput(response: Readonly<Record<string, unknown>>): number {
  let chars = 0
  for (const item of listOf(response['output'])) {
    if (!isRecord(item)) continue
    chars += textOf(item['arguments']).length + textOf(item['input']).length
    for (const part of [...listOf(item['content']), ...listOf(item['summary'])]) {
      if (isRecord(part)) chars += textOf(part['text']).length + textOf(part['refusal']).length
    }
  }
  return chars
}
