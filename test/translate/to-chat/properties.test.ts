import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChatMessage } from '../../../src/protocol/chat/request.ts'
import type { ChatDialect } from '../../../src/translate/dialect.ts'
import { functionTool, translate } from './helpers.ts'
import { conversation, IMAGE_DATA, requestAfter, textsOf } from './histories.ts'

const tools = [
  functionTool('look'),
  { type: 'custom', name: 'apply_patch' },
  { type: 'namespace', name: 'mcp__x', description: 'X.', tools: [functionTool('find')] },
]

const dialects = fc.record<ChatDialect>({
  headSystem: fc.constantFrom('merge', 'keep'),
  laterSystem: fc.constantFrom('user', 'system'),
  developerRole: fc.constantFrom('system', 'developer'),
  reasoningField: fc.constantFrom('reasoning_content', 'reasoning', 'none'),
  maxTokensField: fc.constant('max_tokens'),
  emptyContent: fc.constantFrom('', null),
  jsonSchema: fc.constant(true),
  grammar: fc.constantFrom('none', 'vllm', 'llama.cpp'),
  unsupported: fc.constant([]),
})

describe('a conversation that goes on', () => {
  test('keeps the messages already sent, byte for byte, as the first of the longer request', () => {
    fc.assert(
      fc.property(conversation, dialects, (talk, dialect) => {
        const whole = linesAfter(talk.turns.length)
        for (const [index, { sent }] of talk.turns.entries()) {
          if (!sent) continue
          const shorter = linesAfter(index + 1)
          expect(whole.slice(0, shorter.length)).toEqual(shorter)
        }
        function linesAfter(count: number): string[] {
          const request = { ...requestAfter(talk, count), tools }
          return translate(request, { dialect }).chat.messages.map((line) => JSON.stringify(line))
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('what any conversation becomes', () => {
  test('is what the strictest server takes', () => {
    fc.assert(
      fc.property(conversation, (talk) => {
        const { messages } = translate({ ...requestAfter(talk, talk.turns.length), tools }).chat
        expectStrict(messages)
      }),
      { numRuns: 300 },
    )
  })

  test('holds every text and every image of it once, and no image as text', () => {
    fc.assert(
      fc.property(conversation, (talk) => {
        const request = requestAfter(talk, talk.turns.length)
        const { chat, dropped } = translate({ ...request, tools })
        const kept = textsOf(chat.messages)
        const thoughts = textsOf(request.input.filter((item) => item['type'] === 'reasoning'))
        const said = textsOf(request).filter((text) => !thoughts.includes(text))
        expect(kept.filter((text) => !thoughts.includes(text)).sort()).toEqual(said.sort())
        expect(imagesOf(chat.messages)).toBe(imagesOf(request))
        expect(dropped).toEqual([])
        for (const { content } of chat.messages) {
          if (typeof content === 'string') expect(content).not.toContain(IMAGE_DATA)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('is the same for the same request', () => {
    fc.assert(
      fc.property(conversation, dialects, (talk, dialect) => {
        const request = { ...requestAfter(talk, talk.turns.length), tools }
        expect(translate(request, { dialect }).chat).toEqual(translate(request, { dialect }).chat)
      }),
      { numRuns: 50 },
    )
  })
})

function imagesOf(json: unknown): number {
  return JSON.stringify(json).split(IMAGE_DATA).length - 1
}

function expectStrict(messages: readonly ChatMessage[]): void {
  const ids = new Set<string>()
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system') expect(index, 'one system message, at the head').toBe(0)
    if (message.role === 'tool') continue
    if (message.role !== 'assistant') continue
    const calls = message.tool_calls ?? []
    expect(Boolean(message.content) || calls.length > 0, 'no empty assistant message').toBe(true)
    const answers = messages.slice(index + 1, index + 1 + calls.length)
    expect(answers.map((answer) => answer.role === 'tool' && answer.tool_call_id)).toEqual(
      calls.map((call) => call.id),
    )
    for (const { id, function: called } of calls) {
      expect(ids.has(id), `call id ${id} is unique`).toBe(false)
      ids.add(id)
      expect(called.name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
      expect(Object.getPrototypeOf(JSON.parse(called.arguments))).toBe(Object.prototype)
    }
  }
  const answered = messages.filter((message) => message.role === 'tool').length
  expect(answered, 'no answer without its call').toBe(ids.size)
}
