/**
 * What the scripted upstream says, as Chat Completions deltas: four kinds of answer, each whole and cut
 * off in its middle. Everything an expectation holds an answer against is read off these deltas.
 */

export interface CallDelta {
  readonly index: number
  readonly id?: string
  readonly type?: 'function'
  readonly function: { readonly name?: string; readonly arguments: string }
}

/** The members of a chat `delta` that the suite sends. */
export interface ChatDelta {
  readonly role?: 'assistant'
  readonly content?: string
  readonly reasoning_content?: string
  readonly tool_calls?: readonly CallDelta[]
}

export interface Content {
  readonly name: ContentName
  readonly title: string
  readonly deltas: readonly ChatDelta[]
  /** How many of the deltas arrive before a cut; the rest never does. */
  readonly cutAfter: number
  /** What an upstream says at the end of the whole answer. */
  readonly finishReason: 'stop' | 'tool_calls'
}

export interface SaidCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
  /** False when the arguments were cut off: running such a call would be an accident. */
  readonly isWhole: boolean
}

/** What some deltas say, put together. */
export interface Said {
  readonly reasoning: string
  readonly text: string
  readonly calls: readonly SaidCall[]
}

/** The tools that every request of the suite offers, in the flat shape of the Responses API. */
export const OFFERED_TOOLS = ['get_weather', 'get_time'].map((name) => ({
  type: 'function',
  name,
  description: `Part of a conformance test: ${name} of a city.`,
  strict: false,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
}))

const call = (index: number, id: string, name: string): ChatDelta => ({
  tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }],
})

const more = (index: number, text: string): ChatDelta => ({
  tool_calls: [{ index, function: { arguments: text } }],
})

export const CONTENTS = [
  {
    name: 'text',
    title: 'a message',
    // Beyond ASCII, so that a bridge that cuts characters apart is seen.
    deltas: [
      { role: 'assistant', content: 'Lemons' },
      { content: ' are yellow — ' },
      { content: 'mostly 🍋' },
      { content: '.' },
    ],
    cutAfter: 2,
    finishReason: 'stop',
  },
  {
    name: 'tool',
    title: 'one function call',
    deltas: [
      { role: 'assistant' },
      call(0, 'call_lisbon', 'get_weather'),
      more(0, '{"ci'),
      more(0, 'ty":"Lis'),
      more(0, 'bon"}'),
    ],
    cutAfter: 4,
    finishReason: 'tool_calls',
  },
  {
    name: 'parallel',
    title: 'two function calls',
    deltas: [
      { role: 'assistant' },
      call(0, 'call_porto', 'get_weather'),
      more(0, '{"city":'),
      more(0, '"Porto"}'),
      call(1, 'call_faro', 'get_time'),
      more(1, '{"city":"F'),
      more(1, 'aro"}'),
    ],
    cutAfter: 6,
    finishReason: 'tool_calls',
  },
  {
    name: 'reasoning',
    title: 'reasoning, then a message',
    deltas: [
      { role: 'assistant', reasoning_content: 'A question' },
      { reasoning_content: ' about fruit.' },
      { content: 'Limes are ' },
      { content: 'green.' },
    ],
    cutAfter: 2,
    finishReason: 'stop',
  },
] as const satisfies readonly (Omit<Content, 'name'> & { readonly name: string })[]

export type ContentName = (typeof CONTENTS)[number]['name']

export const cutDeltas = ({ deltas, cutAfter }: Content): readonly ChatDelta[] =>
  deltas.slice(0, cutAfter)

export function gather(deltas: readonly ChatDelta[]): Said {
  const calls = new Map<number, { id: string; name: string; arguments: string }>()
  for (const fragment of deltas.flatMap(({ tool_calls }) => tool_calls ?? [])) {
    const known = calls.get(fragment.index)
    calls.set(fragment.index, {
      id: known?.id ?? fragment.id ?? '',
      name: known?.name ?? fragment.function.name ?? '',
      arguments: (known?.arguments ?? '') + fragment.function.arguments,
    })
  }
  return {
    reasoning: deltas.map(({ reasoning_content }) => reasoning_content ?? '').join(''),
    text: deltas.map(({ content }) => content ?? '').join(''),
    // Every call of the suite is an object: it is whole when its brace is closed.
    calls: [...calls.values()].map((said) => ({ ...said, isWhole: said.arguments.endsWith('}') })),
  }
}
