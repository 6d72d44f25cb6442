/** The requests the client sends. Every target gets the same bytes; the pipe does not read them. */
import { type AnswerShape, MARK, TOOL_NAME, toModelName } from './wire.ts'

const INSTRUCTIONS = 'You are a careful engineer. Answer shortly, in plain words. '.repeat(20)

const TOOL = {
  type: 'function',
  name: TOOL_NAME,
  description: 'Writes a note.',
  strict: false,
  parameters: { type: 'object', properties: { note: { type: 'string' } }, required: ['note'] },
}

function message(role: 'user' | 'assistant', text: string): object {
  const type = role === 'user' ? 'input_text' : 'output_text'
  return { type: 'message', role, content: [{ type, text }] }
}

function toBody(shape: AnswerShape, input: readonly object[]): string {
  // The model first: the upstream looks for its name from the start.
  return JSON.stringify({
    model: toModelName(shape),
    instructions: INSTRUCTIONS,
    input,
    tools: [TOOL],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    store: false,
    stream: true,
  })
}

export function buildRequest(shape: AnswerShape): string {
  return toBody(shape, [message('user', 'Please write.')])
}

const OUTPUT_LINE =
  'src/translate/index.ts:120:  const next = step(state, "chunk")\n\treturn [next]\n'
const OUTPUT = OUTPUT_LINE.repeat(40)

/**
 * A history as a coding client sends it, about `bytes` long: questions, calls, their outputs and
 * answers. Each item holds one mark, so that the upstream can tell that all of them arrived.
 */
export function buildHistory(bytes: number): {
  readonly body: string
  readonly shape: AnswerShape
} {
  const input: object[] = []
  let length = 0
  for (let turn = 0; length < bytes; turn++) {
    const call_id = `call_${turn}`
    const items = [
      message('user', `Step ${turn}: look for the next place and mend it.${MARK}`),
      {
        type: 'function_call',
        call_id,
        name: TOOL_NAME,
        arguments: JSON.stringify({ note: `rg -n "step ${turn}" src${MARK}` }),
      },
      { type: 'function_call_output', call_id, output: OUTPUT + MARK },
      message('assistant', `Step ${turn} is done: the state machine's branch is mended.${MARK}`),
    ]
    for (const item of items) length += JSON.stringify(item).length
    input.push(...items)
  }
  input.push(message('user', 'Please go on.'))
  const requestMarks = input.length - 1
  const shape: AnswerShape = { kind: 'text', deltas: 10, requestMarks }
  return { body: toBody(shape, input), shape }
}
