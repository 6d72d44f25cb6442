/** Grammars of custom tools: when an upstream is held to one, and how it is told. */
import { describe, expect, test } from 'vitest'
import { functionTool, type OptionChanges, translate } from './helpers.ts'

const grammar = (syntax: string, definition: string) => ({ type: 'grammar', syntax, definition })
const sql = { type: 'custom', name: 'sql', format: grammar('regex', 'SELECT a/b .+') }
const patch = { type: 'custom', name: 'patch', format: grammar('lark', 'start: "*** Begin"') }
const free = { type: 'custom', name: 'free' }
const text = { format: { type: 'json_object' } }

const ask = (server: 'none' | 'vllm' | 'llama.cpp', members: object, more: OptionChanges = {}) =>
  translate({ input: 'Go.', ...members }, { ...more, dialect: { grammar: server } })

const named = (name: string) => ({ type: 'custom', name })

describe('an upstream that constrains decoding', () => {
  test('is given a forced tool’s grammar, and keeps the tools to read', () => {
    const { chat, textIsCallOf, dropped } = ask('vllm', {
      tools: [sql, free, functionTool('look')],
      tool_choice: named('sql'),
      text,
    })
    expect(textIsCallOf).toBe('sql')
    expect(chat).toMatchObject({
      tool_choice: 'none',
      structured_outputs: { regex: 'SELECT a/b .+' },
    })
    expect(chat.tools).toHaveLength(3)
    expect(chat.response_format).toBeUndefined()
    expect(dropped).toEqual([])
  })

  test.each([
    ['vllm', sql, { structured_outputs: { regex: 'SELECT a/b .+' } }],
    ['vllm', patch, { structured_outputs: { grammar: 'start: "*** Begin"' } }],
    ['llama.cpp', sql, { grammar: '%llguidance {}\nstart: /SELECT a\\/b .+/' }],
    ['llama.cpp', patch, { grammar: '%llguidance {}\nstart: "*** Begin"' }],
  ] as const)('%s is told in its own words: %o', (server, tool, words) => {
    const { chat } = ask(server, { tools: [tool], tool_choice: named(tool.name) })
    expect(chat).toMatchObject(words)
  })

  test('a slash that is escaped already stays so', () => {
    const escaped = { ...sql, format: grammar('regex', 'a\\/b\\\\/c') }
    const { chat } = ask('llama.cpp', { tools: [escaped], tool_choice: named('sql') })
    expect(chat['grammar']).toBe('%llguidance {}\nstart: /a\\/b\\\\\\/c/')
  })

  test.each([
    ['required, and it is the only tool', { tools: [patch], tool_choice: 'required' }],
    [
      'required, and the only one allowed',
      {
        tools: [patch, free],
        tool_choice: { type: 'allowed_tools', mode: 'required', tools: [named('patch')] },
      },
    ],
  ])('a call is forced where it is %s', (_name, request) => {
    expect(ask('vllm', request).textIsCallOf).toBe('patch')
  })

  test.each([
    ['the model may answer without a call', { tools: [sql] }],
    ['it may choose among tools', { tools: [sql, free], tool_choice: 'required' }],
    ['the tool has no grammar', { tools: [sql, free], tool_choice: named('free') }],
    ['another tool is forced', { tools: [sql, patch], tool_choice: 'none' }],
  ])('is not held to it where %s', (_name, request) => {
    const { chat, textIsCallOf } = ask('vllm', request)
    expect(textIsCallOf).toBeUndefined()
    expect(chat).toEqual(ask('none', request).chat)
  })
})

test('another upstream is forced to call, and told the grammar in words', () => {
  const { chat, grammars } = ask('none', { tools: [sql], tool_choice: named('sql') })
  expect(chat.tool_choice).toEqual({ type: 'function', function: { name: 'sql' } })
  expect(JSON.stringify(chat.tools)).toContain('SELECT a/b .+')
  expect(grammars).toEqual([{ name: 'sql', syntax: 'regex', definition: 'SELECT a/b .+' }])
})
