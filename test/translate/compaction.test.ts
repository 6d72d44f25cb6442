/** Compaction items in a request: what the model is told of them, and what stays of a longer chain. */
import { describe, expect, test } from 'vitest'
import { readResponsesRequest } from '../../src/protocol/responses/request.ts'
import {
  CHECKPOINT_PROMPT,
  introduceSummary,
  sealCompaction,
  toCompactionRequest,
} from '../../src/translate/compaction.ts'
import type { Seal } from '../../src/translate/seal.ts'
import {
  assistant,
  call,
  developer,
  functionTool,
  messagesOf,
  output,
  sealReasoning,
  translate,
  user,
} from './to-chat/helpers.ts'

/** As `helpers.ts` opens it. */
const seal: Seal = { seal: (plain) => `sealed:${plain}`, open: () => undefined }
const compaction = (summary: string, type = 'compaction') => ({
  type,
  id: 'cmp_1',
  encrypted_content: sealCompaction(summary, seal),
})
const TRIGGER = { type: 'compaction_trigger' }
const summarised = (summary: string) => user(introduceSummary(summary))

describe('a compaction item', () => {
  test.each(['compaction', 'compaction_summary'])(
    'of this bridge becomes a message of the user with its summary (%s)',
    (type) => {
      expect(messagesOf([user('hi'), compaction('It was long.', type), user('go on')])).toEqual([
        user('hi'),
        summarised('It was long.'),
        user('go on'),
      ])
    },
  )

  test.each([
    { name: 'of another bridge', encrypted_content: 'gAAAAABforeign' },
    { name: 'without content', encrypted_content: undefined },
    { name: 'of a foreign shape', encrypted_content: { not: 'text' } },
    { name: 'that holds sealed reasoning', encrypted_content: sealReasoning({ text: 'secret' }) },
    { name: 'that holds no JSON', encrypted_content: 'sealed:nonsense' },
  ])('$name is left out and named', ({ encrypted_content }) => {
    const { chat, dropped } = translate({
      input: [{ type: 'compaction', encrypted_content }, user('go on')],
    })
    expect(chat.messages).toEqual([user('go on')])
    expect(dropped).toEqual(['input.compaction'])
  })

  test('is not taken for reasoning', () => {
    const reasoning = {
      type: 'reasoning',
      summary: [],
      encrypted_content: sealCompaction('a summary', seal),
    }
    expect(messagesOf([user('hi'), reasoning, assistant('hello')])).toEqual([
      user('hi'),
      assistant('hello'),
    ])
  })
})

describe('a compaction_trigger', () => {
  test('asks the model for a note at the end of the conversation', () => {
    expect(messagesOf([user('hi'), assistant('hello'), TRIGGER])).toEqual([
      user('hi'),
      assistant('hello'),
      user(CHECKPOINT_PROMPT),
    ])
  })

  test('keeps the tools for the cache, forbids calls, and lets no format bend the note', () => {
    const asked = {
      model: 'm',
      input: [user('hi'), TRIGGER],
      tools: [functionTool('look')],
      text: { format: { type: 'json_object' }, verbosity: 'low' },
    }
    const { request } = toCompactionRequest(readResponsesRequest(asked))
    const { chat } = translate(request)
    expect(chat.tools).toHaveLength(1)
    expect(chat.tool_choice).toBe('none')
    expect(chat.response_format).toBeUndefined()
    expect(chat['verbosity']).toBe('low')
  })

  test('anywhere but at the end is an error that names its place', () => {
    expect(() => readResponsesRequest({ input: [TRIGGER, user('hi')] })).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'input[0]' }),
    )
  })

  const chain = [
    developer('Be brief.'),
    user('first'),
    call('a'),
    output('a'),
    assistant('answer'),
    TRIGGER,
  ]

  test('that was answered leaves of what was before it only what the model did not say', () => {
    expect(messagesOf([...chain, compaction('Note.'), user('go on')])).toEqual([
      { role: 'system', content: 'Be brief.' },
      user('first'),
      summarised('Note.'),
      user('go on'),
    ])
  })

  test('keeps the tools that came with what it replaced', () => {
    const tools = { type: 'additional_tools', tools: [functionTool('look')] }
    const { chat } = translate({ input: [tools, ...chain, compaction('Note.'), user('go on')] })
    expect(chat.tools).toMatchObject([{ function: { name: 'look' } }])
  })

  test('whose answer cannot be opened replaces nothing', () => {
    const foreign = { type: 'compaction', encrypted_content: 'foreign' }
    expect(messagesOf([...chain, foreign, user('go on')])).toHaveLength(6)
  })
})
