import { describe, expect, test } from 'vitest'
import { functionTool, type OptionChanges, translate, user } from './helpers.ts'

function settingsOf(json: object, changes?: OptionChanges) {
  const { chat, dropped } = translate({ input: 'Go.', ...json }, changes)
  const { model: _, messages: __, ...settings } = chat
  return { settings, dropped }
}

const schema = { type: 'object', properties: { a: { type: 'string' } } }
const jsonSchema = { type: 'json_schema', name: 'n', schema }

describe('a setting', () => {
  test.each<[string, object, object]>([
    ['temperature', { temperature: 0 }, { temperature: 0 }],
    ['top_p', { top_p: 0.5 }, { top_p: 0.5 }],
    ['presence_penalty', { presence_penalty: -1 }, { presence_penalty: -1 }],
    ['frequency_penalty', { frequency_penalty: 1 }, { frequency_penalty: 1 }],
    ['max_output_tokens', { max_output_tokens: 9 }, { max_tokens: 9 }],
    ['reasoning.effort', { reasoning: { effort: 'xhigh' } }, { reasoning_effort: 'xhigh' }],
    ['text.verbosity', { text: { verbosity: 'low' } }, { verbosity: 'low' }],
    ['prompt_cache_key', { prompt_cache_key: 'k' }, { prompt_cache_key: 'k' }],
    ['safety_identifier', { safety_identifier: 's' }, { safety_identifier: 's' }],
    ['service_tier', { service_tier: 'auto' }, { service_tier: 'auto' }],
    ['user', { user: 'u' }, { user: 'u' }],
    ['text.format', { text: { format: { type: 'text' } } }, {}],
    [
      'text.format',
      { text: { format: { type: 'json_object' } } },
      { response_format: { type: 'json_object' } },
    ],
    [
      'text.format',
      { text: { format: jsonSchema } },
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } },
    ],
    [
      'text.format',
      { text: { format: { ...jsonSchema, strict: true, description: 'D.' } } },
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'n', description: 'D.', schema, strict: true },
        },
      },
    ],
    [
      'logprobs',
      { include: ['message.output_text.logprobs'], top_logprobs: 0 },
      { logprobs: true, top_logprobs: 0 },
    ],
    ['logprobs', { include: ['message.output_text.logprobs'] }, { logprobs: true }],
    ['top_logprobs', { top_logprobs: 2 }, { logprobs: true, top_logprobs: 2 }],
    ['top_logprobs at its default', { top_logprobs: 0 }, {}],
  ])('is carried: %s', (_, json, expected) => {
    expect(settingsOf(json)).toEqual({ settings: expected, dropped: [] })
  })

  test.each<[string, object]>([
    ['model', { model: 'another' }],
    ['stream', { stream: true, stream_options: { include_obfuscation: true } }],
    ['store', { store: false }],
    ['background', { background: true }],
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['conversation', { conversation: 'conv_1' }],
    ['metadata', { metadata: { a: 'b' } }],
    ['client_metadata', { client_metadata: { session_id: 'secret' } }],
    ['reasoning.summary', { reasoning: { summary: 'auto', generate_summary: 'auto' } }],
    ['reasoning.context', { reasoning: { context: 'all_turns' } }],
    ['include', { include: ['reasoning.encrypted_content'] }],
    ['truncation', { truncation: 'disabled' }],
    ['null', { prompt: null, max_tool_calls: null, novelty: null, text: { novelty: null } }],
  ])('is the bridge’s own, neither forwarded nor missed: %s', (_, json) => {
    expect(settingsOf(json)).toEqual({ settings: {}, dropped: [] })
  })

  test.each<[string, object]>([
    ['truncation', { truncation: 'auto' }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['context_management', { context_management: [] }],
    ['novelty', { novelty: false }],
    ['include.file_search_call.results', { include: ['file_search_call.results'] }],
    ['text.novelty', { text: { novelty: 1 } }],
    ['text.format', { text: { format: { type: 'grammar', definition: 'x' } } }],
    ['reasoning.mode', { reasoning: { mode: 'pro' } }],
    ['reasoning.context', { reasoning: { context: 'current_turn' } }],
  ])('is left out and named: %s', (name, json) => {
    expect(settingsOf(json)).toEqual({ settings: {}, dropped: [name] })
  })

  test.each<[string, string, object]>([
    ['temperature', 'temperature', { temperature: 1 }],
    ['reasoning_effort', 'reasoning.effort', { reasoning: { effort: 'low' } }],
    ['verbosity', 'text.verbosity', { text: { verbosity: 'low' } }],
    ['response_format', 'text.format', { text: { format: { type: 'json_object' } } }],
    ['max_tokens', 'max_output_tokens', { max_output_tokens: 1 }],
    ['tool_choice', 'tool_choice', { tools: [functionTool('f')], tool_choice: 'auto' }],
    [
      'parallel_tool_calls',
      'parallel_tool_calls',
      { tools: [functionTool('f')], parallel_tool_calls: true },
    ],
  ])('that the upstream refuses is named as the client calls it: %s', (field, name, json) => {
    const { settings, dropped } = settingsOf(json, { dialect: { unsupported: [field] } })
    expect(settings).not.toHaveProperty(field)
    expect(dropped).toEqual([name])
  })

  test('of logprobs that the upstream refuses is named by what asked for them', () => {
    const dialect = { unsupported: ['logprobs', 'top_logprobs'] }
    const include = ['message.output_text.logprobs']
    expect(settingsOf({ include }, { dialect }).dropped).toEqual([
      'include.message.output_text.logprobs',
    ])
    expect(settingsOf({ top_logprobs: 2 }, { dialect }).dropped).toEqual(['top_logprobs'])
  })

  test('of a JSON schema is dropped for an upstream without it', () => {
    const changes = { dialect: { jsonSchema: false } }
    expect(settingsOf({ text: { format: jsonSchema } }, changes)).toEqual({
      settings: {},
      dropped: ['text.format'],
    })
    expect(settingsOf({ text: { format: { type: 'json_object' } } }, changes).dropped).toEqual([])
  })

  test.each([
    ['text.format.name', { type: 'json_schema', schema }],
    ['text.format.schema', { type: 'json_schema', name: 'n' }],
  ])('of a JSON schema is refused without its %s', (param, format) => {
    expect(() => settingsOf({ text: { format } })).toThrowError(
      expect.objectContaining({ code: 'invalid_request', param }),
    )
  })
})

describe('the ceiling on output', () => {
  test.each([
    ['caps what the client asks', 100, 50, { max_tokens: 50 }],
    ['leaves a smaller wish', 100, 500, { max_tokens: 100 }],
    ['adds no limit that the client did not ask for', undefined, 50, {}],
  ])('%s', (_, max_output_tokens, maxOutputTokens, expected) => {
    expect(settingsOf({ max_output_tokens }, { maxOutputTokens }).settings).toEqual(expected)
  })

  test('has the name that the upstream knows', () => {
    const dialect = { maxTokensField: 'max_completion_tokens' } as const
    expect(settingsOf({ max_output_tokens: 7 }, { dialect }).settings).toEqual({
      max_completion_tokens: 7,
    })
  })
})

describe('strict', () => {
  test('refuses any loss and names them all', () => {
    const json = { input: [user('U'), { type: 'compaction' }], truncation: 'auto' }
    expect(() => translate(json, { strict: true })).toThrowError(
      expect.objectContaining({
        code: 'cannot_carry',
        message: expect.stringContaining('input.compaction, truncation'),
      }),
    )
  })

  test('passes what loses nothing', () => {
    expect(translate({ input: 'Go.', metadata: { a: 'b' } }, { strict: true }).dropped).toEqual([])
  })
})

test('the request carries the upstream’s own name of the model', () => {
  expect(translate({ model: 'alias', input: 'Go.' }, { model: 'org/real' }).chat.model).toBe(
    'org/real',
  )
})
