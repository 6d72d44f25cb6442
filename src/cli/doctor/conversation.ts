/**
 * What a probe says: requests of the shape that Codex sends, as small as they can be, and what an answer
 * has to hold.
 */
import { isRecord, listOf, textOf, tryParse } from '../../translate/narrow.ts'

const INSTRUCTIONS =
  'You are being tried out. Do exactly what you are asked, in as few words as possible.'

const TOOL_NAME = 'read_note'

const TOOL = {
  type: 'function',
  name: TOOL_NAME,
  description: 'Reads the note with the given name.',
  strict: false,
  parameters: {
    type: 'object',
    properties: { name: { type: 'string', description: 'The name of the note.' } },
    required: ['name'],
    additionalProperties: false,
  },
}

const userMessage = (text: string) => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
})

/** Fields that Codex always sends: an upstream that refuses one of them refuses Codex. */
const asCodex = (model: string, input: readonly unknown[], tools: readonly unknown[]) => ({
  model,
  instructions: INSTRUCTIONS,
  input,
  tools,
  tool_choice: 'auto',
  parallel_tool_calls: false,
  store: false,
  stream: true,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: 'synth-doctor',
})

export const plainTurn = (model: string) =>
  asCodex(model, [userMessage('Reply with the one word: ready')], [])

const ASKED = userMessage(
  `Read the note called "today" with the tool ${TOOL_NAME}, then say in one short sentence what it says.`,
)

export const toolTurn = (model: string) => asCodex(model, [ASKED], [TOOL])

/** The turn after `toolTurn`: the model's own items go back to it, and what its call returned. */
export const resultTurn = (model: string, output: readonly unknown[], callId: string) =>
  asCodex(
    model,
    [
      ASKED,
      ...output,
      { type: 'function_call_output', call_id: callId, output: 'Buy three lemons.' },
    ],
    [TOOL],
  )

export type ToolCall =
  | { readonly is: 'made'; readonly callId: string }
  | { readonly is: 'wrong'; readonly why: string }
  | { readonly is: 'absent' }

/** The call that `toolTurn` asks for, in a Responses answer. */
export function findToolCall(output: readonly unknown[]): ToolCall {
  const call = output.filter(isRecord).find(({ type }) => type === 'function_call')
  if (call === undefined) return { is: 'absent' }
  const { name, call_id: callId } = call
  if (name !== TOOL_NAME) {
    return { is: 'wrong', why: `it called ${JSON.stringify(name)}, which does not exist` }
  }
  const written = textOf(call['arguments'])
  const given = tryParse(written)?.value
  if (!isRecord(given)) return { is: 'wrong', why: 'its arguments are no JSON object' }
  if (typeof given['name'] !== 'string') return { is: 'wrong', why: 'it left an argument out' }
  return { is: 'made', callId: textOf(callId) }
}

export function textOfOutput(output: readonly unknown[]): string {
  return output
    .filter(isRecord)
    .filter(({ type }) => type === 'message')
    .flatMap(({ content }) => listOf(content).filter(isRecord))
    .map(({ text }) => textOf(text))
    .join('')
}
