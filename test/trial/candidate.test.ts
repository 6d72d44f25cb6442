import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TrialApi } from '../../src/trial/address.ts'
import { type Applied, applyCandidate } from '../../src/trial/apply-candidate.ts'
import { CANDIDATE_ROLES, readCandidate } from '../../src/trial/candidate.ts'
import { takeStep } from '../../src/trial/change.ts'

const apply = (request: unknown, candidate: unknown, api: TrialApi = 'chat'): Applied =>
  applyCandidate(request, api, readCandidate(candidate, ''))

/** The request as sent, from what a trace keeps. */
const replay = (received: unknown, { changes }: Applied): unknown =>
  changes.reduce((json, change) => takeStep(json, change), received)

const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
const system = (content: unknown) => ({ role: 'system', content })
const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown, more = {}) => ({ role: 'assistant', content, ...more })
const text = (value: string) => ({ type: 'text', text: value })
const to = (role: string, new_text: string, more = {}) => ({
  replacements: [{ apply_to_role: role, new_text, ...more }],
})
const template = (...sections: unknown[]) => ({ prompt_template: { sections } })

interface Row {
  readonly name: string
  readonly messages: readonly unknown[]
  readonly candidate: unknown
  readonly expected: readonly unknown[]
  readonly unmatched?: readonly number[]
}

const CHAT_ROWS: readonly Row[] = [
  {
    name: "without old_text the role's whole text is replaced",
    messages: [system('old'), user('q')],
    candidate: to('system', 'new'),
    expected: [system('new'), user('q')],
  },
  {
    name: 'the text of a role in several messages becomes one',
    messages: [system('a'), user('1'), system('b'), user('2')],
    candidate: to('system', 'new'),
    expected: [system('new'), user('1'), user('2')],
  },
  {
    name: 'what is no text stays where it was',
    messages: [user([text('a'), image, text('b')]), user([text('c'), image])],
    candidate: to('user', 'new'),
    expected: [user([text('new'), image]), user([image])],
  },
  {
    name: 'a message with calls keeps them, and its place before their results',
    messages: [
      assistant('a'),
      assistant('b', { tool_calls: [call] }),
      { role: 'tool', tool_call_id: 'call_1', content: 'r' },
    ],
    candidate: to('assistant', 'new'),
    expected: [
      assistant('new'),
      assistant('', { tool_calls: [call] }),
      { role: 'tool', tool_call_id: 'call_1', content: 'r' },
    ],
  },
  {
    name: 'a substring is replaced wherever the role has it, and in no other role',
    messages: [system('ab ab'), user('ab'), system([text('xabx'), image])],
    candidate: to('system', '-', { old_text: 'ab' }),
    expected: [system('- -'), user('ab'), system([text('x-x'), image])],
  },
  {
    name: 'exact means the whole text',
    messages: [system('ab'), system('ab '), system([text('ab'), text('abc')])],
    candidate: to('system', '-', { old_text: 'ab', match: 'exact' }),
    expected: [system('-'), system('ab '), system([text('-'), text('abc')])],
  },
  {
    name: 'case counts unless it is said not to',
    messages: [system('Be TERSE, be terse'), user('x')],
    candidate: to('system', 'long', { old_text: 'terse' }),
    expected: [system('Be TERSE, be long'), user('x')],
  },
  {
    name: 'without case, all of them',
    messages: [system('Be TERSE, be terse, ÄRGER ärger')],
    candidate: {
      replacements: [
        { apply_to_role: 'system', old_text: 'terse', new_text: 'long', case_sensitive: false },
        { apply_to_role: 'system', old_text: 'Ärger', new_text: 'Ruhe', case_sensitive: false },
      ],
    },
    expected: [system('Be long, be long, Ruhe Ruhe')],
  },
  {
    name: 'without case, exact',
    messages: [user('HELLO'), user('hello!')],
    candidate: to('user', 'bye', { old_text: 'hello', match: 'exact', case_sensitive: false }),
    expected: [user('bye'), user('hello!')],
  },
  {
    name: 'placeholders and signs that mean something elsewhere are text',
    messages: [system('use {query} and {{text}} (a|b)')],
    candidate: to('system', '$& $1 \\d {query}', { old_text: '{query} and {{text}} (a|b)' }),
    expected: [system('use $& $1 \\d {query}')],
  },
  {
    name: 'they follow one another: the second sees what the first has made',
    messages: [system('one')],
    candidate: {
      text_replacements: [
        { apply_to_role: 'system', old_text: 'one', new_text: 'two' },
        { apply_to_role: 'system', old_text: 'two', new_text: 'three' },
        { apply_to_role: 'system', old_text: 'one', new_text: 'never' },
      ],
    },
    expected: [system('three')],
    unmatched: [2],
  },
  {
    name: 'a role that has no message matches nothing',
    messages: [user('q'), { role: 'developer', content: 'd' }],
    candidate: to('system', 'new'),
    expected: [user('q'), { role: 'developer', content: 'd' }],
    unmatched: [0],
  },
  {
    name: 'a new text that is the old one changes nothing, and matches',
    messages: [system('same')],
    candidate: to('system', 'same'),
    expected: [system('same')],
  },
  {
    name: 'an empty new text takes the old one out',
    messages: [system('a b')],
    candidate: to('system', '', { old_text: ' b' }),
    expected: [system('a')],
  },
  {
    name: 'a template replaces its roles where the first of them stood, and leaves the others',
    messages: [assistant('hi'), system('old'), user('q'), system('old too')],
    candidate: template({ role: 'system', content: 'new {query}' }),
    expected: [assistant('hi'), system('new {query}'), user('q')],
  },
  {
    name: 'the order of sections is their order in the prompt',
    messages: [system('old'), user('q')],
    candidate: template(
      { role: 'user', pattern: 'third', order: 2 },
      { role: 'system', content: 'first' },
      { role: 'assistant', content: 'second', order: 1 },
    ),
    expected: [system('first'), assistant('second'), user('third')],
  },
  {
    name: "Synth's names for the parts of a template",
    messages: [system('old')],
    candidate: {
      prompt_template: {
        id: 't',
        prompt_sections: [{ role: 'system', pattern: 'new', name: 'n' }],
      },
    },
    expected: [system('new')],
  },
  {
    name: 'a template for a role that is not there comes first',
    messages: [user('q')],
    candidate: template({ role: 'system', content: 'new' }),
    expected: [system('new'), user('q')],
  },
  {
    name: 'images and calls of a replaced role stay',
    messages: [
      user([text('a'), image]),
      assistant(null, { tool_calls: [call] }),
      { role: 'tool', tool_call_id: 'call_1', content: 'r' },
      user('b'),
    ],
    candidate: template({ role: 'user', content: 'new' }, { role: 'assistant', content: 'ok' }),
    expected: [
      user('new'),
      assistant('ok'),
      user([image]),
      assistant(null, { tool_calls: [call] }),
      { role: 'tool', tool_call_id: 'call_1', content: 'r' },
    ],
  },
]

describe('on chat messages', () => {
  test.each(CHAT_ROWS)('$name', ({ messages, candidate, expected, unmatched = [] }) => {
    const request = { model: 'm', messages, temperature: 0 }
    const applied = apply(request, candidate)
    expect(applied.json).toEqual({ ...request, messages: expected })
    expect(applied.unmatched).toEqual(unmatched)
    expect(replay(request, applied)).toEqual(applied.json)
  })

  test.each([
    null,
    7,
    'text',
    [],
    {},
    { messages: null },
    { messages: 'x' },
    { messages: [7, {}] },
  ])('what is no request is left to whoever reads it next: %j', (request) => {
    expect(apply(request, to('system', 'new')).json).toBe(request)
  })
})

const item = (role: string, content: unknown) => ({ type: 'message', role, content })
const inputText = (value: string) => ({ type: 'input_text', text: value })
const reasoning = { type: 'reasoning', id: 'rs_1', summary: [] }

const RESPONSES_ROWS = [
  {
    name: 'instructions are the text of the system',
    request: { instructions: 'old', input: 'q' },
    candidate: to('system', 'new'),
    expected: { instructions: 'new', input: 'q' },
  },
  {
    name: 'instructions and system messages become one text',
    request: { instructions: 'old', input: [item('system', 'more'), item('user', 'q')] },
    candidate: to('system', 'new'),
    expected: { instructions: 'new', input: [item('user', 'q')] },
  },
  {
    name: 'instructions that are items',
    request: { instructions: [item('system', 'a'), item('system', 'b')], input: 'q' },
    candidate: to('system', 'new'),
    expected: { instructions: [item('system', 'new')], input: 'q' },
  },
  {
    name: "a user's text among the instructions gives way to the input",
    request: { instructions: [item('user', 'a'), item('user', 'b')], input: 'q' },
    candidate: to('user', 'new'),
    expected: { instructions: [], input: 'new' },
  },
  {
    name: 'instructions that are items, and a template',
    request: { instructions: [item('system', 'a'), item('developer', 'b')], input: [] },
    candidate: template({ role: 'system', content: 'new' }),
    expected: { instructions: [item('developer', 'b')], input: [item('system', 'new')] },
  },
  {
    name: "an input that is a string is the user's",
    request: { input: 'sort this' },
    candidate: to('user', 'weigh', { old_text: 'sort' }),
    expected: { input: 'weigh this' },
  },
  {
    name: 'items in parts, with or without a type; others are untouched',
    request: {
      input: [{ role: 'user', content: [inputText('a x'), inputText('x b')] }, reasoning],
    },
    candidate: to('user', 'y', { old_text: 'x' }),
    expected: {
      input: [{ role: 'user', content: [inputText('a y'), inputText('y b')] }, reasoning],
    },
  },
  {
    name: "a template's system text goes back into instructions",
    request: { instructions: 'old', input: 'q' },
    candidate: template({ role: 'system', content: 'a' }, { role: 'system', content: 'b' }),
    expected: { instructions: 'a\n\nb', input: 'q' },
  },
  {
    name: 'a system text without instructions becomes a message',
    request: { input: 'q' },
    candidate: template({ role: 'system', content: 'new' }),
    expected: { input: [item('system', 'new'), item('user', 'q')] },
  },
  {
    name: "one user's section for one user's text",
    request: { input: 'q' },
    candidate: template({ role: 'user', content: 'new {query}' }),
    expected: { input: 'new {query}' },
  },
  {
    name: 'examples before an input that is a string',
    request: { instructions: 'i', input: 'q' },
    candidate: template({ role: 'user', content: 'u' }, { role: 'assistant', content: 'a' }),
    expected: { instructions: 'i', input: [item('user', 'u'), item('assistant', 'a')] },
  },
  {
    name: 'sections among items, where the first of their roles stood',
    request: { input: [reasoning, item('user', 'q'), item('assistant', 'a'), item('user', 'r')] },
    candidate: template({ role: 'user', content: 'new' }),
    expected: { input: [reasoning, item('user', 'new'), item('assistant', 'a')] },
  },
  {
    name: 'a request without input',
    request: { prompt: { id: 'p' } },
    candidate: template({ role: 'user', content: 'new' }),
    expected: { prompt: { id: 'p' }, input: [item('user', 'new')] },
  },
] as const

describe('on Responses', () => {
  test.each(RESPONSES_ROWS)('$name', ({ request, candidate, expected }) => {
    const applied = apply(request, candidate, 'responses')
    expect(applied.json).toEqual(expected)
    expect(replay(request, applied)).toEqual(expected)
  })
})

describe('for every request', () => {
  const word = fc.constantFrom('a', 'b', 'A', 'ab', '{query}', ' ', '$&', 'é')
  const words = fc.array(word, { maxLength: 6 }).map((list) => list.join(''))
  const content = fc.oneof(
    words,
    fc.constant(null),
    fc.array(fc.oneof(words.map(text), fc.constant(image)), { maxLength: 4 }),
  )
  const role = fc.constantFrom(...CANDIDATE_ROLES, 'tool')
  const message = fc.record({ role, content })
  const request = fc.oneof(
    fc.record({ messages: fc.array(message, { maxLength: 5 }), n: fc.nat() }),
    fc.record(
      {
        instructions: fc.oneof(words, fc.array(message, { maxLength: 3 })),
        input: fc.oneof(words, fc.array(message, { maxLength: 5 })),
      },
      { requiredKeys: [] },
    ),
  )
  const replacement = fc.record(
    {
      apply_to_role: fc.constantFrom(...CANDIDATE_ROLES),
      new_text: words,
      old_text: words.filter((old) => old !== ''),
      match: fc.constantFrom('exact', 'substring'),
      case_sensitive: fc.boolean(),
    },
    { requiredKeys: ['apply_to_role', 'new_text'] },
  )
  const section = fc.record({ role: fc.constantFrom(...CANDIDATE_ROLES), content: words })
  const candidate = fc.oneof(
    fc.record({ replacements: fc.array(replacement, { maxLength: 4 }) }),
    fc.array(section, { minLength: 1, maxLength: 4 }).map((list) => template(...list)),
  )
  const apiOf = (json: object): TrialApi => ('messages' in json ? 'chat' : 'responses')

  test('the changes, carried out on what was received, give what is sent; nothing else is touched', () => {
    fc.assert(
      fc.property(request, candidate, (received, given) => {
        const before = structuredClone(received)
        const applied = apply(received, given, apiOf(received))
        expect(received).toEqual(before)
        expect(replay(received, applied)).toEqual(applied.json)
      }),
    )
  })

  test('a role that the candidate does not name stays value for value', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), candidate, (messages, given) => {
        const named = new Set(JSON.stringify(given).match(/(?<="(?:apply_to_)?role":")\w+/g))
        const others = (list: readonly { role: string }[]) =>
          list.filter((entry) => !named.has(entry.role))
        const { json } = apply({ messages }, given)
        expect(others((json as { messages: { role: string }[] }).messages)).toEqual(
          others(messages),
        )
      }),
    )
  })

  test('a candidate of no replacements is no change at all', () => {
    fc.assert(
      fc.property(request, (received) => {
        const applied = apply(received, { replacements: [] }, apiOf(received))
        expect(applied.json).toBe(received)
        expect(applied.changes).toEqual([])
      }),
    )
  })
})

test('what is changed is told in little: not the text around it, and not once for each letter', () => {
  const long = 'x'.repeat(300_000)
  const one = apply({ messages: [system(`${long} a`)] }, to('system', 'b', { old_text: 'a' }))
  expect(one.changes).toEqual([
    {
      op: 'edit',
      path: '/messages/0/content',
      edits: [{ at: 300_001, removed: 1, inserted: 'b' }],
      role: 'system',
      by: 'replacements[0]',
    },
  ])
  const all = apply({ messages: [system(long)] }, to('system', 'y', { old_text: 'x' }))
  expect(all.changes).toHaveLength(1)
  expect(JSON.stringify(all.changes).length).toBeLessThan(310_000)
})

describe('a malformed candidate', () => {
  const good = { apply_to_role: 'system', new_text: 'x' }
  test.each([
    [null, null, 'The request body is null'],
    [{}, null, 'has neither'],
    [
      { replacements: [], prompt_template: { sections: [] } },
      'prompt_template.sections',
      'is an empty',
    ],
    [{ replacements: [], ...template({ role: 'user', content: '' }) }, null, 'has both'],
    [{ replacements: {} }, 'replacements', 'expected an array'],
    [{ replacements: [good], strickt: true }, 'strickt', 'no such field'],
    [{ replacements: [good], strict: 'yes' }, 'strict', 'expected a boolean'],
    [
      { replacements: [good, { ...good, apply_to_role: 'tool' }] },
      'replacements[1].apply_to_role',
      '"system"',
    ],
    [{ replacements: [{ apply_to_role: 'user' }] }, 'replacements[0].new_text', 'is missing'],
    [
      { replacements: [{ ...good, old_text: '' }] },
      'replacements[0].old_text',
      'expected some text',
    ],
    [
      { replacements: [{ ...good, match: 'regex' }] },
      'replacements[0].match',
      '"exact" or "substring"',
    ],
    [{ prompt_template: {} }, 'prompt_template.sections', 'is missing'],
    [
      { prompt_template: { sections: [{ role: 'user' }] } },
      'prompt_template.sections[0].content',
      'is missing',
    ],
    [{ ...to('user', 'x'.repeat(1_100_000)) }, null, 'is larger than'],
  ])('%# names the field', (candidate, param, message) => {
    expect(() => readCandidate(candidate, '')).toThrow(
      expect.objectContaining({
        code: 'invalid_candidate',
        param,
        message: expect.stringContaining(message),
      }),
    )
  })
})
