/**
 * Reads one whole answer of a target, slowly and exactly, before the target is timed with it: every
 * delta in its place, the text byte for byte, the right ending. Gives what the fast check of the
 * load then counts.
 */
import type { Expected } from './answer-check.ts'
import type { Dialect } from './targets.ts'
import { type AnswerShape, countMarks, TEXT_AFTER_REASONING, wholeText } from './wire.ts'

interface Seen {
  readonly deltas: readonly string[]
  readonly text: string
  readonly ending: string
}

/** Any JSON, read by path; the guard compares leaves and needs no types in between. */
function at(json: unknown, ...path: (string | number)[]): unknown {
  let value: unknown = json
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

function readChat(payloads: readonly unknown[], { kind }: AnswerShape): Seen {
  const path = {
    text: ['content'],
    unicode: ['content'],
    reasoning: ['reasoning_content'],
    tool: ['tool_calls', 0, 'function', 'arguments'],
  }[kind]
  const deltas = payloads.flatMap((payload) => {
    const delta = at(payload, 'choices', 0, 'delta', ...path)
    return typeof delta === 'string' && delta !== '' ? [delta] : []
  })
  const finish = payloads.map((payload) => at(payload, 'choices', 0, 'finish_reason')).find(Boolean)
  return { deltas, text: deltas.join(''), ending: String(finish) }
}

function readResponses(payloads: readonly unknown[], { kind }: AnswerShape): Seen {
  const type = {
    text: 'response.output_text.delta',
    unicode: 'response.output_text.delta',
    reasoning: 'response.reasoning_summary_text.delta',
    tool: 'response.function_call_arguments.delta',
  }[kind]
  const path = {
    text: ['content', 0, 'text'],
    unicode: ['content', 0, 'text'],
    reasoning: ['summary', 0, 'text'],
    tool: ['arguments'],
  }[kind]
  const deltas = payloads.flatMap((payload) =>
    at(payload, 'type') === type ? [String(at(payload, 'delta'))] : [],
  )
  const last = payloads.at(-1)
  return {
    deltas,
    text: String(at(last, 'response', 'output', 0, ...path)),
    ending: String(at(last, 'type')),
  }
}

function findFault(seen: Seen, shape: AnswerShape, dialect: Dialect): string | undefined {
  const text = wholeText(shape)
  const ending =
    dialect.wire === 'responses'
      ? 'response.completed'
      : shape.kind === 'tool'
        ? 'tool_calls'
        : 'stop'
  // A tool call's arguments begin and end in deltas without a mark.
  const unmarked = shape.kind === 'tool' ? 2 : 0
  if (seen.deltas.join('') !== text) return 'the deltas do not add up to what the upstream sent'
  if (seen.text !== text) return 'the final text is not what the upstream sent'
  if (seen.deltas.length !== shape.deltas + unmarked) {
    return `${seen.deltas.length} deltas for ${shape.deltas + unmarked} chunks`
  }
  if (seen.ending !== ending) return `it ended in ${seen.ending}, not in ${ending}`
  return undefined
}

/** @throws {Error} when the answer is not exactly what the upstream said. */
export async function guardAnswer(
  url: string,
  body: string,
  shape: AnswerShape,
  dialect: Dialect,
): Promise<Expected> {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' }
  const response = await fetch(url, { method: 'POST', headers, body })
  const stream = await response.text()
  const name = `${url} with ${shape.kind}-${shape.deltas}`
  if (!response.ok) throw new Error(`${name}: status ${response.status}: ${stream.slice(0, 500)}`)
  if (!stream.endsWith('data: [DONE]\n\n')) throw new Error(`${name}: no [DONE] at the end`)
  const payloads = stream
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line): unknown => JSON.parse(line.slice('data: '.length)))
  const seen = dialect.wire === 'chat' ? readChat(payloads, shape) : readResponses(payloads, shape)
  const fault = findFault(seen, shape, dialect)
  if (fault !== undefined) throw new Error(`${name}: ${fault}: ${stream.slice(-600)}`)
  if (shape.kind === 'reasoning' && !stream.includes(TEXT_AFTER_REASONING)) {
    throw new Error(`${name}: the text after the reasoning is missing`)
  }
  return {
    deltas: shape.deltas,
    marks: countMarks(Buffer.from(stream)),
    terminal: dialect.terminal,
  }
}
