/**
 * The fields beside the conversation and the tools: sampling, limits, formats, keys. Carried where
 * chat has a word for them and the upstream takes it, else named.
 */
import type { ChatRequest } from '../../protocol/chat/request.ts'
import type { ResponsesRequest } from '../../protocol/responses/request.ts'
import type { ChatDialect } from '../dialect.ts'
import type { Drop } from './dropped.ts'
import { toResponseFormat } from './format.ts'

const LOGPROBS_INCLUDE = 'message.output_text.logprobs'

/** `include` values that the bridge serves itself. */
const SERVED_INCLUDES: ReadonlySet<string> = new Set([
  LOGPROBS_INCLUDE,
  'reasoning.encrypted_content',
])

/**
 * Fields read here or elsewhere, or meant for the bridge and not for the model. `metadata` is only
 * stored; `client_metadata` is Codex's own and private.
 */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'model',
  'input',
  'instructions',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_output_tokens',
  'max_tool_calls',
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'top_logprobs',
  'reasoning',
  'text',
  'include',
  'store',
  'background',
  'previous_response_id',
  'conversation',
  'truncation',
  'metadata',
  'client_metadata',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'moderation',
  'safety_identifier',
  'service_tier',
  'user',
])

export interface Setting {
  /** The field of the chat request, which a dialect may refuse. */
  readonly field: string
  readonly value: unknown
  /** Its name on the client's side, under which a loss is reported. */
  readonly origin: string
}

/** In the order in which they are sent. Absent and null values are not settings. */
export function toSettings(
  request: ResponsesRequest,
  dialect: ChatDialect,
  maxOutputTokens: number | undefined,
  drop: Drop,
): readonly Setting[] {
  const same = (field: keyof ResponsesRequest & string): Setting => ({
    field,
    value: request[field],
    origin: field,
  })
  const settings: readonly Setting[] = [
    {
      field: 'response_format',
      value: toResponseFormat(request, dialect, drop),
      origin: 'text.format',
    },
    { field: 'verbosity', value: request.text?.verbosity, origin: 'text.verbosity' },
    { field: 'reasoning_effort', value: request.reasoning?.effort, origin: 'reasoning.effort' },
    same('temperature'),
    same('top_p'),
    same('presence_penalty'),
    same('frequency_penalty'),
    {
      field: dialect.maxTokensField,
      value: capTokens(request.max_output_tokens, maxOutputTokens),
      origin: 'max_output_tokens',
    },
    ...toLogprobs(request),
    same('prompt_cache_key'),
    same('prompt_cache_retention'),
    same('prompt_cache_options'),
    same('moderation'),
    same('safety_identifier'),
    same('service_tier'),
    same('user'),
  ]
  return settings.filter(({ value }) => value !== undefined && value !== null)
}

/** Writes what the upstream takes into `chat`, and names what it refuses. */
export function applySettings(
  chat: ChatRequest,
  settings: readonly Setting[],
  { unsupported }: ChatDialect,
  drop: Drop,
): void {
  for (const { field, value, origin } of settings) {
    if (unsupported.includes(field)) drop(origin)
    else chat[field] = value
  }
}

/** Names every field that chat has no word for, and that the bridge does not serve. */
export function dropUncarried(request: ResponsesRequest, drop: Drop): void {
  for (const [field, value] of Object.entries(request)) {
    if (value !== undefined && value !== null && !KNOWN_FIELDS.has(field)) drop(field)
  }
  for (const name of request.include ?? []) {
    if (!SERVED_INCLUDES.has(name)) drop(`include.${name}`)
  }
  dropMembers(request.text, ['format', 'verbosity'], 'text', drop)
  dropMembers(
    request.reasoning,
    ['effort', 'summary', 'generate_summary', 'context'],
    'reasoning',
    drop,
  )
  // All reasoning that the client sends goes back: that is "all_turns", and what "auto" may be.
  if (request.reasoning?.['context'] === 'current_turn') drop('reasoning.context')
}

function dropMembers(
  object: Readonly<Record<string, unknown>> | null | undefined,
  known: readonly string[],
  prefix: string,
  drop: Drop,
): void {
  for (const [name, value] of Object.entries(object ?? {})) {
    if (value !== undefined && value !== null && !known.includes(name)) drop(`${prefix}.${name}`)
  }
}

/** Without a wish of the client's nothing is sent: the upstream's own default is not ours to guess. */
export function capTokens(
  wanted: number | null | undefined,
  ceiling: number | undefined,
): number | undefined {
  if (wanted === undefined || wanted === null) return undefined
  return ceiling === undefined ? wanted : Math.min(wanted, ceiling)
}

function toLogprobs({ include, top_logprobs }: ResponsesRequest): readonly Setting[] {
  const wanted = include?.includes(LOGPROBS_INCLUDE) === true
  // 0 is the default that some clients send with every request.
  if (!wanted && !top_logprobs) return []
  return [
    {
      field: 'logprobs',
      value: true,
      origin: wanted ? `include.${LOGPROBS_INCLUDE}` : 'top_logprobs',
    },
    { field: 'top_logprobs', value: top_logprobs, origin: 'top_logprobs' },
  ]
}
