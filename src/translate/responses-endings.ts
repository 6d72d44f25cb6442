/** The response with which a relayed stream ends: the upstream's, mended, or one of the bridge's. */
import type { ResponseEcho } from '../protocol/responses/response.ts'
import type { Usage } from '../protocol/usage.ts'
import type { AnswerOutcome } from './answer.ts'
import { isRecord } from './narrow.ts'
import { standingOf } from './to-responses/standing.ts'
import { toUpstreamError } from './upstream-error.ts'
import { readUsage, toResponseUsage } from './usage.ts'

type JsonObject = Readonly<Record<string, unknown>>

export interface EndingByUpstream {
  readonly by: 'upstream'
  readonly type: string
  readonly event: JsonObject
  /** The event's own text; undefined for what came as a body. */
  readonly data: string | undefined
  /** Its response, without what no client may see. */
  readonly said: JsonObject
}

export interface EndingByBridge {
  readonly by: 'bridge'
  /** Which of the bridge's limits it was. */
  readonly metadata: Readonly<Record<string, string>>
}

export const TERMINALS: ReadonlyMap<string, AnswerOutcome['status']> = new Map([
  ['response.completed', 'completed'],
  ['response.incomplete', 'incomplete'],
  ['response.failed', 'failed'],
])

/** Codex takes a model name there that is not the one it asked for as a warning to its user. */
export function withoutModelHeader(event: JsonObject): JsonObject {
  const { response } = event
  if (!isRecord(response) || !isRecord(response['headers'])) return event
  const headers = Object.entries(response['headers']).filter(
    ([name]) => name.toLowerCase() !== 'openai-model',
  )
  return { ...event, response: { ...response, headers: Object.fromEntries(headers) } }
}

/**
 * What has to be put in place of members of the upstream's last response; undefined for nothing.
 *
 * @param own The opening that the client was given by the bridge: the response keeps its name.
 */
export function changeUpstreamResponse(
  said: JsonObject,
  own: ResponseEcho | undefined,
  estimate: Usage | undefined,
): JsonObject | undefined {
  const change: Record<string, unknown> = {}
  if (own !== undefined) {
    change['id'] = own.id
    change['created_at'] = own.created_at
  }
  if (estimate !== undefined && readUsage(said['usage']) === undefined) {
    change['usage'] = toResponseUsage(estimate)
  }
  const failure = said['error']
  if (isRecord(failure)) {
    // The reading takes keys and markup out of the upstream's words.
    const { message } = toUpstreamError(failure)
    if (message !== failure['message']) change['error'] = { ...failure, message }
  }
  return Object.keys(change).length === 0 ? undefined : change
}

/** A response that the bridge ends itself, on what the client was told of it before. */
export function endResponse(
  base: JsonObject,
  outcome: AnswerOutcome,
  output: readonly JsonObject[],
  metadata: Readonly<Record<string, string>>,
  estimate: Usage | undefined,
): JsonObject {
  const known = isRecord(base['metadata']) ? base['metadata'] : {}
  const incompleteReason = outcome.status === 'incomplete' ? 'max_output_tokens' : undefined
  return {
    ...base,
    // It is never complete, so no time of completion is asked for.
    ...standingOf({ outcome, incompleteReason }, estimate, 0),
    output,
    metadata: { ...known, ...metadata },
  }
}
