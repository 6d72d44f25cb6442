/** What is refused of a chat request, and what holds of every conversation. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { translate, user } from './helpers.ts'

const hi = [user('Hi.')]
const tool = { type: 'function', function: { name: 'look' } }

describe('is refused, by name', () => {
  test.each([
    ['a message without a role', { messages: [{ content: 'x' }] }, 'messages[0].role'],
    ['an unknown role', { messages: [{ role: 'critic', content: 'x' }] }, 'messages[0].role'],
    ['a user who says nothing', { messages: [{ role: 'user' }] }, 'messages[0].content'],
    ['a part without a type', { messages: [user([{ text: 'x' }])] }, 'messages[0].content[0].type'],
    [
      'an image without a URL',
      { messages: [user([{ type: 'image_url', image_url: {} }])] },
      'messages[0].content[0].image_url.url',
    ],
    [
      'a call of nothing',
      { messages: [...hi, { role: 'assistant', tool_calls: [{ id: 'a' }] }] },
      'messages[1].tool_calls[0].function',
    ],
    [
      'a function tool without one',
      { messages: hi, tools: [{ type: 'function' }] },
      'tools[0].function',
    ],
    ['a custom tool without one', { messages: hi, tools: [{ type: 'custom' }] }, 'tools[0].custom'],
    [
      'a choice that names nothing',
      { messages: hi, tools: [tool], tool_choice: { type: 'function' } },
      'tool_choice.function.name',
    ],
    [
      'allowed tools without any',
      { messages: hi, tools: [tool], tool_choice: { type: 'allowed_tools' } },
      'tool_choice.allowed_tools',
    ],
    [
      'a format without its schema',
      { messages: hi, response_format: { type: 'json_schema', json_schema: { name: 'x' } } },
      'response_format.json_schema.schema',
    ],
    ['two choices', { messages: hi, n: 2 }, 'n'],
    ['no messages', { messages: [] }, 'messages'],
    ['nothing that can be sent', { messages: [{ role: 'assistant', content: null }] }, 'messages'],
  ])('%s', (_name, request, param) => {
    expect(() => translate(request)).toThrow(expect.objectContaining({ param }))
  })

  test.each([
    ['stop', { stop: 'END' }],
    ['seed', { seed: 1 }],
    ['tools.web', { tools: [{ type: 'web' }] }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice.mcp', { tools: [tool], tool_choice: { type: 'mcp' } }],
    ['response_format', { response_format: { type: 'grammar' } }],
    ['reasoning.exclude', { reasoning: { exclude: true } }],
    [
      'messages.video_url',
      { messages: [user([{ type: 'text', text: 'x' }, { type: 'video_url' }])] },
    ],
    ['store', { store: true }],
  ])('%s where nothing may be lost', (name, members) => {
    const request = { messages: hi, ...members }
    expect(translate(request).dropped).toEqual([name])
    expect(() => translate(request, { strict: true })).toThrow(
      expect.objectContaining({ code: 'cannot_carry', message: expect.stringContaining(name) }),
    )
  })
})

describe('sealed reasoning is asked for', () => {
  const sealed = { type: 'reasoning.encrypted', data: 'x' }
  const history = [...hi, { role: 'assistant', content: 'a', reasoning_details: [sealed] }, ...hi]
  test.each([
    ['of a model that reasons', { messages: hi, reasoning_effort: 'low' }, true],
    ['of a client that asks for summaries', { messages: hi, reasoning: { summary: 'auto' } }, true],
    ['of a client that sends some back', { messages: history }, true],
    ['not of one that shall not reason', { messages: hi, reasoning_effort: 'none' }, false],
    ['not of one that may not know how', { messages: hi }, false],
  ])('%s', (_name, request, isAsked) => {
    const { include } = translate(request).responses
    expect(include).toEqual(isAsked ? ['reasoning.encrypted_content'] : undefined)
  })
})

/** Messages as agents send them, ids from so few that they repeat. */
const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const id = fc.constantFrom('call_1', 'call_2', '')
const message = fc.oneof(
  fc.record({ role: fc.constantFrom('user', 'system', 'developer'), content: text }),
  fc.record({
    role: fc.constant('assistant'),
    content: fc.option(text),
    reasoning_content: fc.option(text),
    tool_calls: fc.array(
      fc.oneof(
        fc.record({ id, function: fc.record({ name: fc.constant('look'), arguments: text }) }),
        fc.record({ id, custom: fc.record({ name: fc.constant('free'), input: text }) }),
      ),
      { maxLength: 3 },
    ),
  }),
  fc.record({ role: fc.constant('tool'), tool_call_id: id, content: text }),
)

describe('a conversation that goes on', () => {
  const conversation = fc.array(message, { minLength: 1, maxLength: 12 })

  test('keeps the items already sent, byte for byte, as the first of the longer request', () => {
    fc.assert(
      fc.property(conversation, fc.nat({ max: 11 }), (messages, cut) => {
        const lines = (list: readonly object[]) => {
          const { input } = translate({ messages: [...hi, ...list] }).responses
          return (Array.isArray(input) ? input : []).map((item) => JSON.stringify(item))
        }
        const shorter = lines(messages.slice(0, cut))
        expect(lines(messages).slice(0, shorter.length)).toEqual(shorter)
      }),
      { numRuns: 300 },
    )
  })

  test('has every call id once, and every text', () => {
    fc.assert(
      fc.property(conversation, (messages) => {
        const { input } = translate({ messages: [...hi, ...messages] }).responses
        const items: { type: string; call_id?: string }[] = Array.isArray(input) ? input : []
        const ids = items
          .filter(({ type }) => type === 'function_call' || type === 'custom_tool_call')
          .map(({ call_id: callId }) => callId)
        expect(new Set(ids).size).toBe(ids.length)
        const sent = JSON.stringify(items)
        for (const { content } of messages) {
          expect(sent).toContain(JSON.stringify(content ?? '').slice(1, -1))
        }
      }),
    )
  })
})

const shared = process.env['BRIDGE_SHARED']
const corpus = process.env['BRIDGE_CORPUS'] ?? (shared && path.join(shared, 'corpus'))

describe.skipIf(!corpus)('requests as clients were recorded sending them', () => {
  test('are translated, each with its last user text in place', () => {
    const folder = path.join(corpus ?? '', 'requests')
    const names = readdirSync(folder).filter((name) => name.startsWith('chat--'))
    expect(names.length).toBeGreaterThan(100)
    let translated = 0
    for (const name of names) {
      const request = JSON.parse(readFileSync(path.join(folder, name), 'utf8'))
      if (!Array.isArray(request.messages) || (request.n ?? 1) > 1) continue
      const { input } = translate(request).responses
      const last = request.messages.findLast(
        (said: { role: string; content: unknown }) =>
          said.role === 'user' && typeof said.content === 'string',
      )
      expect(JSON.stringify(input), name).toContain(
        JSON.stringify(last?.content ?? '').slice(1, -1),
      )
      translated++
    }
    expect(translated).toBeGreaterThan(100)
  })
})
