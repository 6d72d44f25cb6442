import { describe, expect, test } from 'vitest'
import {
  assistant,
  call,
  developer,
  messagesOf,
  output,
  sealReasoning,
  translate,
  user,
} from './helpers.ts'

const toolCall = (id: string, name = 'look', args = '{}') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
const calling = (...ids: string[]) => ({
  role: 'assistant',
  content: '',
  tool_calls: ids.map((id) => toolCall(id)),
})
const answer = (id: string, content = `result of ${id}`) => ({
  role: 'tool',
  tool_call_id: id,
  content,
})
const interrupted = (id: string) => answer(id, '[interrupted: no output was recorded]')
const system = (content: string) => ({ role: 'system', content })
const image = (url: string, detail?: string) => ({
  type: 'image_url',
  image_url: detail === undefined ? { url } : { url, detail },
})

describe('system-class messages', () => {
  const input = [
    { role: 'system', content: 'S' },
    developer('D'),
    user('U'),
    developer('late'),
    { role: 'system', content: 'later' },
  ]

  test('at the head become one, instructions first', () => {
    const { messages } = translate({ instructions: 'I', input }).chat
    expect(messages).toEqual([system('I\n\nS\n\nD'), user('U'), user('late'), user('later')])
  })

  test('at the head stay apart where the upstream takes them so', () => {
    const { messages } = translate(
      { instructions: 'I', input },
      { dialect: { headSystem: 'keep', laterSystem: 'system', developerRole: 'developer' } },
    ).chat
    expect(messages).toEqual([
      system('I'),
      system('S'),
      developer('D'),
      user('U'),
      developer('late'),
      system('later'),
    ])
  })

  test('of a developer alone stay the developer’s where the upstream knows that role', () => {
    const dialect = { developerRole: 'developer' } as const
    expect(messagesOf([developer('a'), developer('b'), user('U')], { dialect })).toEqual([
      developer('a\n\nb'),
      user('U'),
    ])
  })

  test('are left out when empty', () => {
    expect(messagesOf([developer(''), user('U'), { role: 'system', content: [] }])).toEqual([
      user('U'),
      user(''),
    ])
  })

  test('given as items in instructions stand before the input', () => {
    const instructions = [{ role: 'developer', content: [{ type: 'input_text', text: 'I' }] }]
    expect(translate({ instructions, input: 'U' }).chat.messages).toEqual([system('I'), user('U')])
  })

  test('lose an image, by name: chat has no place for it', () => {
    const content = [
      { type: 'input_text', text: 'Look:' },
      { type: 'input_image', image_url: 'https://a.example/b.png' },
    ]
    const { chat, dropped } = translate({ input: [{ role: 'developer', content }, user('U')] })
    expect(chat.messages).toEqual([system('Look:'), user('U')])
    expect(dropped).toEqual(['input.input_image'])
  })
})

describe('a user message', () => {
  test.each([
    ['one text part is a string', [{ type: 'input_text', text: 'a' }], 'a'],
    [
      'several text parts are a string of lines',
      [
        { type: 'input_text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      'a\nb',
    ],
    [
      'an image keeps its parts apart',
      [
        { type: 'input_text', text: 'a' },
        { type: 'input_image', image_url: 'https://a.example/b.png', detail: 'low' },
        { type: 'input_text', text: '' },
        { type: 'input_text', text: 'c' },
      ],
      [
        { type: 'text', text: 'a' },
        image('https://a.example/b.png', 'low'),
        { type: 'text', text: 'c' },
      ],
    ],
    [
      'an image url may be an object, its detail inside',
      [{ type: 'input_image', image_url: { url: 'https://a.example/b.png', detail: 'high' } }],
      [image('https://a.example/b.png', 'high')],
    ],
    [
      'the detail "original" is the highest that chat knows',
      [{ type: 'input_image', image_url: 'https://a.example/b.png', detail: 'original' }],
      [image('https://a.example/b.png', 'high')],
    ],
  ])('%s', (_, content, expected) => {
    expect(messagesOf([{ role: 'user', content }])).toEqual([{ role: 'user', content: expected }])
  })

  test('in a row stays a message of its own', () => {
    expect(messagesOf([user('a'), user('b')])).toEqual([user('a'), user('b')])
  })

  test('of which nothing can be carried is left out, by name', () => {
    const content = [{ type: 'input_file', file_id: 'file-1' }]
    const { chat, dropped } = translate({ input: [user('a'), { role: 'user', content }] })
    expect(chat.messages).toEqual([user('a')])
    expect(dropped).toEqual(['input.input_file.file_id'])
  })

  test('is an error when it is all there is and nothing of it can be carried', () => {
    const content = [{ type: 'input_image', file_id: 'file-1' }]
    expect(() => translate({ input: [{ role: 'user', content }] })).toThrowError(
      expect.objectContaining({
        code: 'cannot_carry',
        param: 'input',
        message: expect.stringContaining('input.input_image.file_id'),
      }),
    )
  })
})

describe('an assistant message', () => {
  test('and the calls after it are one message, outputs in call order', () => {
    expect(
      messagesOf([user('U'), assistant('A'), call('1'), call('2'), output('2'), output('1')]),
    ).toEqual([
      user('U'),
      { role: 'assistant', content: 'A', tool_calls: [toolCall('1'), toolCall('2')] },
      answer('1'),
      answer('2'),
    ])
  })

  test('of several parts is one text, refusals included', () => {
    const content = [
      { type: 'output_text', text: 'a', annotations: [] },
      { type: 'output_text', text: 'b' },
      { type: 'refusal', refusal: 'c' },
    ]
    expect(messagesOf([{ role: 'assistant', content }])).toEqual([assistant('abc')])
  })

  test('without text and calls is left out', () => {
    expect(
      messagesOf([user('U'), assistant(''), { role: 'assistant', content: [] }, user('V')]),
    ).toEqual([user('U'), user('V')])
  })

  test('behind a call opens the next turn, as chat has no text after calls', () => {
    expect(messagesOf([call('1'), assistant('B'), call('2'), output('1'), output('2')])).toEqual([
      calling('1'),
      answer('1'),
      { role: 'assistant', content: 'B', tool_calls: [toolCall('2')] },
      answer('2'),
    ])
  })

  test('behind another stays a message of its own', () => {
    expect(messagesOf([assistant('A'), assistant('B')])).toEqual([assistant('A'), assistant('B')])
  })

  test('loses an image, by name', () => {
    const content = [
      { type: 'output_text', text: 'a' },
      { type: 'input_image', image_url: 'https://a.example/b.png' },
    ]
    const { chat, dropped } = translate({ input: [{ role: 'assistant', content }] })
    expect(chat.messages).toEqual([assistant('a')])
    expect(dropped).toEqual(['input.input_image'])
  })
})

describe('a call', () => {
  test.each([
    ['empty arguments are an empty object', '', '{}'],
    ['blank arguments are an empty object', ' \n', '{}'],
    ['null is an empty object', 'null', '{}'],
    ['an object goes on byte for byte', '{ "a" : 1.0 }', '{ "a" : 1.0 }'],
    ['cut JSON is kept as text', '{"a": "b', '{"input":"{\\"a\\": \\"b"}'],
    ['plain text is kept as text', 'ls -a', '{"input":"ls -a"}'],
    ['an array is kept as text', '[1]', '{"input":"[1]"}'],
    ['arguments that are an object already', { a: [1] }, '{"a":[1]}'],
    ['missing arguments', undefined, '{}'],
  ])('%s', (_, args, expected) => {
    const item = { type: 'function_call', call_id: '1', name: 'look', arguments: args }
    expect(messagesOf([item, output('1')])[0]).toEqual({
      role: 'assistant',
      content: '',
      tool_calls: [toolCall('1', 'look', expected)],
    })
  })

  test('of a custom tool has its input as the one argument', () => {
    const item = { type: 'custom_tool_call', call_id: '1', name: 'patch', input: 'a "b"\n' }
    const [message] = messagesOf([item, { ...output('1'), type: 'custom_tool_call_output' }])
    expect(message).toMatchObject({
      tool_calls: [toolCall('1', 'patch', '{"input":"a \\"b\\"\\n"}')],
    })
  })

  test('without text has the content that the upstream takes', () => {
    const [message] = messagesOf([call('1')], { dialect: { emptyContent: null } })
    expect(message).toEqual({ ...calling('1'), content: null })
  })

  test('of a namespace that is not declared now keeps its flat name', () => {
    const item = { ...call('1', 'echo'), namespace: 'mcp__mini' }
    const [message] = messagesOf([item])
    expect(message).toMatchObject({ tool_calls: [toolCall('1', 'mcp__mini__echo')] })
  })
})

describe('calls and outputs', () => {
  test.each([
    [
      'a call without an output is interrupted',
      [call('1'), user('V')],
      [interrupted('1'), user('V')],
    ],
    [
      'one of two calls without an output is interrupted',
      [call('1'), call('2'), output('2')],
      [interrupted('1'), answer('2')],
    ],
    [
      'a user message between waits for the output',
      [call('1'), user('V'), output('1')],
      [answer('1'), user('V')],
    ],
    [
      'two user messages and a developer’s between wait too',
      [call('1'), user('V'), developer('D'), user('W'), output('1')],
      [answer('1'), user('V'), user('D'), user('W')],
    ],
    ['an output before its call', [output('1'), call('1'), user('V')], [answer('1'), user('V')]],
  ])('%s', (_, items, expected) => {
    const [first, ...rest] = messagesOf([user('U'), ...items])
    expect(first).toEqual(user('U'))
    expect(rest.slice(1)).toEqual(expected)
    expect(rest[0]).toHaveProperty('tool_calls')
  })

  test('outputs that the assistant did not wait for stay where they came, as a note', () => {
    expect(messagesOf([call('1'), user('V'), assistant('B'), output('1'), user('W')])).toEqual([
      calling('1'),
      interrupted('1'),
      user('V'),
      assistant('B'),
      user('[output without a call: look]\nresult of 1'),
      user('W'),
    ])
  })

  test('a developer’s message between two calls parts them, and neither loses its output', () => {
    expect(messagesOf([call('1'), developer('D'), call('2'), output('1'), output('2')])).toEqual([
      calling('1'),
      answer('1'),
      user('D'),
      calling('2'),
      answer('2'),
    ])
  })

  test('an output without a call is a note, with the tool it names', () => {
    const named = { type: 'function_call_output', name: 'goal', namespace: 'agent', output: 'tidy' }
    expect(messagesOf([user('U'), named, output('gone')])).toEqual([
      user('U'),
      user('[output without a call: agent.goal]\ntidy'),
      user('[output without a call]\nresult of gone'),
    ])
  })

  test('a note keeps its image', () => {
    const orphan = output('gone', [{ type: 'input_image', image_url: 'https://a.example/b.png' }])
    expect(messagesOf([orphan])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: '[output without a call]' },
          image('https://a.example/b.png'),
        ],
      },
    ])
  })

  test('a second output of one call is a note', () => {
    expect(messagesOf([call('1'), output('1', 'a'), output('1', 'b')])).toEqual([
      calling('1'),
      answer('1', 'a'),
      user('[output without a call: look]\nb'),
    ])
  })

  test('a group may have any size', () => {
    const ids = Array.from({ length: 150_000 }, (_, index) => `c${index}`)
    const messages = messagesOf([...ids.map((id) => call(id)), ...ids.map((id) => output(id))])
    expect(messages).toHaveLength(ids.length + 1)
  })

  test('an empty output stays empty', () => {
    expect(messagesOf([call('1'), output('1', ''), call('2'), output('2', null)])).toEqual([
      calling('1'),
      answer('1', ''),
      calling('2'),
      answer('2', ''),
    ])
  })
})

describe('call ids', () => {
  test('that repeat in one turn become unique, each with its own output', () => {
    const input = [call('x'), call('x'), output('x', 'first'), output('x', 'second')]
    expect(messagesOf(input)).toEqual([
      calling('x', 'x_2'),
      answer('x', 'first'),
      answer('x_2', 'second'),
    ])
  })

  test('that repeat over turns answer the turn they follow', () => {
    const input = [call('x'), user('V'), call('x'), output('x', 'second')]
    expect(messagesOf(input)).toEqual([
      calling('x'),
      interrupted('x'),
      user('V'),
      calling('x_2'),
      answer('x_2', 'second'),
    ])
  })

  test('never become one that the history has itself', () => {
    const input = ['x', 'x_2', 'x', 'x_2', 'x'].flatMap((id) => [call(id), output(id)])
    const ids = messagesOf(input).flatMap((message) =>
      message.role === 'assistant' ? (message.tool_calls ?? []).map(({ id }) => id) : [],
    )
    expect(ids).toEqual(['x', 'x_2', 'x_3', 'x_2_2', 'x_4'])
  })

  test('that are missing are made from the call’s place', () => {
    const nameless = { type: 'function_call', name: 'look', arguments: '{}' }
    expect(messagesOf([call('1'), output('1'), nameless, { ...nameless, call_id: '' }])).toEqual([
      calling('1'),
      answer('1'),
      calling('call_2', 'call_3'),
      interrupted('call_2'),
      interrupted('call_3'),
    ])
  })
})

describe('an output with media', () => {
  const png = { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'high' }
  const shown = image('data:image/png;base64,AAAA', 'high')

  test('sends it in a user message behind the whole group', () => {
    expect(
      messagesOf([
        call('1'),
        call('2'),
        output('1', [{ type: 'input_text', text: 'a plot' }, png]),
        output('2'),
        user('V'),
      ]),
    ).toEqual([
      calling('1', '2'),
      answer('1', 'a plot'),
      answer('2'),
      { role: 'user', content: [shown] },
      user('V'),
    ])
  })

  test('says so when it has no text', () => {
    expect(messagesOf([call('1'), output('1', [png])])[1]).toEqual(answer('1', '(image follows)'))
  })

  test('says whose it is when several calls have some', () => {
    const pdf = { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,' }
    const input = [call('1'), call('2', 'fetch'), output('1', [png]), output('2', [pdf])]
    expect(messagesOf(input).slice(1)).toEqual([
      answer('1', '(image follows)'),
      answer('2', '(attachment follows)'),
      {
        role: 'user',
        content: [
          { type: 'text', text: '[from look]' },
          shown,
          { type: 'text', text: '[from fetch]' },
          {
            type: 'file',
            file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,' },
          },
        ],
      },
    ])
  })

  test('that only OpenAI could fetch is named', () => {
    const { chat, dropped } = translate({
      input: [call('1'), output('1', [{ type: 'input_image', file_id: 'file-1' }])],
    })
    expect(chat.messages.at(-1)).toEqual(answer('1', ''))
    expect(dropped).toEqual(['input.input_image.file_id'])
  })
})

describe('reasoning', () => {
  const thought = (text: string) => ({
    type: 'reasoning',
    summary: [],
    encrypted_content: sealReasoning({ text }),
  })

  test.each([
    ['sealed', thought('T'), { reasoning_content: 'T' }],
    [
      'with signed details',
      {
        type: 'reasoning',
        summary: [],
        encrypted_content: sealReasoning({ text: 'T', details: [{ signature: 's' }] }),
      },
      { reasoning_content: 'T', reasoning_details: [{ signature: 's' }] },
    ],
    [
      'of a foreign seal, by its content',
      {
        type: 'reasoning',
        encrypted_content: 'gAAAA',
        content: [{ type: 'reasoning_text', text: 'C' }],
        summary: [{ type: 'summary_text', text: 'S' }],
      },
      { reasoning_content: 'C' },
    ],
    [
      'of a broken seal, by its summary',
      {
        type: 'reasoning',
        encrypted_content: 'sealed:{"v":1}',
        content: [],
        summary: [
          { type: 'summary_text', text: 'S' },
          { type: 'summary_text', text: 'T' },
        ],
      },
      { reasoning_content: 'S\n\nT' },
    ],
    ['of a seal that holds something else', { ...thought(''), encrypted_content: 'sealed:{' }, {}],
    ['of another version', { ...thought(''), encrypted_content: 'sealed:{"v":2,"text":"x"}' }, {}],
    ['that is empty', { type: 'reasoning', summary: [], encrypted_content: null }, {}],
    ['of a shape nobody knows', { type: 'reasoning', summary: 3, encrypted_content: {} }, {}],
  ])('goes on the message it led to: %s', (_, item, members) => {
    expect(messagesOf([user('U'), item, assistant('A')])).toEqual([
      user('U'),
      { ...assistant('A'), ...members },
    ])
  })

  test('goes where the upstream wants it', () => {
    const input = [thought('T'), assistant('A')]
    expect(messagesOf(input, { dialect: { reasoningField: 'reasoning' } })).toEqual([
      { ...assistant('A'), reasoning: 'T' },
    ])
    expect(messagesOf(input, { dialect: { reasoningField: 'none' } })).toEqual([assistant('A')])
  })

  test('before and behind a message joins on it, with the calls that follow', () => {
    const input = [thought('a'), thought('b'), assistant('A'), thought('c'), call('1'), output('1')]
    expect(messagesOf(input)).toEqual([
      {
        role: 'assistant',
        content: 'A',
        reasoning_content: 'a\n\nb\n\nc',
        tool_calls: [toolCall('1')],
      },
      answer('1'),
    ])
  })

  test('between two calls opens the next turn', () => {
    const input = [thought('a'), call('1'), thought('b'), call('2'), output('1'), output('2')]
    expect(messagesOf(input)).toEqual([
      { ...calling('1'), reasoning_content: 'a' },
      answer('1'),
      { ...calling('2'), reasoning_content: 'b' },
      answer('2'),
    ])
  })

  test('behind the calls goes on the message after their outputs', () => {
    expect(messagesOf([call('1'), thought('a'), output('1'), assistant('B')])).toEqual([
      calling('1'),
      answer('1'),
      { ...assistant('B'), reasoning_content: 'a' },
    ])
  })

  test('that led to nothing before the user spoke is left out', () => {
    expect(messagesOf([user('U'), thought('a'), user('V'), assistant('B')])).toEqual([
      user('U'),
      user('V'),
      assistant('B'),
    ])
    expect(messagesOf([user('U'), thought('a')])).toEqual([user('U')])
  })
})

describe('items that chat has no word for', () => {
  test.each([
    ['compaction', { type: 'compaction', encrypted_content: 'gAAAA' }],
    ['web_search_call', { type: 'web_search_call', id: 'ws_1', status: 'completed' }],
    ['hologram', { type: 'hologram' }],
    ['input_video', { role: 'user', content: [{ type: 'input_video', video_url: 'x' }] }],
    ['input_image', { role: 'user', content: [{ type: 'input_image' }] }],
    ['input_file', { role: 'user', content: [{ type: 'input_file', filename: 'a' }] }],
  ])('are left out and named: %s', (name, item) => {
    const { chat, dropped } = translate({ input: [user('U'), item] })
    expect(chat.messages).toEqual([user('U')])
    expect(dropped).toEqual([`input.${name}`])
  })

  test.each([
    { type: 'item_reference', id: 'msg_1' },
    { id: 'msg_1' },
    { type: null, id: 'msg_1' },
  ])('a reference to a stored item is refused, as its loss would not show: %j', (item) => {
    expect(() => translate({ input: [user('U'), item] })).toThrow(
      expect.objectContaining({ code: 'cannot_carry', param: 'input[1]' }),
    )
  })
})
