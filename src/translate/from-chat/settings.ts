/** The fields beside the conversation and the tools, carried where Responses has a word for them. */
import type { TranslatedChatRequest } from '../../protocol/chat/client-request.ts'
import { invalidRequest } from '../../protocol/responses/read.ts'
import { isRecord } from '../narrow.ts'
import { SEALED_DETAIL } from '../reasoning-details.ts'
import type { Drop } from '../to-chat/dropped.ts'
import type { Setting } from '../to-chat/settings.ts'
import type { JsonObject } from './content.ts'

/** Fields that mean the same on both wires. */
const SAME_FIELDS = [
  'temperature',
  'top_p',
  'parallel_tool_calls',
  'metadata',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'safety_identifier',
  'service_tier',
  'user',
  'moderation',
] as const

/** Read here or elsewhere, or meant for the bridge and not for the model: `client_metadata` is private. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...SAME_FIELDS,
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'presence_penalty',
  'frequency_penalty',
  'n',
  'logprobs',
  'top_logprobs',
  'reasoning_effort',
  'reasoning',
  'verbosity',
  'response_format',
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'modalities',
  'store',
  'stop',
  'logit_bias',
  'client_metadata',
])

/** In the order in which they are sent. Absent, null and empty values are not settings. */
export function toSettings(request: TranslatedChatRequest, drop: Drop): readonly Setting[] {
  const settings: readonly Setting[] = [
    {
      field: 'max_output_tokens',
      value: request.max_completion_tokens ?? request.max_tokens,
      origin: 'max_completion_tokens',
    },
    { field: 'reasoning', value: toReasoning(request, drop), origin: 'reasoning_effort' },
    { field: 'text', value: toText(request, drop), origin: 'response_format' },
    { field: 'include', value: toInclude(request), origin: 'logprobs' },
    { field: 'top_logprobs', value: request.top_logprobs || undefined, origin: 'top_logprobs' },
    // 0 is the default that some clients send with every request, and OpenAI's API has no such field.
    {
      field: 'presence_penalty',
      value: request.presence_penalty || undefined,
      origin: 'presence_penalty',
    },
    {
      field: 'frequency_penalty',
      value: request.frequency_penalty || undefined,
      origin: 'frequency_penalty',
    },
    ...SAME_FIELDS.map((field) => ({ field, value: request[field], origin: field })),
  ]
  return settings.filter(({ value }) => value !== undefined && value !== null)
}

/** Names every field that Responses has no word for. */
export function dropUncarried(request: TranslatedChatRequest, drop: Drop): void {
  for (const [field, value] of Object.entries(request)) {
    if (value !== undefined && value !== null && !KNOWN_FIELDS.has(field)) drop(field)
  }
  if (!isNothing(request['stop'])) drop('stop')
  if (!isNothing(request['logit_bias'])) drop('logit_bias')
  if (request.modalities?.some((modality) => modality !== 'text')) drop('modalities')
  // Nothing is kept upstream on the client's behalf, whatever it wished.
  if (request.store === true) drop('store')
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return Array.isArray(value)
    ? value.length === 0
    : isRecord(value) && Object.keys(value).length === 0
}

function toReasoning(request: TranslatedChatRequest, drop: Drop): JsonObject | undefined {
  const { effort: innerEffort, summary, ...rest } = request.reasoning ?? {}
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined && value !== null) drop(`reasoning.${name}`)
  }
  const effort = request.reasoning_effort ?? innerEffort
  if (!effort && !summary) return undefined
  return { ...(effort ? { effort } : {}), ...(summary ? { summary } : {}) }
}

function toText(request: TranslatedChatRequest, drop: Drop): JsonObject | undefined {
  const format = toFormat(request, drop)
  const { verbosity } = request
  if (format === undefined && !verbosity) return undefined
  return { ...(format === undefined ? {} : { format }), ...(verbosity ? { verbosity } : {}) }
}

/** @throws {BridgeError} invalid_request for a json_schema format without a schema. */
function toFormat(
  { response_format: format }: TranslatedChatRequest,
  drop: Drop,
): JsonObject | undefined {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return { type: 'json_object' }
    case 'json_schema': {
      const given = format.json_schema
      if (!given?.schema) {
        throw invalidRequest('response_format.json_schema.schema', 'an object', given?.schema)
      }
      const { name, description, schema, strict } = given
      return {
        type: 'json_schema',
        name,
        ...(description ? { description } : {}),
        schema,
        ...(typeof strict === 'boolean' ? { strict } : {}),
      }
    }
    default:
      drop('response_format')
      return undefined
  }
}

/**
 * Sealed reasoning is asked for where the client shows that the model reasons, as OpenAI refuses the
 * wish for a model that does not.
 */
function toInclude(request: TranslatedChatRequest): string[] | undefined {
  const include = [
    ...(request.logprobs === true ? ['message.output_text.logprobs'] : []),
    ...(reasons(request) ? ['reasoning.encrypted_content'] : []),
  ]
  return include.length === 0 ? undefined : include
}

function reasons({
  reasoning_effort: effort,
  reasoning,
  messages,
}: TranslatedChatRequest): boolean {
  const asked = effort ?? reasoning?.effort
  if (asked) return asked !== 'none'
  if (reasoning?.summary) return true
  return messages.some(({ reasoning_details: details }) =>
    Array.isArray(details)
      ? details.some((detail) => isRecord(detail) && detail['type'] === SEALED_DETAIL)
      : false,
  )
}
