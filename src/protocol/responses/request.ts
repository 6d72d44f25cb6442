/**
 * What a client may ask: the body of `POST …/responses`. Loose where the API grows (unknown fields
 * pass and are reported as dropped), typed where the bridge reads.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/create
 */
import { z } from 'zod'
import { BridgeError } from '../../errors.ts'
import { type InputItem, readInputItem } from './input.ts'
import { invalidRequest, readAs } from './read.ts'
import { readTool } from './tools.ts'

const nullish = <T extends z.ZodType>(schema: T) => schema.nullish()

/** One input item, or one tool. `type` decides the rest: `readInputItem`, `readTool`. */
const LooseObject = z.looseObject({})

export const ResponsesRequestSchema = z.looseObject({
  model: nullish(z.string()),
  input: nullish(z.union([z.string(), z.array(LooseObject)])),
  instructions: nullish(z.union([z.string(), z.array(LooseObject)])),
  stream: nullish(z.boolean()),
  stream_options: nullish(z.looseObject({ include_obfuscation: nullish(z.boolean()) })),
  tools: nullish(z.array(LooseObject)),
  tool_choice: nullish(
    z.union([z.enum(['auto', 'none', 'required']), z.looseObject({ type: z.string() })]),
  ),
  parallel_tool_calls: nullish(z.boolean()),
  max_tool_calls: nullish(z.int().min(0)),
  max_output_tokens: nullish(z.int().min(1)),
  temperature: nullish(z.number().min(0).max(2)),
  top_p: nullish(z.number().min(0).max(1)),
  presence_penalty: nullish(z.number().min(-2).max(2)),
  frequency_penalty: nullish(z.number().min(-2).max(2)),
  top_logprobs: nullish(z.int().min(0).max(20)),
  reasoning: nullish(
    z.looseObject({
      effort: nullish(z.string()),
      summary: nullish(z.string()),
    }),
  ),
  text: nullish(
    z.looseObject({
      format: nullish(z.looseObject({ type: z.string() })),
      verbosity: nullish(z.string()),
    }),
  ),
  include: nullish(z.array(z.string())),
  store: nullish(z.boolean()),
  background: nullish(z.boolean()),
  previous_response_id: nullish(z.string()),
  conversation: nullish(z.union([z.string(), LooseObject])),
  truncation: nullish(z.enum(['auto', 'disabled'])),
  metadata: nullish(z.record(z.string(), z.string())),
  prompt_cache_key: nullish(z.string()),
  safety_identifier: nullish(z.string()),
  service_tier: nullish(z.string()),
  user: nullish(z.string()),
})

export type ResponsesRequest = z.infer<typeof ResponsesRequestSchema>

/** A request with its items as they were read: once, because a history is often megabytes. */
export interface ReadRequest {
  readonly request: ResponsesRequest
  /** A text is one message of the user. */
  readonly input: readonly InputItem[]
  /** A text is one system message. */
  readonly instructions: readonly InputItem[]
}

/**
 * A client's body, checked down to its items and tools, so that an error names the place in what the
 * client sent rather than in a history the bridge has joined to it.
 *
 * @throws {BridgeError} invalid_request with the field as `param`.
 */
export function readResponsesRequest(json: unknown): ReadRequest {
  const request = readAs(ResponsesRequestSchema, json, '')
  requireInput(request)
  const input = readItems(request.input, 'input', 'user', readItemAndTools)
  requireTriggerLast(input)
  const instructions = readItems(request.instructions || null, 'instructions', 'system')
  checkTools(request.tools, 'tools')
  return { request, input, instructions }
}

/** The same, for whoever passes the request on. */
export function parseResponsesRequest(json: unknown): ResponsesRequest {
  return readResponsesRequest(json).request
}

function readItems(
  given: string | readonly unknown[] | null | undefined,
  at: string,
  role: 'user' | 'system',
  read = readInputItem,
): readonly InputItem[] {
  if (given === undefined || given === null) return []
  if (typeof given === 'string') return [{ type: 'message', role, content: given }]
  return given.map((item, index) => read(item, `${at}[${index}]`))
}

function requireInput(request: ResponsesRequest): void {
  const { input } = request
  const empty =
    input === undefined || input === null || (Array.isArray(input) && input.length === 0)
  if (!empty || request.previous_response_id || request.conversation) return
  if (Array.isArray(input) && request.instructions) return
  throw invalidRequest('input', 'a string or at least one item', input ?? undefined)
}

/** Behind a trigger there may be the compaction that it led to, of a history that was kept whole. */
function requireTriggerLast(input: readonly InputItem[]): void {
  const at = input.findLastIndex(({ type }) => type === 'compaction_trigger')
  if (at < 0 || at === input.length - 1) return
  const isAnswered = input
    .slice(at)
    .some(({ type }) => type === 'compaction' || type === 'compaction_summary')
  if (!isAnswered) {
    const param = `input[${at}]`
    throw new BridgeError(
      'invalid_request',
      `${param} is a compaction_trigger, which must be the last item.`,
      { param },
    )
  }
}

function readItemAndTools(raw: unknown, at: string): InputItem {
  const item = readInputItem(raw, at)
  if (item.type === 'additional_tools' || item.type === 'tool_search_output') {
    checkTools(item.tools, `${at}.tools`)
  }
  return item
}

function checkTools(tools: readonly unknown[] | null | undefined, at: string): void {
  for (const [index, tool] of (tools ?? []).entries()) readTool(tool, `${at}[${index}]`)
}
