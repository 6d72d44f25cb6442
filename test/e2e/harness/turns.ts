/**
 * What the test's upstream answers to one request, on the Chat Completions wire. Builders for the
 * usual answers; a test that needs an odd one writes its frames itself.
 */

export type Turn =
  | {
      readonly kind: 'stream'
      readonly frames: readonly string[]
      /** `cut`: the connection breaks after the frames; `hang`: it stays open and silent. */
      readonly ending: 'end' | 'cut' | 'hang'
      /** Silence after the first frame, before anything of the answer. */
      readonly pauseMs?: number
    }
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }

export interface TurnUsage {
  readonly prompt: number
  readonly completion: number
  /** Of the prompt. */
  readonly cached?: number
  /** Of the completion. */
  readonly reasoning?: number
}

interface TurnCall {
  readonly id: string
  readonly name: string
  readonly arguments: unknown
}

export interface TurnParts {
  readonly reasoning?: string
  readonly text?: string
  readonly refusal?: string
  /** `tool_calls` where there are calls, else `stop`, by default. */
  readonly finish?: string
  readonly calls?: readonly TurnCall[]
  readonly usage?: TurnUsage
  /** How many characters of arguments go into a chunk; all of them by default. */
  readonly pieceChars?: number
  /** Fragments of several calls take turns instead of following each other. */
  readonly interleaved?: boolean
}

const DONE = 'data: [DONE]\n\n'

const frame = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`

const chunk = (delta: unknown, finishReason: string | null = null) =>
  frame({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'upstream-model',
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  })

const usageOf = ({ prompt, completion, cached, reasoning }: TurnUsage) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
  ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
})

const DEFAULT_USAGE: TurnUsage = { prompt: 1_000, completion: 20 }

/** A whole streamed answer. */
export function answer(parts: TurnParts): Turn {
  const calls = parts.calls ?? []
  const fragments = calls.map((call, index) => callDeltas(call, index, parts.pieceChars))
  const deltas: unknown[] = [
    { role: 'assistant', content: '' },
    ...words(parts.reasoning).map((reasoning_content) => ({ reasoning_content })),
    ...words(parts.text).map((content) => ({ content })),
    ...words(parts.refusal).map((refusal) => ({ refusal })),
    ...(parts.interleaved === true ? takeTurns(fragments) : fragments.flat()),
  ]
  return {
    kind: 'stream',
    frames: [
      ...deltas.map((delta) => chunk(delta)),
      chunk({}, finishOf(parts)),
      frame({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        choices: [],
        usage: usageOf(parts.usage ?? DEFAULT_USAGE),
      }),
      DONE,
    ],
    ending: 'end',
  }
}

/** The same as one body, for who does not stream. */
export function completion(parts: TurnParts): Turn {
  const calls = (parts.calls ?? []).map(({ id, name, arguments: args }) => ({
    id,
    type: 'function',
    function: { name, arguments: jsonOf(args) },
  }))
  const message = {
    role: 'assistant',
    content: parts.text ?? null,
    refusal: parts.refusal ?? null,
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  return {
    kind: 'answer',
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'upstream-model',
      choices: [{ index: 0, message, finish_reason: finishOf(parts) }],
      usage: usageOf(parts.usage ?? DEFAULT_USAGE),
    }),
  }
}

const finishOf = ({ finish, calls = [] }: TurnParts) =>
  finish ?? (calls.length > 0 ? 'tool_calls' : 'stop')

const jsonOf = (args: unknown) => (typeof args === 'string' ? args : JSON.stringify(args))

export const say = (text: string, usage?: TurnUsage): Turn =>
  answer({ text, ...(usage !== undefined && { usage }) })

export const call = (name: string, args: unknown, id = `call_${name}`): Turn =>
  answer({ calls: [{ id, name, arguments: args }] })

/** An answer that breaks off in the middle of its text, before any finish. */
export function brokenOff(text: string): Turn {
  return { kind: 'stream', frames: [chunk({ role: 'assistant', content: text })], ending: 'cut' }
}

/** An answer that begins and then says nothing more. */
export function fallsSilent(text: string): Turn {
  return { kind: 'stream', frames: [chunk({ role: 'assistant', content: text })], ending: 'hang' }
}

export function refuse(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Turn {
  const error = { message, type: 'error', param: null, code: null }
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ error }),
  }
}

function callDeltas({ id, name, arguments: args }: TurnCall, index: number, pieceChars?: number) {
  const json = jsonOf(args)
  const pieces = json.match(new RegExp(`[^]{1,${pieceChars ?? json.length}}`, 'g')) ?? []
  return [
    { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] },
    ...pieces.map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ]
}

function takeTurns(rows: readonly (readonly unknown[])[]): unknown[] {
  const longest = Math.max(0, ...rows.map((row) => row.length))
  return Array.from({ length: longest }, (_, at) =>
    rows.flatMap((row) => row.slice(at, at + 1)),
  ).flat()
}

const words = (text = '') => text.match(/\S+\s*/g) ?? []
