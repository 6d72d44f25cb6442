/** The one call a rollout makes, to whatever the inference URL leads to. */
import type { ChatMessage } from './task.ts'

/**
 * Where chat requests go, given the URL of a rollout. A query stays behind the path: it names the
 * rollout's trace.
 *
 * ```
 *   http://h/api/interceptor/v1/T?cid=x   http://h/api/interceptor/v1/T/chat/completions?cid=x
 *   http://h/v1/chat/completions          the same
 * ```
 */
export function chatUrlOf(inferenceUrl: string): string {
  const url = new URL(inferenceUrl)
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = path.endsWith('/chat/completions') ? path : `${path}/chat/completions`
  return url.href
}

export interface Policy {
  readonly inferenceUrl: string
  readonly model: string | undefined
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
}

export interface ModelAnswer {
  readonly text: string
  readonly usage: unknown
  readonly finishReason: string | null
}

/** The model could not be asked, or said nothing: the rollout has no reward. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
}

const TIMEOUT_MS = 600_000

/** @throws {ModelError} with what the other side had to say */
export async function askModel(
  policy: Policy,
  messages: readonly ChatMessage[],
): Promise<ModelAnswer> {
  const { inferenceUrl, model, temperature, maxTokens } = policy
  // No key: the URL itself is what gives access, and whoever made it adds the provider's.
  const response = await fetch(chatUrlOf(inferenceUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: model ?? null,
      messages,
      ...(temperature !== undefined && { temperature }),
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await response.text()
  if (!response.ok) {
    throw new ModelError(`The model answered HTTP ${response.status}: ${text.slice(0, 300)}`)
  }
  return readAnswer(text)
}

function readAnswer(text: string): ModelAnswer {
  const body = JSON.parse(text) as {
    choices?: { message?: { content?: unknown }; finish_reason?: string | null }[]
    usage?: unknown
    error?: { message?: string }
  }
  // Some providers answer 200 with an error in the body.
  if (body.error !== undefined) throw new ModelError(body.error.message ?? 'The model failed.')
  const [choice] = body.choices ?? []
  if (choice === undefined) throw new ModelError('The model answered without a choice.')
  const { content } = choice.message ?? {}
  return {
    text: typeof content === 'string' ? content : '',
    usage: body.usage ?? null,
    finishReason: choice.finish_reason ?? null,
  }
}
