/**
 * Histories as clients record them, for properties: turns in order, each item with or without `type`
 * and `id`, calls of every kind under ids that repeat, outputs swapped, missing, interleaved with
 * messages, of text and of images; reasoning sealed, foreign and open.
 */
import fc from 'fast-check'
import { sealReasoning } from './helpers.ts'

export type Item = Record<string, unknown>

export interface Turn {
  readonly by: 'user' | 'assistant' | 'system'
  readonly items: readonly Item[]
  /** Whether a client sends its history as it stands after this turn. */
  readonly sent: boolean
}

export const IMAGE_DATA = 'iVBORw0KGgo'

/** Texts that occur once, so that a test can look for each. */
const text = fc.uuid().map((id) => `text ${id}`)
const image = fc.constantFrom<Item>(
  { type: 'input_image', image_url: `data:image/png;base64,${IMAGE_DATA}=`, detail: 'high' },
  { type: 'input_image', image_url: `data:image/jpeg;base64,${IMAGE_DATA}==` },
)

const either = (...items: fc.Arbitrary<Item>[]): fc.Arbitrary<Item> => fc.oneof(...items)

const inputText = text.map((value): Item => ({ type: 'input_text', text: value }))
const textParts = fc.array(inputText, { minLength: 1, maxLength: 3 })
const mixedParts = fc.array(fc.oneof(inputText, image), { minLength: 1, maxLength: 4 })

const withHabits = (item: fc.Arbitrary<Item>): fc.Arbitrary<Item> =>
  fc
    .tuple(item, fc.boolean(), fc.option(fc.uuid(), { nil: undefined }))
    .map(([body, typed, id]) => ({
      ...(typed ? { type: 'message' } : {}),
      ...(id === undefined ? {} : { id: `msg_${id}` }),
      ...body,
    }))

const userMessage = withHabits(
  fc.oneof(text, textParts, mixedParts).map((content) => ({ role: 'user', content })),
)

const systemMessage = withHabits(
  fc
    .tuple(fc.constantFrom('system', 'developer'), fc.oneof(text, textParts))
    .map(([role, content]) => ({ role, content })),
)

const assistantMessage = withHabits(
  fc
    .oneof(
      text,
      fc.constant(''),
      fc.array(
        text.map((value): Item => ({ type: 'output_text', text: value, annotations: [] })),
        { maxLength: 2 },
      ),
      text.map((refusal): Item[] => [{ type: 'refusal', refusal }]),
    )
    .map((content) => ({ role: 'assistant', content })),
)

const reasoning = fc
  .tuple(
    text,
    fc.constantFrom('sealed', 'foreign', 'summary', 'content', 'empty'),
    fc.option(fc.uuid(), { nil: undefined }),
  )
  .map(([value, kind, id]): Item => {
    const base = { type: 'reasoning', ...(id === undefined ? {} : { id: `rs_${id}` }), summary: [] }
    switch (kind) {
      case 'sealed':
        return { ...base, encrypted_content: sealReasoning({ text: value }) }
      case 'foreign':
        return {
          ...base,
          summary: [{ type: 'summary_text', text: value }],
          encrypted_content: 'gAAAA',
        }
      case 'summary':
        return { ...base, summary: [{ type: 'summary_text', text: value }], content: null }
      case 'content':
        return { ...base, content: [{ type: 'reasoning_text', text: value }] }
      default:
        return base
    }
  })

interface Exchange {
  readonly call: Item
  /** Undefined for an interrupted call. */
  readonly output: Item | undefined
}

const argumentsText = fc.oneof(
  text.map((value) => JSON.stringify({ value })),
  fc.constantFrom('', 'null', '[1]', '{"cut', 'plain text', '{}', '{ "spaced" : 1 }'),
)

/** A small pool: ids repeat within a turn and over turns. */
const callId = fc.constantFrom('call_1', 'call_2', 'call_1_2', 'a', 'b')

const outputContent = fc.oneof(text, fc.constant(''), textParts, mixedParts)

const exchange: fc.Arbitrary<Exchange> = fc
  .record({
    id: callId,
    kind: fc.constantFrom('function', 'namespaced', 'custom', 'shell', 'undeclared', 'without id'),
    args: argumentsText,
    content: outputContent,
    answered: fc.boolean(),
  })
  .map(({ id, kind, args, content, answered }) => {
    const output = (type: string): Item => ({ type, call_id: id, output: content })
    const made = (call: Item, type = 'function_call_output'): Exchange => ({
      call: { call_id: id, ...call },
      output: answered ? output(type) : undefined,
    })
    switch (kind) {
      case 'namespaced':
        return made({ type: 'function_call', name: 'find', namespace: 'mcp__x', arguments: args })
      case 'custom':
        return made(
          { type: 'custom_tool_call', name: 'apply_patch', input: args },
          'custom_tool_call_output',
        )
      case 'shell':
        return made({ type: 'shell_call', action: { commands: [args] } })
      case 'without id':
        return {
          call: { type: 'function_call', name: 'look', arguments: args },
          output: undefined,
        }
      case 'undeclared':
        return made({ type: 'function_call', name: 'gone.tool', arguments: args })
      default:
        return made({ type: 'function_call', name: 'look', arguments: args })
    }
  })

/** Outputs that answer nothing: Codex's goal notes, and calls that a client has forgotten. */
const orphan = fc.tuple(outputContent, fc.boolean()).map(
  ([content, named]): Item => ({
    type: 'function_call_output',
    ...(named ? { name: 'goal', namespace: 'agent' } : { call_id: 'forgotten' }),
    output: content,
  }),
)

/** Behind a word of the assistant's: no client goes on from what it sent with an output. */
const earlyExchange = (id: string): readonly Item[] => [
  { role: 'assistant', content: 'First of all:' },
  { type: 'function_call_output', call_id: id, output: 'before its call' },
  { type: 'function_call', call_id: id, name: 'look', arguments: '{}' },
]

const userTurn: fc.Arbitrary<Turn> = fc
  .array(userMessage, { minLength: 1, maxLength: 2 })
  .map((items) => ({ by: 'user', items, sent: true }))

const assistantTurn: fc.Arbitrary<Turn> = fc
  .record({
    before: fc.array(either(reasoning, assistantMessage), { maxLength: 3 }),
    exchanges: fc.array(exchange, { maxLength: 4 }),
    amid: fc.option(either(reasoning, assistantMessage), { nil: undefined }),
    interjected: fc.option(either(systemMessage, userMessage), { nil: undefined }),
    orphans: fc.array(orphan, { maxLength: 1 }),
    early: fc.option(fc.uuid(), { nil: undefined }),
    repeated: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ before, exchanges, amid, interjected, orphans, early, repeated, seed }): Turn => {
    const calls = exchanges.map(({ call }) => call)
    const outputs = exchanges.flatMap<Item>(({ output }) => output ?? [])
    const swapped = seed % 3 === 0 ? outputs.toReversed() : outputs
    const again = repeated && outputs[0] !== undefined ? [{ ...outputs[0], output: 'again' }] : []
    const place = calls.length === 0 ? 0 : seed % calls.length
    const items: Item[] = [
      ...before,
      ...(early === undefined ? [] : earlyExchange(early)),
      ...calls.slice(0, place),
      ...(amid === undefined ? [] : [amid]),
      ...calls.slice(place),
      ...(interjected === undefined ? [] : [interjected]),
      ...swapped,
      ...again,
      ...orphans,
    ]
    return { by: 'assistant', items, sent: swapped.length > 0 || orphans.length > 0 }
  })

const systemTurn: fc.Arbitrary<Turn> = systemMessage.map((item) => ({
  by: 'system',
  items: [item],
  sent: false,
}))

export interface Conversation {
  readonly instructions: string | undefined
  readonly head: readonly Item[]
  readonly turns: readonly Turn[]
}

export const conversation: fc.Arbitrary<Conversation> = fc.record({
  instructions: fc.option(text, { nil: undefined }),
  head: fc.array(systemMessage, { maxLength: 3 }),
  turns: fc
    .tuple(
      userTurn,
      fc.array(
        fc.oneof(
          { weight: 3, arbitrary: assistantTurn },
          { weight: 2, arbitrary: userTurn },
          { weight: 1, arbitrary: systemTurn },
        ),
        { maxLength: 8 },
      ),
      fc.boolean(),
    )
    .map(([first, rest, late]) => answerLate([first, ...rest], late)),
})

/** A slow call whose output comes when the user has spoken and the assistant has gone on. */
function answerLate(turns: readonly Turn[], late: boolean): readonly Turn[] {
  const from = turns.findIndex(({ by }) => by === 'assistant')
  const spoke = turns.findIndex(({ by }, index) => by === 'user' && index > from)
  const to = turns.findIndex(({ by }, index) => by === 'assistant' && index > spoke)
  if (!late || from === -1 || spoke === -1 || to === -1) return turns
  const call: Item = { type: 'function_call', call_id: 'slow', name: 'look', arguments: '{}' }
  const word: Item = { role: 'assistant', content: 'Meanwhile:' }
  const output: Item = { type: 'function_call_output', call_id: 'slow', output: 'at last' }
  return turns.map((turn, index) => {
    if (index === from) return { ...turn, items: [call, ...turn.items] }
    if (index === to) return { ...turn, items: [word, output, ...turn.items] }
    return turn
  })
}

/** The request that a client sends after its first `count` turns. */
export function requestAfter({ instructions, head, turns }: Conversation, count: number) {
  return {
    instructions,
    input: [...head, ...turns.slice(0, count).flatMap(({ items }) => items)],
  }
}

/** Every generated text of a request, wherever it stands. */
export function textsOf(json: unknown): string[] {
  return JSON.stringify(json).match(/text [0-9a-f-]{36}/g) ?? []
}
