/**
 * From a parsed request to a call ready to run: which model, which translation, which form of answer.
 * Nothing here touches a socket.
 */
import { BridgeError } from '../errors.ts'
import type { Answer } from '../translate/answer.ts'
import type { GrammarCheck } from '../translate/grammar.ts'
import type { Ids } from '../translate/ids.ts'
import type { Seal } from '../translate/seal.ts'
import type { ToolGrammar } from '../translate/tool-table.ts'
import { withoutBridgeFields } from './bridge-fields.ts'
import type { ClientAnswer } from './call-plan.ts'
import type { Models, ResolvedModel } from './models.ts'
import type { UpstreamTarget } from './ports.ts'
import type { OpenTurnDeps } from './state/open-turn.ts'

export interface PlanDeps extends OpenTurnDeps {
  readonly models: Models
  readonly seal: Seal
  readonly ids: Ids
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
  /** Whatever cannot be carried is a 400. */
  readonly strict: boolean
  readonly userAgent: string
  /** Checks of what the tools' grammars say. */
  readonly compileGrammars: (grammars: readonly ToolGrammar[]) => Promise<GrammarCheck>
  /** Takes secrets out of whatever the upstream said. */
  readonly redact: (text: string) => string
}

/** A request as it is passed on. */
export function toPassedRequest(
  request: Readonly<Record<string, unknown>>,
  { upstreamModel }: ResolvedModel,
): Record<string, unknown> {
  return withoutBridgeFields({ ...request, model: upstreamModel })
}

export async function resolveModel(
  name: string | null | undefined,
  models: Models,
): Promise<ResolvedModel> {
  if (name === undefined || name === null || name === '') {
    throw new BridgeError('invalid_request', 'model is missing. Name the model to use.', {
      param: 'model',
    })
  }
  return models.resolve(name)
}

export function targetOf(
  { upstream, apiKey }: ResolvedModel,
  path: '/chat/completions' | '/responses' | '/responses/compact',
  userAgent: string,
): UpstreamTarget {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'text/event-stream, application/json',
    // Unpacking would add a stage to the hot path and a way to be bombed.
    'accept-encoding': 'identity',
    'user-agent': userAgent,
  }
  if (apiKey !== undefined) headers['authorization'] = `Bearer ${apiKey}`
  return {
    name: upstream.name,
    url: `${upstream.baseUrl}${path}`,
    headers,
    timeouts: { headersMs: upstream.headersTimeoutMs, idleMs: upstream.idleTimeoutMs },
    maxRetries: upstream.maxRetries,
  }
}

/**
 * An answer that writes text, in the form in which its client wants it: as it comes, or as one body.
 * Apart from the plans, so that no answer's closures hold the request, which is often megabytes.
 */
export function answerInText<Given extends Answer>(
  create: (write: (text: string) => void) => Given,
  {
    streaming,
    write,
    tellsFailure,
    folded,
  }: {
    readonly streaming: boolean
    readonly write: (text: string) => void
    readonly tellsFailure: boolean
    /** What the trace keeps of it, folded; without, the body. */
    readonly folded?: (answer: Given) => unknown
  },
): ClientAnswer {
  let whole = ''
  const gather = (text: string) => {
    whole += text
  }
  const answer = create(streaming ? write : gather)
  const traced = () => {
    if (folded === undefined) return whole === '' ? undefined : whole
    const value = folded(answer)
    return value === undefined ? undefined : JSON.stringify(value)
  }
  return { answer, body: () => whole, tellsFailure, traced }
}
