import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parseResponsesRequest } from '../../src/protocol/responses/request.ts'
import { toResponseEcho } from '../../src/translate/echo.ts'

const facts = { id: 'resp_1', createdAt: 1_900_000_000, model: 'synth-small' }
const echoOf = (json: object) =>
  toResponseEcho(parseResponsesRequest({ input: 'Hi.', ...json }), facts)

const parameters = { type: 'object', properties: { a: { type: 'string' } } }
const tools = [
  { type: 'function', name: 'f', parameters },
  { type: 'function', name: 'g', description: 'G.', parameters, strict: true },
  { type: 'custom', name: 'patch', description: 'P.', format: { type: 'text' } },
  {
    type: 'namespace',
    name: 'mcp__x',
    description: 'X.',
    tools: [{ type: 'function', name: 'echo', description: 'E.' }],
  },
  { type: 'web_search', external_web_access: true },
  { type: 'tool_search', execution: 'client' },
]

describe('the echo of a request', () => {
  test('that says nothing holds the defaults', () => {
    expect(echoOf({})).toEqual({
      id: 'resp_1',
      object: 'response',
      created_at: 1_900_000_000,
      model: 'synth-small',
      previous_response_id: null,
      instructions: null,
      tools: [],
      tool_choice: 'auto',
      truncation: 'disabled',
      parallel_tool_calls: true,
      text: { format: { type: 'text' } },
      top_p: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      top_logprobs: 0,
      temperature: 1,
      reasoning: { effort: null, summary: null },
      max_output_tokens: null,
      max_tool_calls: null,
      store: true,
      background: false,
      service_tier: 'default',
      safety_identifier: null,
      prompt_cache_key: null,
    })
  })

  test('holds what the request said', () => {
    const said = {
      previous_response_id: 'resp_0',
      instructions: 'Be kind.',
      truncation: 'auto',
      parallel_tool_calls: false,
      top_p: 0.1,
      presence_penalty: 0.2,
      frequency_penalty: -0.3,
      top_logprobs: 4,
      temperature: 0,
      reasoning: { effort: 'high', summary: 'auto' },
      max_output_tokens: 5,
      max_tool_calls: 6,
      store: false,
      background: true,
      service_tier: 'flex',
      safety_identifier: 's',
      prompt_cache_key: 'k',
    }
    expect(echoOf(said)).toMatchObject(said)
  })

  test('names every tool as the function that the model is offered', () => {
    expect(echoOf({ tools }).tools).toEqual([
      { type: 'function', name: 'f', description: null, parameters, strict: null },
      { type: 'function', name: 'g', description: 'G.', parameters, strict: true },
      expect.objectContaining({ type: 'function', name: 'patch', description: 'P.', strict: null }),
      expect.objectContaining({ type: 'function', name: 'mcp__x__echo', strict: null }),
      expect.objectContaining({ type: 'function', name: 'tool_search' }),
    ])
  })

  test.each<[unknown, unknown]>([
    ['none', 'none'],
    [
      { type: 'function', name: 'f' },
      { type: 'function', name: 'f' },
    ],
    [
      { type: 'custom', name: 'patch' },
      { type: 'function', name: 'patch' },
    ],
    [
      { type: 'function', name: 'echo', namespace: 'mcp__x' },
      { type: 'function', name: 'mcp__x__echo' },
    ],
    [{ type: 'web_search_preview' }, 'auto'],
    [
      { type: 'allowed_tools', tools: [{ type: 'custom', name: 'patch' }, { type: 'mcp' }] },
      { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'patch' }] },
    ],
  ])('has the choice in the words of Open Responses: %j', (tool_choice, expected) => {
    expect(echoOf({ tools, tool_choice }).tool_choice).toEqual(expected)
  })

  test.each<[object, object]>([
    [{ verbosity: 'low' }, { format: { type: 'text' }, verbosity: 'low' }],
    [{ format: { type: 'json_object' } }, { format: { type: 'json_object' } }],
    [
      { format: { type: 'json_schema', name: 'n', schema: parameters } },
      {
        format: {
          type: 'json_schema',
          name: 'n',
          description: null,
          schema: parameters,
          strict: false,
        },
      },
    ],
  ])('has the text format in full: %j', (text, expected) => {
    expect(echoOf({ text }).text).toEqual(expected)
  })
})

/** Level, code, message. */
type Finding = readonly ['fail' | 'warn' | 'note', string, string]

const shared = process.env['BRIDGE_SHARED']

describe.skipIf(shared === undefined)(
  'the echo, beside OpenAI’s and Open Responses’ documents (skipped without $BRIDGE_SHARED)',
  () => {
    test.each<[string, object]>([
      ['a string', {}],
      ['every kind of tool', { tools }],
      ['a forced custom tool', { tools, tool_choice: { type: 'custom', name: 'patch' } }],
      ['a dropped choice', { tools, tool_choice: { type: 'web_search_preview' } }],
      [
        'allowed tools',
        {
          tools,
          tool_choice: {
            type: 'allowed_tools',
            mode: 'required',
            tools: [{ type: 'function', name: 'echo', namespace: 'mcp__x' }],
          },
        },
      ],
      [
        'a schema, reasoning and a verbosity',
        {
          text: {
            verbosity: 'high',
            format: { type: 'json_schema', name: 'n', schema: parameters, strict: true },
          },
          reasoning: { effort: 'low', summary: 'concise' },
        },
      ],
      ['instructions as items', { instructions: [{ role: 'developer', content: 'Be kind.' }] }],
    ])('satisfies both: %s', async (_, json) => {
      const library = pathToFileURL(join(shared ?? '', 'check/lib-validate.mjs')).href
      const { responseFindings } = await import(library)
      const response = {
        ...echoOf(json),
        status: 'in_progress',
        completed_at: null,
        incomplete_details: null,
        error: null,
        output: [],
        usage: null,
        metadata: {},
      }
      const findings: Finding[] = responseFindings(response, 'both')
      expect(findings.filter(([level]) => level === 'fail')).toEqual([])
    })
  },
)
