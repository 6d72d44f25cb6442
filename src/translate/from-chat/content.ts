/** Content parts of Chat messages as those of Responses items. */
import type { ClientContent, ClientPart } from '../../protocol/chat/client-request.ts'
import type { Drop } from '../to-chat/dropped.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** What a message says: a string stays one, as the plainest servers take nothing else. */
export function toInputContent(content: ClientContent, drop: Drop): string | JsonObject[] {
  if (typeof content === 'string') return content
  return content.flatMap((part): JsonObject[] => {
    const carried = toInputPart(part, drop)
    return carried === undefined ? [] : [carried]
  })
}

/** What a tool said: text alone is a string, its parts a line each; beside media parts stay parts. */
export function toOutput(content: ClientContent, drop: Drop): string | JsonObject[] {
  if (typeof content === 'string') return content
  const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  return texts.length === content.length ? texts.join('\n') : toInputContent(content, drop)
}

/** What the model said before: text alone is a string, which has no seams. */
export function toAssistantContent(
  content: ClientContent,
  refusal: string | null | undefined,
  drop: Drop,
): string | JsonObject[] {
  const parts = assistantParts(content, drop)
  if (refusal) parts.push({ type: 'refusal', refusal })
  const texts = parts.flatMap((part) => (part.type === 'output_text' ? [part.text] : []))
  return texts.length === parts.length ? texts.join('') : parts
}

type AssistantPart =
  | { readonly type: 'output_text'; readonly text: string }
  | { readonly type: 'refusal'; readonly refusal: string }

function assistantParts(content: ClientContent, drop: Drop): AssistantPart[] {
  if (typeof content === 'string') return content === '' ? [] : [outputText(content)]
  return content.flatMap((part): AssistantPart[] => {
    if (part.type === 'text') return part.text === '' ? [] : [outputText(part.text)]
    if (part.type === 'refusal') return [{ type: 'refusal', refusal: part.refusal }]
    drop(`messages.${wireTypeOf(part)}`)
    return []
  })
}

const outputText = (text: string): AssistantPart => ({ type: 'output_text', text })

function toInputPart(part: ClientPart, drop: Drop): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return { type: 'input_text', text: part.text, ...breakpointOf(part) }
    case 'refusal':
      return { type: 'input_text', text: part.refusal }
    case 'image_url': {
      const { image_url: image } = part
      const { url, detail } = typeof image === 'string' ? { url: image, detail: null } : image
      return {
        type: 'input_image',
        image_url: url,
        detail: detail ?? 'auto',
        ...breakpointOf(part),
      }
    }
    case 'input_audio':
      return { type: 'input_audio', input_audio: part.input_audio, ...breakpointOf(part) }
    case 'file': {
      const { filename, file_data, file_id } = part.file
      return {
        type: 'input_file',
        ...(filename ? { filename } : {}),
        ...(file_data ? { file_data } : {}),
        ...(file_id ? { file_id } : {}),
        ...breakpointOf(part),
      }
    }
    case 'unknown':
      drop(`messages.${part.wireType}`)
      return undefined
  }
}

function breakpointOf(part: JsonObject): JsonObject {
  const breakpoint = part['prompt_cache_breakpoint']
  return breakpoint === undefined || breakpoint === null
    ? {}
    : { prompt_cache_breakpoint: breakpoint }
}

function wireTypeOf(part: ClientPart): string {
  return part.type === 'unknown' ? part.wireType : part.type
}
