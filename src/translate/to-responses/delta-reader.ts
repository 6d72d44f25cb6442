/**
 * What one `delta`, or one `message`, says: reasoning in all its spellings, then text and refusal,
 * then calls, then annotations, each handed on in that order and only when there is something.
 */
import type { TokenLogprob, UrlCitation } from '../../protocol/responses/items.ts'
import { isRecord, listOf, textOf } from '../narrow.ts'

export interface DeltaSink {
  reasoning(text: string): void
  /** An entry of `reasoning_details`, its readable text already handed to `reasoning`. */
  reasoningDetail(detail: unknown): void
  text(text: string): void
  refusal(text: string): void
  toolCall(value: unknown): void
  legacyCall(value: unknown): void
  citation(citation: UrlCitation): void
}

type Delta = Record<string, unknown>

export function readDelta(delta: Delta, sink: DeltaSink): void {
  const content = delta['content']
  const parts = typeof content === 'string' ? undefined : partsOf(content)
  const hasThinkingParts = parts?.some(isThinkingPart) ?? false

  if (!hasThinkingParts) {
    const reasoning = reasoningText(delta)
    if (reasoning !== '') sink.reasoning(reasoning)
  }
  for (const detail of listOf(delta['reasoning_details'])) sink.reasoningDetail(detail)

  if (typeof content === 'string') {
    if (content !== '') sink.text(content)
  } else if (parts !== undefined) for (const part of parts) readPart(part, sink)

  const refusal = delta['refusal']
  if (typeof refusal === 'string' && refusal !== '') sink.refusal(refusal)

  const toolCalls = listOf(delta['tool_calls'])
  for (const call of toolCalls) sink.toolCall(call)
  const legacy = delta['function_call']
  if (legacy !== undefined && legacy !== null && toolCalls.length === 0) sink.legacyCall(legacy)

  for (const annotation of listOf(delta['annotations'])) {
    const citation = readCitation(annotation)
    if (citation !== undefined) sink.citation(citation)
  }
}

/** Content is a string, parts (Mistral), or one part. */
function partsOf(content: unknown): readonly unknown[] | undefined {
  if (Array.isArray(content)) return content
  return isRecord(content) ? [content] : undefined
}

function isThinkingPart(part: unknown): part is Delta {
  return isRecord(part) && (part['type'] === 'thinking' || part['type'] === 'reasoning')
}

function readPart(part: unknown, sink: DeltaSink): void {
  if (typeof part === 'string') {
    if (part !== '') sink.text(part)
    return
  }
  if (!isRecord(part)) return
  if (isThinkingPart(part)) {
    const text = thinkingText(
      part['thinking'] ?? part['text'] ?? part['content'] ?? part['summary'],
    )
    if (text !== '') sink.reasoning(text)
    return
  }
  switch (part['type']) {
    case 'refusal': {
      const refusal = textOf(part['refusal'])
      if (refusal !== '') sink.refusal(refusal)
      return
    }
    case undefined:
    case 'text':
    case 'output_text': {
      const text = textOf(part['text'])
      if (text !== '') sink.text(text)
      return
    }
    default: // images, audio, references: nothing a Responses client is given here
      return
  }
}

function thinkingText(value: unknown): string {
  if (typeof value === 'string') return value
  return listOf(value)
    .map((entry) => {
      if (typeof entry === 'string') return entry
      return isRecord(entry) ? textOf(entry['text']) || textOf(entry['thinking']) : ''
    })
    .join('')
}

/** One spelling only: vLLM sends the same text under two names at once. */
function reasoningText(delta: Delta): string {
  return (
    textOf(delta['reasoning_content']) ||
    textOf(delta['reasoning']) ||
    textOf(delta['reasoning_text']) ||
    textOf(delta['thinking']) ||
    detailsText(delta['reasoning_details'])
  )
}

function detailsText(details: unknown): string {
  let text = ''
  for (const detail of listOf(details)) {
    if (!isRecord(detail)) continue
    if (detail['type'] === 'reasoning.text') text += textOf(detail['text'])
    else if (detail['type'] === 'reasoning.summary') text += textOf(detail['summary'])
  }
  return text
}

/** An annotation in OpenAI's chat form; what lacks a member is left out, not filled in. */
function readCitation(annotation: unknown): UrlCitation | undefined {
  if (!isRecord(annotation) || annotation['type'] !== 'url_citation') return undefined
  const citation = isRecord(annotation['url_citation']) ? annotation['url_citation'] : annotation
  const url = textOf(citation['url']).toWellFormed()
  const title = citation['title']
  const start = citation['start_index']
  const end = citation['end_index']
  if (url === '' || typeof title !== 'string' || !isPosition(start) || !isPosition(end)) {
    return undefined
  }
  return {
    type: 'url_citation',
    url,
    title: title.toWellFormed(),
    start_index: start,
    end_index: end,
  }
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/** The tokens of a choice's `logprobs.content`, in the shape that both documents want. */
export function readLogprobs(logprobs: unknown): TokenLogprob[] {
  if (!isRecord(logprobs)) return []
  return listOf(logprobs['content']).flatMap((entry) => {
    const token = readToken(entry)
    if (token === undefined || !isRecord(entry)) return []
    const top = listOf(entry['top_logprobs']).flatMap((other) => readToken(other) ?? [])
    return { ...token, top_logprobs: top }
  })
}

function readToken(entry: unknown): Omit<TokenLogprob, 'top_logprobs'> | undefined {
  if (!isRecord(entry)) return undefined
  const { token, logprob, bytes } = entry
  if (typeof token !== 'string' || typeof logprob !== 'number' || !Number.isFinite(logprob))
    return undefined
  return {
    token: token.toWellFormed(),
    logprob,
    bytes: listOf(bytes)
      .filter((byte) => Number.isInteger(byte))
      .map(Number),
  }
}
