import { describe, expect, test } from 'vitest'
import { functionTool, type OptionChanges, translate } from './helpers.ts'

const toolsOf = (tools: unknown, changes?: OptionChanges) =>
  (translate({ input: 'Go.', tools }, changes).chat.tools ?? []).map((tool) => tool.function)
const namesOf = (tools: unknown, changes?: OptionChanges) =>
  toolsOf(tools, changes).map(({ name }) => name)
const namespace = (name: string, ...members: string[]) => ({
  type: 'namespace',
  name,
  description: '',
  tools: members.map(functionTool),
})

describe('a function', () => {
  test('keeps its description, its schema and its strictness', () => {
    const parameters = { type: 'object', properties: {}, $defs: { a: true } }
    expect(
      toolsOf([{ type: 'function', name: 'f', description: 'F.', parameters, strict: true }]),
    ).toEqual([{ name: 'f', description: 'F.', parameters, strict: true }])
  })

  test('without a schema takes nothing', () => {
    expect(
      toolsOf([{ type: 'function', name: 'f', description: null, parameters: null, strict: null }]),
    ).toEqual([{ name: 'f', parameters: { type: 'object', properties: {} } }])
  })
})

describe('a custom tool', () => {
  const parameters = {
    type: 'object',
    properties: { input: { type: 'string' } },
    required: ['input'],
    additionalProperties: false,
  }

  test.each([
    [{ type: 'grammar', syntax: 'regex', definition: 'a+' }, 'regex grammar:\n\na+'],
    [{ type: 'grammar', definition: 'start: "a"' }, 'match this grammar:\n\nstart: "a"'],
  ])('is a function with one string and its grammar in the description: %j', (format, says) => {
    const [tool] = toolsOf([{ type: 'custom', name: 'c', description: 'C.', format }])
    expect(tool).toMatchObject({ name: 'c', parameters })
    expect(tool?.description?.startsWith('C.\n\n')).toBe(true)
    expect(tool?.description).toContain(says)
  })

  test('of plain text says nothing more', () => {
    const format = { type: 'text' }
    expect(toolsOf([{ type: 'custom', name: 'c', description: 'C.', format }])).toEqual([
      { name: 'c', description: 'C.', parameters },
    ])
    expect(toolsOf([{ type: 'custom', name: 'c' }])).toEqual([{ name: 'c', parameters }])
  })
})

describe('a namespace', () => {
  test('becomes its members under joined names, and leads back to them', () => {
    const { chat, tools } = translate({
      input: 'Go.',
      tools: [
        {
          type: 'namespace',
          name: 'mcp__mini',
          description: 'Mini.',
          tools: [functionTool('echo'), { type: 'custom', name: 'raw' }, { type: 'web_search' }],
        },
      ],
    })
    expect(chat.tools?.map((tool) => tool.function.name)).toEqual([
      'mcp__mini__echo',
      'mcp__mini__raw',
    ])
    expect(tools.target('mcp__mini__echo')).toEqual({
      kind: 'function',
      name: 'echo',
      namespace: 'mcp__mini',
    })
    expect(tools.target('mcp__mini__raw')).toEqual({
      kind: 'custom',
      name: 'raw',
      namespace: 'mcp__mini',
    })
    expect(tools.chatName('echo', 'mcp__mini')).toBe('mcp__mini__echo')
    expect(tools.chatName('echo')).toBeUndefined()
  })

  test('says what it is about once, behind its first member', () => {
    const [first, second] = toolsOf([{ ...namespace('n', 'a', 'b'), description: 'Notes.' }])
    expect(first?.description).toBe('Does a.\n\nAbout all n tools: Notes.')
    expect(second?.description).toBe('Does b.')
  })
})

describe('names', () => {
  test('that chat cannot take are made legal, apart, and lead back', () => {
    const long = 'a'.repeat(70)
    const declared = ['x.y', 'x_y', 'x y', long, `${long}b`, 'ünïcode', '💥']
    const { chat, tools } = translate({ input: 'Go.', tools: declared.map(functionTool) })
    const names = chat.tools?.map((tool) => tool.function.name) ?? []
    expect(new Set(names).size).toBe(declared.length)
    for (const [index, name] of names.entries()) {
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
      expect(tools.target(name)).toEqual({ kind: 'function', name: declared[index] })
      expect(tools.chatName(declared[index] ?? '')).toBe(name)
    }
    expect(names[1]).toBe('x_y')
  })

  test('of two tools that flatten alike stay apart, the first one plain', () => {
    const { tools } = translate({
      input: 'Go.',
      tools: [namespace('a', 'b__c'), namespace('a__b', 'c'), functionTool('a__b__c')],
    })
    expect(tools.chatName('b__c', 'a')).toBe('a__b__c')
    const second = tools.chatName('c', 'a__b') ?? ''
    const third = tools.chatName('a__b__c') ?? ''
    expect(new Set(['a__b__c', second, third]).size).toBe(3)
    expect(tools.target(second)).toEqual({ kind: 'function', name: 'c', namespace: 'a__b' })
    expect(tools.target(third)).toEqual({ kind: 'function', name: 'a__b__c' })
  })

  test('declared twice count once, as first declared', () => {
    const again = { ...functionTool('f'), description: 'Another.' }
    expect(toolsOf([functionTool('f'), again])).toHaveLength(1)
    expect(toolsOf([functionTool('f'), again])[0]?.description).toBe('Does f.')
  })

  test('are the same in the history as in the list', () => {
    const name = 'mcp.server/tool'
    const { chat } = translate({
      input: [{ type: 'function_call', call_id: '1', name, arguments: '{}' }],
      tools: [functionTool(name)],
    })
    expect(chat.messages[0]).toMatchObject({
      tool_calls: [{ function: { name: chat.tools?.[0]?.function.name } }],
    })
  })

  test.each([
    ['tools[1].name', { tools: [functionTool('f'), functionTool('__internal_stop')] }],
    ['tools[0].name', { tools: [{ type: 'custom', name: '__internal_stop' }] }],
    [
      'input[1].tools[0].name',
      {
        input: [
          { role: 'user', content: 'Go.' },
          { type: 'additional_tools', tools: [functionTool('__internal_stop')] },
        ],
      },
    ],
  ])('the bridge keeps for itself are refused: %s', (param, json) => {
    expect(() => translate({ input: 'Go.', ...json })).toThrowError(
      expect.objectContaining({ code: 'reserved_tool_name', param }),
    )
  })

  test('the bridge keeps for itself are free inside a namespace', () => {
    expect(namesOf([namespace('n', '__internal_stop')])).toEqual(['n____internal_stop'])
  })
})

describe('tools that came with the history', () => {
  test('join the list behind the others, each once', () => {
    const { chat, tools } = translate({
      tools: [functionTool('f'), { type: 'tool_search', execution: 'client', description: 'S.' }],
      input: [
        { type: 'additional_tools', role: 'developer', tools: [functionTool('g')] },
        { role: 'user', content: 'Go.' },
        { type: 'tool_search_call', call_id: '1', execution: 'client', arguments: { query: 'h' } },
        {
          type: 'tool_search_output',
          call_id: '1',
          tools: [functionTool('f'), namespace('n', 'h')],
        },
      ],
    })
    expect(chat.tools?.map((tool) => tool.function.name)).toEqual(['f', 'tool_search', 'g', 'n__h'])
    expect(tools.target('tool_search')).toEqual({ kind: 'tool_search' })
    expect(tools.chatName('tool_search')).toBe('tool_search')
    expect(chat.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: '',
        tool_calls: [
          {
            id: '1',
            type: 'function',
            function: { name: 'tool_search', arguments: '{"query":"h"}' },
          },
        ],
      },
      { role: 'tool', tool_call_id: '1', content: 'Tools loaded: f, n__h' },
    ])
  })

  test('of a search that OpenAI ran join too; the search itself is left out', () => {
    const { chat, dropped } = translate({
      tools: [{ type: 'tool_search' }, { ...functionTool('f'), defer_loading: true }],
      input: [
        { role: 'user', content: 'Go.' },
        { type: 'tool_search_call', call_id: null, execution: 'server', arguments: {} },
        { type: 'tool_search_output', call_id: null, execution: 'server', tools: [] },
      ],
    })
    expect(chat.tools?.map((tool) => tool.function.name)).toEqual(['f'])
    expect(chat.messages.at(-1)).toMatchObject({ role: 'tool', content: 'No tools found.' })
    expect(dropped).toEqual(['tools.tool_search'])
  })
})

describe('tools that no chat model can be given', () => {
  test.each([
    'web_search',
    'web_search_preview_2025_03_11',
    'file_search',
    'computer_use_preview',
    'code_interpreter',
    'image_generation',
    'mcp',
    'local_shell',
    'shell',
    'apply_patch',
    'programmatic_tool_calling',
    'teleport',
  ])('are left out and named: %s', (type) => {
    const { chat, dropped } = translate({ input: 'Go.', tools: [{ type }], tool_choice: 'auto' })
    expect(chat).not.toHaveProperty('tools')
    expect(chat).not.toHaveProperty('tool_choice')
    expect(dropped).toEqual([`tools.${type}`])
  })
})

describe('an empty list', () => {
  test.each([[[]], [null], [undefined]])(
    'sends no tools, no choice and no parallelism: %j',
    (tools) => {
      const json = { input: 'Go.', tools, tool_choice: 'auto', parallel_tool_calls: false }
      const { chat, dropped } = translate(json, { stopTool: true })
      expect(Object.keys(chat)).toEqual(['model', 'messages'])
      expect(dropped).toEqual([])
    },
  )

  test('is what an upstream without tools gets, by name', () => {
    const json = { input: 'Go.', tools: [functionTool('f')], parallel_tool_calls: true }
    const { chat, dropped } = translate(json, {
      stopTool: true,
      dialect: { unsupported: ['tools'] },
    })
    expect(Object.keys(chat)).toEqual(['model', 'messages'])
    expect(dropped).toEqual(['tools'])
  })
})

describe('the stop tool', () => {
  const tools = [functionTool('f')]

  test.each([
    ['without a choice', { tools }],
    ['with auto', { tools, tool_choice: 'auto' }],
    [
      'with allowed tools',
      { tools, tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] } },
    ],
    ['with a choice that was dropped', { tools, tool_choice: { type: 'web_search_preview' } }],
  ])('stands last in the list %s', (_, json) => {
    const translated = translate({ input: 'Go.', ...json }, { stopTool: true })
    expect(translated.chat.tools?.at(-1)?.function).toMatchObject({
      name: '__internal_stop',
      parameters: {
        type: 'object',
        properties: { message: { type: 'string' } },
        required: ['message'],
      },
    })
    expect(translated.tools.target('__internal_stop')).toEqual({ kind: 'stop' })
    expect(translated.tools.allows('__internal_stop')).toBe(true)
    expect(translated.tools.chatName('__internal_stop')).toBeUndefined()
  })

  test.each([
    ['without tools', { tools: [] }],
    ['with hosted tools alone', { tools: [{ type: 'web_search' }] }],
    ['with none', { tools, tool_choice: 'none' }],
    ['with required', { tools, tool_choice: 'required' }],
    ['with a named tool', { tools, tool_choice: { type: 'function', name: 'f' } }],
    [
      'with required allowed tools',
      { tools, tool_choice: { type: 'allowed_tools', mode: 'required', tools: [] } },
    ],
  ])('is not offered %s', (_, json) => {
    const translated = translate({ input: 'Go.', ...json }, { stopTool: true })
    const names = translated.chat.tools?.map((tool) => tool.function.name) ?? []
    expect(names).not.toContain('__internal_stop')
    expect(translated.tools.target('__internal_stop')).toBeUndefined()
  })

  test('is not offered for a model without it', () => {
    expect(namesOf(tools)).toEqual(['f'])
  })
})
