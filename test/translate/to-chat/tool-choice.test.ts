import { describe, expect, test } from 'vitest'
import { functionTool, translate } from './helpers.ts'

const tools = [
  functionTool('read'),
  functionTool('write'),
  { type: 'custom', name: 'patch' },
  { type: 'namespace', name: 'one', tools: [functionTool('echo'), functionTool('only')] },
  { type: 'namespace', name: 'two', tools: [functionTool('echo')] },
  { type: 'tool_search', execution: 'client' },
]

const choose = (tool_choice: unknown) => translate({ input: 'Go.', tools, tool_choice })
const forced = (name: string) => ({ type: 'function', function: { name } })

describe('a choice', () => {
  test.each<[string, unknown, unknown]>([
    ['auto', 'auto', 'auto'],
    ['none', 'none', 'none'],
    ['required', 'required', 'required'],
    ['a function', { type: 'function', name: 'read' }, forced('read')],
    ['a custom tool', { type: 'custom', name: 'patch' }, forced('patch')],
    [
      'a tool of a namespace',
      { type: 'function', name: 'echo', namespace: 'two' },
      forced('two__echo'),
    ],
    ['a bare name that one namespace has', { type: 'function', name: 'only' }, forced('one__only')],
    ['a flat name', { type: 'function', name: 'two__echo' }, forced('two__echo')],
    ['the client’s tool search', { type: 'tool_search' }, forced('tool_search')],
    ['allowed tools', { type: 'allowed_tools', mode: 'auto', tools: [] }, 'auto'],
    ['allowed tools without a mode', { type: 'allowed_tools', tools: [] }, 'auto'],
    ['required allowed tools', { type: 'allowed_tools', mode: 'required', tools: [] }, 'required'],
  ])('of %s', (_, choice, expected) => {
    const { chat, dropped } = choose(choice)
    expect(chat.tool_choice).toEqual(expected)
    expect(chat.tools).toHaveLength(7)
    expect(dropped).toEqual([])
  })

  test.each([[undefined], [null]])('left to the upstream stays so: %j', (choice) => {
    expect(choose(choice).chat).not.toHaveProperty('tool_choice')
  })

  test.each(['web_search_preview', 'mcp', 'apply_patch', 'shell', 'teleport'])(
    'of a hosted tool is named, and the model is free: %s',
    (type) => {
      const { chat, dropped } = choose({ type, server_label: 'x' })
      expect(chat.tool_choice).toBe('auto')
      expect(dropped).toEqual([`tool_choice.${type}`])
    },
  )

  test.each<[string, object, string, string]>([
    ['of nobody’s tool', { type: 'function', name: 'fly' }, 'tool_choice.name', '"fly"'],
    ['of an ambiguous name', { type: 'function', name: 'echo' }, 'tool_choice.name', '"echo"'],
    [
      'of a namespace nobody has',
      { type: 'function', name: 'echo', namespace: 'three' },
      'tool_choice.name',
      '"echo"',
    ],
    ['without a name', { type: 'function' }, 'tool_choice.name', 'is missing'],
    ['of allowed tools without tools', { type: 'allowed_tools' }, 'tool_choice.tools', 'missing'],
    [
      'of allowed tools in another mode',
      { type: 'allowed_tools', mode: 'none', tools: [] },
      'tool_choice.mode',
      '"none"',
    ],
  ])('%s is refused', (_, choice, param, says) => {
    expect(() => choose(choice)).toThrowError(
      expect.objectContaining({
        code: 'invalid_request',
        param,
        message: expect.stringContaining(says),
      }),
    )
  })

  test.each([['required'], [{ type: 'allowed_tools', mode: 'required', tools: [] }]])(
    'that no tool can follow is named: %j',
    (tool_choice) => {
      const { chat, dropped } = translate({ input: 'Go.', tools: [], tool_choice })
      expect(chat).not.toHaveProperty('tool_choice')
      expect(dropped).toEqual(['tool_choice'])
    },
  )
})

describe('what the model may call', () => {
  const allowed = (...entries: object[]) =>
    choose({ type: 'allowed_tools', mode: 'auto', tools: entries }).tools

  test('is anything, without a rule', () => {
    const { tools: table } = choose('required')
    expect(['read', 'one__echo', 'nobody'].map(table.allows)).toEqual([true, true, true])
  })

  test('is nothing under none, not even what nobody declared', () => {
    const { tools: table } = choose('none')
    expect(['read', 'one__echo', 'nobody'].map(table.allows)).toEqual([false, false, false])
  })

  test('is the allowed set, and what nobody declared', () => {
    const table = allowed(
      { type: 'function', name: 'read' },
      { type: 'custom', name: 'patch' },
      { type: 'function', name: 'echo', namespace: 'one' },
      { type: 'web_search_preview' },
      { type: 'function', name: 'unknown' },
    )
    expect(['read', 'patch', 'one__echo', 'nobody'].map(table.allows)).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['write', 'two__echo', 'one__only', 'tool_search'].map(table.allows)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  test('is a whole namespace, or the search, where the set names it', () => {
    const table = allowed({ type: 'namespace', name: 'one' }, { type: 'tool_search' })
    expect(['one__echo', 'one__only', 'tool_search'].map(table.allows)).toEqual([true, true, true])
    expect(['read', 'two__echo'].map(table.allows)).toEqual([false, false])
  })
})
