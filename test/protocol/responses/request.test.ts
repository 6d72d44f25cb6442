import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import { parseResponsesRequest } from '../../../src/protocol/responses/request.ts'

function refusalOf(json: unknown): BridgeError {
  try {
    parseResponsesRequest(json)
  } catch (error) {
    if (error instanceof BridgeError) return error
    throw error
  }
  throw new Error(`accepted ${JSON.stringify(json)}`)
}

const withItem = (item: unknown) => ({ input: [{ role: 'user', content: 'Hi.' }, item] })
const withTool = (tool: unknown) => ({ input: 'Hi.', tools: [tool] })

describe('a request that cannot be read', () => {
  test.each([
    ['an array', [], null, 'The request body is an empty array; expected an object.'],
    ['null', null, null, 'The request body is null; expected an object.'],
    ['no input', {}, 'input', 'input is missing; expected a string or at least one item.'],
    ['null as input', { input: null }, 'input', 'input is missing; expected a string or at'],
    ['an empty list', { input: [] }, 'input', 'input is an empty array; expected a string or at'],
    ['a number as input', { input: 7 }, 'input', 'input is 7; expected a string or an array.'],
    ['a string as item', withItem('hi'), 'input[1]', 'input[1] is "hi"; expected an object.'],
    ['a null item', withItem(null), 'input[1]', 'input[1] is null; expected an object.'],
    [
      'an unknown role',
      withItem({ role: 'tool', content: '' }),
      'input[1].role',
      'input[1].role is "tool"; expected "user" or "assistant" or "system" or "developer".',
    ],
    [
      'an item that is nothing',
      withItem({ content: 'x' }),
      'input[1].type',
      'input[1].type is missing; expected a type, or a role that makes the item a message.',
    ],
    ['a number as type', withItem({ type: 3 }), 'input[1].type', 'is 3; expected a string'],
    [
      'a user message without content',
      withItem({ role: 'user' }),
      'input[1].content',
      'input[1].content is missing; expected a string or an array of parts.',
    ],
    [
      'an object as content',
      withItem({ role: 'user', content: { type: 'input_text', text: 'x' } }),
      'input[1].content',
      'input[1].content is an object; expected a string or an array of parts.',
    ],
    [
      'a string as part',
      withItem({ role: 'user', content: ['x'] }),
      'input[1].content[0]',
      'input[1].content[0] is "x"; expected an object.',
    ],
    [
      'a text part without text',
      withItem({ role: 'user', content: [{ type: 'input_text' }] }),
      'input[1].content[0].text',
      'input[1].content[0].text is missing; expected a string.',
    ],
    [
      'a number as image',
      withItem({ role: 'user', content: [{ type: 'input_image', image_url: 4 }] }),
      'input[1].content[0].image_url',
      'input[1].content[0].image_url is 4; expected a string or an object.',
    ],
    [
      'an image object without url',
      withItem({ role: 'user', content: [{ type: 'input_image', image_url: {} }] }),
      'input[1].content[0].image_url.url',
      'input[1].content[0].image_url.url is missing; expected a string.',
    ],
    [
      'a call without a name',
      withItem({ type: 'function_call', call_id: 'c', arguments: '{}' }),
      'input[1].name',
      'input[1].name is missing; expected a string.',
    ],
    [
      'a call with an empty name',
      withItem({ type: 'custom_tool_call', call_id: 'c', name: '', input: '' }),
      'input[1].name',
      'input[1].name is ""; expected some text.',
    ],
    [
      'a number as output',
      withItem({ type: 'function_call_output', call_id: 'c', output: 4 }),
      'input[1].output',
      'input[1].output is 4; expected a string or an array of parts.',
    ],
    [
      'a tool without type',
      withTool({ name: 'x' }),
      'tools[0].type',
      'is missing; expected a string',
    ],
    [
      'a function in the shape of chat',
      withTool({ type: 'function', function: { name: 'x' } }),
      'tools[0].name',
      'tools[0].name is missing; expected a string.',
    ],
    [
      'a namespace member without a name',
      withTool({ type: 'namespace', name: 'n', tools: [{ type: 'function' }] }),
      'tools[0].tools[0].name',
      'tools[0].tools[0].name is missing; expected a string.',
    ],
    [
      'a tool of an item without a name',
      withItem({ type: 'additional_tools', tools: [{ type: 'custom' }] }),
      'input[1].tools[0].name',
      'input[1].tools[0].name is missing; expected a string.',
    ],
    [
      'an instruction item with a bad role',
      { input: 'Hi.', instructions: [{ role: 'boss', content: 'x' }] },
      'instructions[0].role',
      'instructions[0].role is "boss"; expected "user"',
    ],
    [
      'a temperature out of range',
      { input: 'Hi.', temperature: 3 },
      'temperature',
      'temperature is 3; expected at most 2.',
    ],
    [
      'a fraction of a token',
      { input: 'Hi.', max_output_tokens: 1.5 },
      'max_output_tokens',
      'max_output_tokens is 1.5; expected an integer.',
    ],
    [
      'no tokens at all',
      { input: 'Hi.', max_output_tokens: 0 },
      'max_output_tokens',
      'max_output_tokens is 0; expected at least 1.',
    ],
    [
      'an unknown tool choice',
      { input: 'Hi.', tool_choice: 'any' },
      'tool_choice',
      'tool_choice is "any"; expected "auto" or "none" or "required" or an object.',
    ],
    [
      'an unknown truncation',
      { input: 'Hi.', truncation: 'some' },
      'truncation',
      'truncation is "some"; expected "auto" or "disabled".',
    ],
    [
      'a number as metadata value',
      { input: 'Hi.', metadata: { a: 1 } },
      'metadata.a',
      'metadata.a is 1; expected a string.',
    ],
    ['a string as stream', { input: 'Hi.', stream: 'yes' }, 'stream', '"yes"; expected a boolean.'],
  ])('is refused with the place, the value and what would be right: %s', (_, json, param, says) => {
    const error = refusalOf(json)
    expect(error.code).toBe('invalid_request')
    expect(error.param).toBe(param)
    expect(error.message).toContain(says)
  })

  test('shows a long value shortened', () => {
    expect(refusalOf({ input: 'Hi.', stream: 'x'.repeat(5000) }).message.length).toBeLessThan(120)
  })
})

describe('a request that can be read', () => {
  test.each<[string, object]>([
    ['a string', { input: 'Hi.' }],
    ['an empty string', { input: '' }],
    ['instructions and an empty list', { input: [], instructions: 'Be kind.' }],
    ['nothing new after an earlier response', { previous_response_id: 'resp_1' }],
    ['nothing new in a conversation', { conversation: 'conv_1', input: [] }],
    ['null members', { input: 'Hi.', tools: null, text: null, metadata: null, temperature: null }],
    ['an assistant message without content', withItem({ role: 'assistant' })],
    ['an unknown item', withItem({ type: 'hologram', shape: 3 })],
    ['an unknown part', withItem({ role: 'user', content: [{ type: 'smell', text: {} }] })],
    ['an unknown tool', withTool({ type: 'teleport', name: 3 })],
    ['unknown fields', { input: 'Hi.', frobnicate: { deeply: [1] } }],
    ['an output without anything', withItem({ type: 'function_call_output' })],
    ['arguments as an object', withItem({ type: 'function_call', name: 'f', arguments: { a: 1 } })],
    ['reasoning of another shape', withItem({ type: 'reasoning', summary: 'x', content: 3 })],
  ])('is accepted: %s', (_, json) => {
    expect(() => parseResponsesRequest(json)).not.toThrow()
  })

  test('keeps unknown members where they are', () => {
    const item = { role: 'user', content: 'Hi.', phase: 'x' }
    expect(parseResponsesRequest({ input: [item], novelty: 1 })).toEqual({
      input: [item],
      novelty: 1,
    })
  })

  test('cannot reach a prototype', () => {
    const parsed = parseResponsesRequest(
      JSON.parse(
        '{"input":[{"role":"user","content":"Hi.","__proto__":{"polluted":1}}],' +
          '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},' +
          '"metadata":{"__proto__":"x"}}',
      ),
    )
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
    expect('polluted' in parsed).toBe(false)
    expect('polluted' in {}).toBe(false)
    expect(Object.keys(parsed.metadata ?? {})).toEqual([])
  })
})
