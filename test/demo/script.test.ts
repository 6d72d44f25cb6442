import { describe, expect, test } from 'vitest'
import { type ScriptedRequest, ScriptedRequestSchema } from '../../src/demo/chat-request.ts'
import { DEMO_PROMPT, demoGreeting, nextAnswer } from '../../src/demo/script.ts'

const tool = (name: string, property: string) => ({
  type: 'function',
  function: {
    name,
    parameters: {
      type: 'object',
      properties: { [property]: { type: 'string' } },
      required: [property],
    },
  },
})
const tools = [tool('exec_command', 'cmd'), tool('apply_patch', 'input')]

const user = (content: string) => ({ role: 'user', content })
const called = (name: string) => ({
  role: 'assistant',
  content: '',
  tool_calls: [{ id: 'c', type: 'function', function: { name, arguments: '{}' } }],
})
const output = (content: string) => ({ role: 'tool', tool_call_id: 'c', content })

const request = (messages: unknown[], more: Record<string, unknown> = { tools }): ScriptedRequest =>
  ScriptedRequestSchema.parse({ model: 'synth-demo', messages, ...more })

const READ = [user(DEMO_PROMPT), called('exec_command'), output('Output:\nseed: violet-7\n')]
const PATCHED = [...READ, called('apply_patch'), output('Success.\nA greeting.txt\n')]

describe('the demo script', () => {
  test('begins by reading the seed with a command', () => {
    const { calls } = nextAnswer(request([user(DEMO_PROMPT)]))
    expect(calls).toEqual([{ name: 'exec_command', arguments: '{"cmd":"cat seed.txt"}' }])
  })

  test('writes what the command printed, and cannot know it otherwise', () => {
    const { calls } = nextAnswer(request(READ))
    expect(calls).toHaveLength(1)
    expect(calls[0]?.name).toBe('apply_patch')
    const { input } = JSON.parse(calls[0]?.arguments ?? '')
    const added = input.match(/^\+.*$/gm).map((line: string) => `${line.slice(1)}\n`)
    expect(added.join('')).toBe(demoGreeting('violet-7'))
    expect(input).toMatch(/^\*\*\* Begin Patch\n\*\*\* Add File: greeting\.txt\n/)
    expect(input).toMatch(/\n\*\*\* End Patch$/)
  })

  test('takes the patch tool’s one property by whatever name it has', () => {
    const { calls } = nextAnswer(request(READ, { tools: [tools[0], tool('apply_patch', 'patch')] }))
    expect(Object.keys(JSON.parse(calls[0]?.arguments ?? '{}'))).toEqual(['patch'])
  })

  test('ends with a word about what it did', () => {
    expect(nextAnswer(request(PATCHED))).toEqual({
      text: 'Done: greeting.txt greets you with the seed violet-7.',
      calls: [],
    })
  })

  test('can be asked again in the same conversation', () => {
    const again = request([...PATCHED, { role: 'assistant', content: 'Done' }, user(DEMO_PROMPT)])
    expect(nextAnswer(again).calls[0]?.name).toBe('exec_command')
  })

  test.each([
    {
      name: 'a command that does not show the seed',
      messages: [...READ.slice(0, 2), output('cat: seed.txt: No such file')],
      says: /could not find the seed.*No such file/,
    },
    {
      name: 'a patch that did not apply',
      messages: [...READ, called('apply_patch'), output('invalid patch')],
      says: /did not apply: invalid patch/,
    },
  ])('$name is said, and ends it', ({ messages, says }) => {
    const answer = nextAnswer(request(messages))
    expect(answer.text).toMatch(says)
    expect(answer.calls).toEqual([])
  })

  test('says which tool it misses', () => {
    expect(nextAnswer(request([user(DEMO_PROMPT)], {})).text).toContain('exec_command')
    expect(nextAnswer(request(READ, { tools: [tools[0]] })).text).toContain('apply_patch')
  })
})

describe('anything else', () => {
  test('is answered with what this model is and how to get a real one', () => {
    const { text, calls } = nextAnswer(request([user('Mend the login page')]))
    expect(text).toMatch(/scripted model/)
    expect(text).toMatch(/synth init/)
    expect(calls).toEqual([])
  })

  test('a named tool is called with arguments that fit', () => {
    const choice = { type: 'function', function: { name: 'apply_patch' } }
    expect(nextAnswer(request([user('go')], { tools, tool_choice: choice })).calls).toEqual([
      { name: 'apply_patch', arguments: '{"input":"synth-demo"}' },
    ])
  })

  test('a required call goes to the first tool', () => {
    const { calls } = nextAnswer(request([user('go')], { tools, tool_choice: 'required' }))
    expect(calls.map((call) => call.name)).toEqual(['exec_command'])
  })

  test.each(['auto', 'none', { type: 'allowed_tools' }])(
    'tool_choice %j demands nothing',
    (choice) => {
      expect(nextAnswer(request([user('go')], { tools, tool_choice: choice })).calls).toEqual([])
    },
  )

  test('an output schema is kept to', () => {
    const schema = {
      type: 'object',
      properties: { title: { type: 'string' } },
      required: ['title'],
    }
    const response_format = { type: 'json_schema', json_schema: { name: 'title', schema } }
    const { text } = nextAnswer(request([user('a title, please')], { response_format }))
    expect(JSON.parse(text)).toEqual({ title: 'synth-demo' })
  })

  test('a JSON object is one', () => {
    const { text } = nextAnswer(request([user('x')], { response_format: { type: 'json_object' } }))
    expect(JSON.parse(text)).toHaveProperty('answer')
  })
})
