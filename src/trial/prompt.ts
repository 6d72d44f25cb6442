/**
 * Where a request keeps its texts, and whose they are: the messages of Chat, the `instructions` and
 * `input` of Responses, each as a string or in parts.
 */
import type { TrialApi } from './address.ts'

export interface TextPlace {
  /** JSON Pointer. */
  readonly path: string
  readonly text: string
  /** Path of the content part that it is; undefined where the whole content is a string. */
  readonly part: string | undefined
}

export interface PromptMessage {
  readonly path: string
  /** In the list of messages; undefined for what stands outside of it. */
  readonly index: number | undefined
  readonly role: string
  readonly texts: readonly TextPlace[]
  /** Whether nothing is left of it without its texts: no image, no call. */
  readonly isOnlyText: boolean
  /** Whether it is a field of the request, whose value is its text. */
  readonly isField: boolean
  /** Whether the request is whole without it. */
  readonly isRemovable: boolean
}

export interface PromptList {
  /** JSON Pointer. */
  readonly path: '/messages' | '/input'
  readonly isThere: boolean
  toMessage(role: string, content: string): Record<string, unknown>
}

export interface Prompt {
  /** In the order in which the model reads them. */
  readonly messages: readonly PromptMessage[]
  readonly list: PromptList
}

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function readPrompt(json: unknown, api: TrialApi): Prompt {
  const request = isRecord(json) ? json : {}
  return api === 'chat' ? readChat(request) : readResponses(request)
}

function readChat({ messages }: Json): Prompt {
  const toMessage = (role: string, content: string) => ({ role, content })
  return {
    messages: readList(messages, '/messages'),
    list: { path: '/messages', isThere: Array.isArray(messages), toMessage },
  }
}

function readResponses({ instructions, input }: Json): Prompt {
  const toMessage = (role: string, content: string) => ({ type: 'message', role, content })
  return {
    messages: [
      ...readField(instructions, '/instructions', 'system'),
      ...readList(instructions, '/instructions').map(outsideOfList),
      ...readField(input, '/input', 'user'),
      ...readList(input, '/input'),
    ],
    list: { path: '/input', isThere: Array.isArray(input), toMessage },
  }
}

/** A field whose string is one message. */
function readField(value: unknown, path: string, role: string): PromptMessage[] {
  if (typeof value !== 'string') return []
  const texts = [{ path, text: value, part: undefined }]
  return [
    { path, index: undefined, role, texts, isOnlyText: true, isField: true, isRemovable: false },
  ]
}

function readList(list: unknown, path: string): PromptMessage[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown, index) =>
    isMessage(item) ? [readMessage(item, `${path}/${index}`, index)] : [],
  )
}

const outsideOfList = (message: PromptMessage): PromptMessage => ({ ...message, index: undefined })

/** Items of Responses have a type; a message may leave it out. */
function isMessage(item: unknown): item is Json & { readonly role: string } {
  if (!isRecord(item) || typeof item['role'] !== 'string') return false
  return item['type'] === undefined || item['type'] === 'message'
}

/** Fields without which a message is still what it was. */
const PLAIN_FIELDS = new Set(['type', 'role', 'content', 'name', 'id', 'status'])

function readMessage(
  message: Json & { readonly role: string },
  path: string,
  index: number,
): PromptMessage {
  const { role, content } = message
  const contentPath = `${path}/content`
  const base = { path, index, role, isField: false, isRemovable: isPlain(message) }
  if (typeof content === 'string') {
    const texts = [{ path: contentPath, text: content, part: undefined }]
    return { ...base, texts, isOnlyText: true }
  }
  if (!Array.isArray(content)) return { ...base, texts: [], isOnlyText: false }
  const texts = content.flatMap((part: unknown, at): TextPlace[] =>
    isRecord(part) && typeof part['text'] === 'string'
      ? [
          {
            path: `${contentPath}/${at}/text`,
            text: part['text'],
            part: `${contentPath}/${at}`,
          },
        ]
      : [],
  )
  return { ...base, texts, isOnlyText: texts.length === content.length }
}

function isPlain(message: Json): boolean {
  return Object.entries(message).every(
    ([field, value]) =>
      PLAIN_FIELDS.has(field) ||
      value === null ||
      value === undefined ||
      (Array.isArray(value) && value.length === 0),
  )
}
