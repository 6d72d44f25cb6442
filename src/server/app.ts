/**
 * HTTP in: routes, access, bodies; the answer itself goes past hono to the raw response.
 *
 * @see ../../docs/errors.md for every error it can answer with
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, type Handler, Hono } from 'hono'
import { BridgeError, toBridgeError } from '../errors.ts'
import type { CallPlan } from '../gateway/call-plan.ts'
import type { InputTokens } from '../gateway/count-tokens.ts'
import { toErrorAnswer } from '../gateway/error-answer.ts'
import type { CallIdentity } from '../gateway/identity.ts'
import type { LiveCalls } from '../gateway/live-calls.ts'
import type { ModelListing, Models } from '../gateway/models.ts'
import type { ClientStream } from '../gateway/ports.ts'
import type { ReceivedRequest } from '../gateway/trace/call-trace.ts'
import type { SinkState } from '../gateway/trace/sink.ts'
import { shapeTrialCall, type Trials } from '../gateway/trials.ts'
import type { TraceApi } from '../trace/record.ts'
import { isMintedTrialId } from '../trial/trial.ts'
import { checkOrigin } from './access.ts'
import { type BoundCallers, createBoundCallers } from './bound-callers.ts'
import { createClientStream } from './client-stream.ts'
import { clientKindOf, identityOf, trialIdentityOf } from './identity.ts'
import { noSuchRoute, noSuchTrialRoute, wrongTrialMethod } from './no-route.ts'
import { type BodyLimits, readJsonBody, readJsonText } from './request-body.ts'
import {
  type CallersDeps,
  callerOf,
  type Env,
  headersOf,
  liveCallerOf,
  routeOf,
  unboundCallerOf,
} from './request-context.ts'
import { originOf, trialAddressOf } from './request-url.ts'
import { ROUTES, type RouteName } from './routes.ts'
import { createSessionHandlers, type SessionHandler } from './sessions.ts'
import { type Sockets, upgradeRequired } from './socket/sockets.ts'
import { createStateHandlers, type StateHandler, type StateHandlersOptions } from './state.ts'
import { createStatusHandler } from './status.ts'
import { createTraceHandlers, type TraceHandler, type TraceHandlersOptions } from './traces.ts'
import { createTrialHandlers, type TrialHandler } from './trials.ts'

export interface AppDeps extends CallersDeps {
  readonly models: Models
  readonly calls: LiveCalls
  readonly state: StateHandlersOptions
  readonly trials: Trials
  readonly traces: TraceHandlersOptions
  readonly traceState: () => SinkState
  readonly nowMs: () => number
  readonly limits: BodyLimits
  readonly version: string
  readonly startedAtMs: number
  /** Names of `[upstreams]`. */
  readonly upstreams: readonly string[]
  readonly newRequestId: () => string
  readonly planResponses: (json: unknown, identity: CallIdentity) => Promise<CallPlan>
  readonly planCompact: (json: unknown, identity: CallIdentity) => Promise<CallPlan>
  readonly countInputTokens: (json: unknown, identity: CallIdentity) => Promise<InputTokens>
  /** The catalogue that Codex reads, of these models. */
  readonly codexCatalogue: (models: readonly ModelListing[]) => unknown
  /** Outputs of a stored response's calls, as the call that goes on from it. */
  readonly planToolOutputs: (
    json: unknown,
    responseId: string,
    identity: CallIdentity,
  ) => Promise<CallPlan>
  readonly planChat: (json: unknown, identity: CallIdentity) => Promise<CallPlan>
  /** Undefined where WebSocket is switched off. */
  readonly sockets: Sockets | undefined
  /** The gate and everything behind it; resolves when the client has its answer, and never rejects. */
  readonly run: (plan: CallPlan, client: ClientStream) => Promise<void>
  /** What `GET /metrics` shows. */
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  /** Told what the client is not told. */
  readonly onError: (error: BridgeError, requestId: string, route: string) => void
  /** True from SIGTERM on: no new calls. */
  readonly isDraining: () => boolean
}

type App = Hono<Env>

export function createApp(deps: AppDeps): App {
  const app: App = new Hono<Env>()
  const boundCallers: BoundCallers = createBoundCallers(deps)

  app.use('*', async (c, next) => {
    const requestId = deps.newRequestId()
    c.set('requestId', requestId)
    if (c.req.path !== '/health') {
      checkOrigin(headersOf(c), deps.keys.length > 0)
      // A minted trial is its own key: whatever else a task app presents is not even looked up.
      const isEnough = isMintedTrialId(trialAddressOf(c.req)?.trialId ?? '')
      if (!isEnough) c.set('boundCaller', await boundCallers.find(headersOf(c)))
    }
    await next()
  })

  app.onError((thrown, c) => {
    const error = toBridgeError(thrown)
    deps.onError(error, c.get('requestId'), routeOf(c))
    return errorResponse(c, error)
  })
  app.notFound((c) => {
    const error = noSuchRoute(c.req.method, c.req.path)
    deps.onError(error, c.get('requestId'), routeOf(c))
    return errorResponse(c, error)
  })

  const sessions = createSessionHandlers(deps)
  const session = (handle: SessionHandler): Handler<Env> => {
    return async (c) => {
      const { status, body } = await handle({
        caller: unboundCallerOf(c, deps, 'Sessions are asked for with the key that opened it.'),
        sessionId: c.req.param('sessionId') ?? '',
        query: (name) => c.req.query(name),
        json: () => readJsonBody(c.env.incoming, deps.limits),
      })
      return c.json(body, status)
    }
  }

  const states = createStateHandlers(deps.state)
  const state = (handle: StateHandler): Handler<Env> => {
    return async (c) => {
      const answer = await handle({
        caller: await liveCallerOf(c, deps),
        param: (name) => c.req.param(name) ?? '',
        query: (name) => c.req.query(name),
        json: () => readJsonBody(c.env.incoming, deps.limits),
        client: () => createClientStream(c.env.outgoing),
        headers: { 'x-request-id': c.get('requestId') },
      })
      if (answer === 'streamed') return RESPONSE_ALREADY_SENT
      if ('body' in answer) return c.json(answer.body)
      return c.body(answer.json, 200, { 'content-type': 'application/json' })
    }
  }

  const trials = createTrialHandlers(deps.trials)
  const trial = (handle: TrialHandler): Handler<Env> => {
    return async (c) => {
      const { status, body } = await handle({
        caller: await liveCallerOf(c, deps),
        trialId: c.req.param('trialId') ?? '',
        origin: originOf(c.req),
        json: () => readJsonBody(c.env.incoming, deps.limits),
      })
      return c.json(body, status)
    }
  }

  const traces = createTraceHandlers(deps.traces)
  const trace = (handle: TraceHandler): Handler<Env> => {
    return async (c) => {
      const json = await handle({
        caller: unboundCallerOf(c, deps, 'Traces are read with the key that opened it.'),
        param: (name) => c.req.param(name) ?? '',
        query: (name) => c.req.query(name),
        json: () => readJsonBody(c.env.incoming, deps.limits),
      })
      return c.body(json, 200, { 'content-type': 'application/json' })
    }
  }

  const handlers: Record<RouteName, Handler<Env>> = {
    'session:me': session(sessions.me),
    'session:create': session(sessions.create),
    'session:list': session(sessions.list),
    'session:show': session(sessions.show),
    'session:end': session(sessions.end),
    'session:limits': session(sessions.limits),
    'session:addLimit': session(sessions.addLimit),
    'session:raise': session(sessions.raise),
    'session:usage': session(sessions.usage),
    responses: (c) => serveCall(c, deps, 'responses', deps.planResponses),
    'responses-compact': (c) => serveCall(c, deps, 'compact', deps.planCompact),
    'input-tokens': async (c) => {
      const caller = await liveCallerOf(c, deps)
      const identity = identityOf(headersOf(c), caller, c.get('requestId'), routeOf(c))
      const json = await readJsonBody(c.env.incoming, deps.limits)
      const { headers, body } = await deps.countInputTokens(json, identity)
      return c.json(body, 200, { 'x-request-id': identity.requestId, ...headers })
    },
    'submit-tool-outputs': (c) =>
      serveCall(c, deps, 'responses', (json, identity) =>
        deps.planToolOutputs(json, c.req.param('responseId') ?? '', identity),
      ),
    'state:response': state(states.response),
    'state:deleteResponse': state(states.deleteResponse),
    'state:inputItems': state(states.inputItems),
    'state:cancel': state(states.cancel),
    'state:createConversation': state(states.createConversation),
    'state:conversation': state(states.conversation),
    'state:updateConversation': state(states.updateConversation),
    'state:deleteConversation': state(states.deleteConversation),
    'state:addItems': state(states.addItems),
    'state:items': state(states.items),
    'state:item': state(states.item),
    'state:deleteItem': state(states.deleteItem),
    'trace:list': trace(traces.list),
    'trace:show': trace(traces.show),
    'trace:byCorrelation': trace(traces.byCorrelation),
    'trace:hydrateBatch': trace(traces.hydrateBatch),
    'trace:leaseAny': trace(traces.leaseAny),
    chat: (c) => serveCall(c, deps, 'chat', deps.planChat),
    models: async (c) => {
      callerOf(c, deps)
      const models = await deps.models.list()
      // What Codex adds where it asks for models; every other client gets OpenAI's list.
      if (c.req.query('client_version') !== undefined) return c.json(deps.codexCatalogue(models))
      return c.json({ object: 'list', data: models.map(toModelJson) })
    },
    model: async (c) => {
      callerOf(c, deps)
      const id = c.req.param('id') ?? ''
      const listed = (await deps.models.list()).find((model) => model.id === id)
      if (listed !== undefined) return c.json(toModelJson(listed))
      const { model, upstream } = await deps.models.resolve(id)
      const { name, contextWindow } = model
      return c.json(toModelJson({ id: name, ownedBy: upstream.name, contextWindow }))
    },
    'responses-socket': (c) => {
      const identity = identityOf(headersOf(c), callerOf(c, deps), c.get('requestId'), routeOf(c))
      if (deps.sockets === undefined) throw upgradeRequired('WebSocket is switched off here.')
      refuseWhileDraining(deps)
      deps.sockets.accept(c.env.incoming, identity)
      return RESPONSE_ALREADY_SENT
    },
    'trial:create': trial(trials.create),
    'trial:register': trial(trials.register),
    'trial-call': (c) => serveTrialCall(c, deps),
    'trial-socket': (c) => {
      const api = trialAddressOf(c.req)?.api
      if (api === 'responses') throw upgradeRequired('Trials are not served over WebSocket.')
      const { method } = c.req
      throw api === undefined ? noSuchTrialRoute(method) : wrongTrialMethod(method, ['POST'])
    },
    status: session(createStatusHandler(deps)),
    metrics: async (c) => {
      unboundCallerOf(c, deps, 'Ask with one of [[keys]].')
      const text = await deps.metrics.text()
      return c.body(text, 200, { 'content-type': deps.metrics.contentType })
    },
    health: (c) =>
      c.json(
        {
          status: deps.isDraining() ? 'draining' : 'ok',
          version: deps.version,
          traces: deps.traceState(),
        },
        200,
      ),
  }
  for (const { name, method, path } of ROUTES) {
    app.on(method, path, (c, next) => {
      c.set('route', name)
      return handlers[name](c, next)
    })
  }
  return app
}

async function serveCall(
  c: Context<Env>,
  deps: AppDeps,
  api: TraceApi,
  plan: AppDeps['planResponses'],
): Promise<Response> {
  const identity = identityOf(headersOf(c), callerOf(c, deps), c.get('requestId'), routeOf(c))
  refuseWhileDraining(deps)
  const { json, text } = await readJsonText(c.env.incoming, deps.limits)
  return runCall(c, deps, await plan(json, identity), identity, { api, text })
}

/** A trial says who calls and shapes the request; from there on it is a call like any other. */
async function serveTrialCall(c: Context<Env>, deps: AppDeps): Promise<Response> {
  const address = trialAddressOf(c.req)
  if (address === undefined) throw noSuchTrialRoute(c.req.method)
  refuseWhileDraining(deps)
  const opened = await deps.trials.open(address, () => callerOf(c, deps))
  const { json, text } = await readJsonText(c.env.incoming, deps.limits)
  const shaped = shapeTrialCall(json, opened)
  const identity = trialIdentityOf(
    headersOf(c),
    opened,
    c.get('requestId'),
    routeOf(c),
    shaped.trial,
  )
  const plan = address.api === 'chat' ? deps.planChat : deps.planResponses
  const planned = await plan(shaped.json, identity)
  return runCall(c, deps, planned, identity, { api: address.api, text })
}

function refuseWhileDraining(deps: AppDeps): void {
  if (!deps.isDraining()) return
  throw new BridgeError('shutting_down', 'The bridge is shutting down. Try again in a moment.')
}

function runCall(
  c: Context<Env>,
  deps: AppDeps,
  planned: CallPlan,
  identity: CallIdentity,
  received: ReceivedRequest,
): Response {
  const client = createClientStream(c.env.outgoing)
  // Not awaited: hono's context and the request's body are garbage while the answer streams.
  void deps.run(
    {
      ...planned,
      received,
      headers: { 'x-request-id': identity.requestId, ...planned.headers },
    },
    client,
  )
  return RESPONSE_ALREADY_SENT
}

function errorResponse(c: Context<Env>, error: BridgeError): Response {
  const answer = toErrorAnswer(error, clientKindOf(headersOf(c)))
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'content-type': 'application/json',
      'x-request-id': c.get('requestId') ?? '',
      ...answer.headers,
    },
  })
}

function toModelJson(model: ModelListing): Record<string, unknown> {
  return {
    id: model.id,
    object: 'model',
    created: 0,
    owned_by: model.ownedBy,
    ...(model.contextWindow === undefined ? {} : { context_window: model.contextWindow }),
  }
}
