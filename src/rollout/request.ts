/**
 * What a task app is posted for one seed.
 *
 * - `sdk`: one request for the three generations of the SDK and the flat form. Their models ignore what
 *   they do not know, so each finds its own fields in it.
 * - `flat`: only the flat form, for an app that refuses unknown fields.
 * - `container`: the container contract, whose models are strict and which gets no credentials. Newer
 *   containers have no `seed` at the top level and read `env.seed`.
 */

export const DIALECTS = ['sdk', 'flat', 'container'] as const
export type Dialect = (typeof DIALECTS)[number]

export interface RolloutOrder {
  readonly seed: number
  readonly model: string
  readonly trialId: string
  readonly correlationId: string
  /** As the bridge gave it. */
  readonly inferenceUrl: string
  /** From `/task_info`. */
  readonly environment: string | undefined
  readonly maxSeconds: number
  /** Texts by field, of a container's prompt program. */
  readonly fields: Readonly<Record<string, string>>
}

/** What apps take for an OpenAI server; what is behind it is the bridge's business. */
const PROVIDER = 'openai'

export function toRolloutBody(dialect: Dialect, order: RolloutOrder): Record<string, unknown> {
  switch (dialect) {
    case 'sdk':
      return { ...toSdkBody(order), ...toFlatBody(order) }
    case 'flat':
      return toFlatBody(order)
    case 'container':
      return { seed: order.seed, ...toContainerBody(order) }
  }
}

/** For a container that has refused the field `seed`. */
export function toSeedlessBody(order: RolloutOrder): Record<string, unknown> {
  return { env: { seed: order.seed }, ...toContainerBody(order) }
}

function toSdkBody(order: RolloutOrder): Record<string, unknown> {
  const { seed, model, trialId, correlationId, inferenceUrl, environment, maxSeconds } = order
  return {
    run_id: trialId,
    trace_correlation_id: correlationId,
    mode: 'eval',
    env: { ...(environment !== undefined && { env_name: environment }), config: {}, seed },
    policy: {
      config: {
        model,
        provider: PROVIDER,
        inference_url: inferenceUrl,
        trace_correlation_id: correlationId,
      },
    },
    ops: [],
    record: { trajectories: true, return_trace: true, trace_format: 'compact' },
    on_done: 'reset',
    safety: { max_ops: 100_000, max_time_s: maxSeconds },
  }
}

const toFlatBody = ({ seed, model, inferenceUrl }: RolloutOrder): Record<string, unknown> => ({
  seed,
  inputs: {},
  policy_config: { inference_url: inferenceUrl, model },
})

const toContainerBody = ({
  model,
  inferenceUrl,
  fields,
}: RolloutOrder): Record<string, unknown> => ({
  candidate: fields,
  submission_mode: 'sync',
  policy: {
    provider: PROVIDER,
    model,
    base_url: toBaseUrl(inferenceUrl),
    // Whose credentials: the other mode there is wants a proxy that is not on this machine.
    credential_mode: 'byok',
    tool_call_style: 'openai_chat',
  },
})

/**
 * The same URL for a client that puts `/chat/completions` behind it as text: the correlation id is a
 * part of the path there, as a query would end up in the middle.
 *
 * ```
 *   http://h/api/interceptor/v1/T?cid=trace_T   http://h/api/interceptor/v1/T/trace_T
 * ```
 */
export function toBaseUrl(inferenceUrl: string): string {
  const url = new URL(inferenceUrl)
  const correlationId = url.searchParams.get('cid')
  const path = url.pathname.replace(/\/+$/, '')
  const segment = correlationId === null ? '' : `/${encodeURIComponent(correlationId)}`
  return url.origin + path + segment
}
