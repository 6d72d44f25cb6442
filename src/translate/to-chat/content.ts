/**
 * Content parts in chat's words. What chat has no word for is named and left out; media never turns
 * into text.
 */
import type { ChatContentPart } from '../../protocol/chat/request.ts'
import type { InputContent, InputPart } from '../../protocol/responses/input.ts'
import type { Drop } from './dropped.ts'

/** Between the text parts of one item: what vLLM puts there when a template wants a string. */
const PART_SEPARATOR = '\n'

/** Undefined when nothing of it can be carried. */
export function toUserContent(
  content: InputContent,
  drop: Drop,
): string | ChatContentPart[] | undefined {
  if (typeof content === 'string') return content
  if (content.length === 0) return ''
  const parts = content.flatMap((part) => toChatPart(part, drop) ?? [])
  if (parts.length === 0) return undefined
  return packParts(parts)
}

/** Parts as a message holds them: text alone is a string, which every server's template can read. */
export function packParts(parts: readonly ChatContentPart[]): string | ChatContentPart[] {
  const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  if (texts.length === parts.length) return texts.join(PART_SEPARATOR)
  // Some servers refuse an empty text part; beside media it says nothing.
  return parts.filter((part) => part.type !== 'text' || part.text !== '')
}

/** The text of a system-class message, which holds nothing else in chat. */
export function toSystemText(content: InputContent, drop: Drop): string {
  return splitContent(content, drop, refuseMedia(drop)).text
}

/** The text of an assistant message. Parts of one answer join without a seam, as SDKs join them. */
export function toAssistantText(content: InputContent, drop: Drop): string {
  if (typeof content === 'string') return content
  return content
    .map((part) => {
      const text = textOf(part)
      if (text === undefined) dropPart(part, drop)
      return text ?? ''
    })
    .join('')
}

export interface SplitContent {
  readonly text: string
  readonly media: readonly ChatContentPart[]
}

/** Text and media apart: a tool message takes only text. */
export function splitOutput(content: InputContent, drop: Drop): SplitContent {
  const media: ChatContentPart[] = []
  const { text } = splitContent(content, drop, (part) => media.push(part))
  return { text, media }
}

function splitContent(
  content: InputContent,
  drop: Drop,
  onMedia: (part: ChatContentPart, wire: InputPart) => void,
): { text: string } {
  if (typeof content === 'string') return { text: content }
  const texts: string[] = []
  for (const part of content) {
    const text = textOf(part)
    if (text !== undefined) {
      texts.push(text)
      continue
    }
    const media = toChatPart(part, drop)
    if (media !== undefined) onMedia(media, part)
  }
  return { text: texts.join(PART_SEPARATOR) }
}

function refuseMedia(drop: Drop) {
  return (_: ChatContentPart, wire: InputPart) => dropPart(wire, drop)
}

function textOf(part: InputPart): string | undefined {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return part.text
    case 'refusal':
      return part.refusal
    default:
      return undefined
  }
}

function toChatPart(part: InputPart, drop: Drop): ChatContentPart | undefined {
  const text = textOf(part)
  if (text !== undefined) return { type: 'text', text }
  switch (part.type) {
    case 'input_image':
      return toImagePart(part, drop)
    case 'input_file':
      return toFilePart(part, drop)
    case 'input_audio': {
      const { data, format } = part.input_audio
      return { type: 'input_audio', input_audio: { data, format } }
    }
    default:
      dropPart(part, drop)
      return undefined
  }
}

function toImagePart(
  part: Extract<InputPart, { type: 'input_image' }>,
  drop: Drop,
): ChatContentPart | undefined {
  const image = typeof part.image_url === 'string' ? { url: part.image_url } : part.image_url
  if (!image?.url) {
    drop(part.file_id ? 'input.input_image.file_id' : 'input.input_image')
    return undefined
  }
  const detail = part.detail ?? ('detail' in image ? image.detail : undefined)
  return {
    type: 'image_url',
    image_url: { url: image.url, ...(detail ? { detail: toChatDetail(detail) } : {}) },
  }
}

/** Chat knows auto, low and high; `original` asks for at least as much as high does. */
function toChatDetail(detail: string): string {
  return detail === 'original' ? 'high' : detail
}

function toFilePart(
  part: Extract<InputPart, { type: 'input_file' }>,
  drop: Drop,
): ChatContentPart | undefined {
  if (part.file_data) {
    const filename = part.filename ? { filename: part.filename } : {}
    return { type: 'file', file: { ...filename, file_data: part.file_data } }
  }
  if (part.file_url) drop('input.input_file.file_url')
  else drop(part.file_id ? 'input.input_file.file_id' : 'input.input_file')
  return undefined
}

function dropPart(part: InputPart, drop: Drop): void {
  drop(`input.${part.type === 'unknown' ? part.wireType : part.type}`)
}
