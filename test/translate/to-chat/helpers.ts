import { readResponsesRequest } from '../../../src/protocol/responses/request.ts'
import { type ChatDialect, DEFAULT_DIALECT } from '../../../src/translate/dialect.ts'
import type { Seal, SealedReasoning } from '../../../src/translate/seal.ts'
import {
  type ChatTranslation,
  type ToChatOptions,
  toChatRequest,
} from '../../../src/translate/to-chat/index.ts'

const PREFIX = 'sealed:'

/** A seal that anybody can read: what it opens is what it made, everything else is foreign. */
const openSeal: Seal = {
  seal: (plain) => PREFIX + plain,
  open: (sealed) => (sealed.startsWith(PREFIX) ? sealed.slice(PREFIX.length) : undefined),
}

export function sealReasoning(reasoning: Omit<SealedReasoning, 'v'>): string {
  return openSeal.seal(JSON.stringify({ v: 1, ...reasoning }))
}

export type OptionChanges = Partial<Omit<ToChatOptions, 'dialect'>> & {
  readonly dialect?: Partial<ChatDialect>
}

export function translate(json: object, changes: OptionChanges = {}): ChatTranslation {
  const { dialect, ...rest } = changes
  return toChatRequest(readResponsesRequest({ model: 'synth-small', ...json }), {
    model: 'qwen3-coder',
    seal: openSeal,
    stopTool: false,
    maxRepeatedCalls: 0,
    maxOutputTokens: undefined,
    strict: false,
    ...rest,
    dialect: { ...DEFAULT_DIALECT, ...dialect },
  })
}

/** The messages that a list of input items becomes. */
export function messagesOf(input: unknown, changes: OptionChanges = {}) {
  return translate({ input }, changes).chat.messages
}

export const user = (text: string) => ({ role: 'user', content: text })
export const assistant = (text: string) => ({ role: 'assistant', content: text })
export const developer = (text: string) => ({ role: 'developer', content: text })
export const call = (id: string, name = 'look', args = '{}') => ({
  type: 'function_call',
  call_id: id,
  name,
  arguments: args,
})
export const output = (id: string, text: unknown = `result of ${id}`) => ({
  type: 'function_call_output',
  call_id: id,
  output: text,
})
export const functionTool = (name: string) => ({
  type: 'function',
  name,
  description: `Does ${name}.`,
  parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
  strict: false,
})
