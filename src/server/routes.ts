/**
 * Every route there is, and whether it costs. A test walks this table: what costs and does not pass
 * the gate fails it.
 */

import { INTERCEPTOR_PREFIX } from '../trial/address.ts'
import type { SessionRouteName } from './sessions.ts'
import type { StateRouteName } from './state.ts'
import type { TraceRouteName } from './traces.ts'
import type { TrialRouteName } from './trials.ts'

/** The prefixes below which the inference routes are served. */
export const INFERENCE_PREFIXES = [
  '/v1',
  '/api/v1',
  '/api/synth-research',
  '/api/synth-research/v1',
  '/api/inference/v1',
] as const

export type RouteName =
  | 'responses'
  | 'responses-compact'
  | 'input-tokens'
  | 'chat'
  | 'models'
  | 'model'
  | 'responses-socket'
  | 'health'
  | 'status'
  | 'metrics'
  | 'submit-tool-outputs'
  | 'trial-call'
  | 'trial-socket'
  | `trial:${TrialRouteName}`
  | `session:${SessionRouteName}`
  | `state:${StateRouteName}`
  | `trace:${TraceRouteName}`

export interface Route {
  readonly name: RouteName
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** Whether serving it may cost money upstream: then only the gateway may serve it. */
  readonly costs: boolean
}

/**
 * Synth's client appends `/api/v1/sessions` to whatever base URL it was given, provider prefix and all.
 *
 * @see ../../docs/budgets.md
 */
function sessionRoutes(prefix: string): Route[] {
  const base = `${prefix}/api/v1`
  const one = `${base}/sessions/:sessionId`
  const rows: [SessionRouteName, Route['method'], string][] = [
    ['me', 'GET', `${base}/me`],
    ['create', 'POST', `${base}/sessions`],
    ['list', 'GET', `${base}/sessions`],
    ['show', 'GET', one],
    ['end', 'POST', `${one}/end`],
    ['limits', 'GET', `${one}/limits`],
    ['addLimit', 'POST', `${one}/limits`],
    ['raise', 'POST', `${one}/limits/increase`],
    ['usage', 'GET', `${one}/usage`],
  ]
  return rows.map(([name, method, path]) => ({
    name: `session:${name}`,
    method,
    path,
    costs: false,
  }))
}

/** Clients append `/responses` to whatever base URL they were given, even one that ends in it. */
const RESPONSES_PATHS = ['/responses', '/responses/responses'] as const

function stateRoutes(rows: [StateRouteName, Route['method'], string][]): Route[] {
  return rows.map(([name, method, path]) => ({
    name: `state:${name}`,
    method,
    path,
    costs: false,
  }))
}

function responseRoutes(base: string): Route[] {
  const one = `${base}/:responseId`
  return [
    {
      name: 'submit-tool-outputs',
      method: 'POST',
      path: `${one}/submit_tool_outputs`,
      costs: true,
    },
    ...stateRoutes([
      ['response', 'GET', one],
      ['deleteResponse', 'DELETE', one],
      ['inputItems', 'GET', `${one}/input_items`],
      ['cancel', 'POST', `${one}/cancel`],
    ]),
  ]
}

function conversationRoutes(base: string): Route[] {
  const one = `${base}/:conversationId`
  const item = `${one}/items/:itemId`
  return stateRoutes([
    ['createConversation', 'POST', base],
    ['conversation', 'GET', one],
    ['updateConversation', 'POST', one],
    ['deleteConversation', 'DELETE', one],
    ['addItems', 'POST', `${one}/items`],
    ['items', 'GET', `${one}/items`],
    ['item', 'GET', item],
    ['deleteItem', 'DELETE', item],
  ])
}

function inferenceRoutes(prefix: string): Route[] {
  return [
    ...RESPONSES_PATHS.flatMap((path): Route[] => [
      { name: 'responses', method: 'POST', path: prefix + path, costs: true },
      { name: 'responses-socket', method: 'GET', path: prefix + path, costs: false },
      { name: 'responses-compact', method: 'POST', path: `${prefix}${path}/compact`, costs: true },
      { name: 'input-tokens', method: 'POST', path: `${prefix}${path}/input_tokens`, costs: false },
    ]),
    // Behind all that are themselves: an id could be any word.
    ...RESPONSES_PATHS.toReversed().flatMap((path) => responseRoutes(prefix + path)),
    ...conversationRoutes(`${prefix}/conversations`),
    { name: 'chat', method: 'POST', path: `${prefix}/chat/completions`, costs: true },
    { name: 'models', method: 'GET', path: `${prefix}/models`, costs: false },
    { name: 'model', method: 'GET', path: `${prefix}/models/:id{.+}`, costs: false },
  ]
}

/** A call's own address has too many forms for patterns: `trial/address.ts` reads it. */
const TRIAL_ROUTES: readonly Route[] = [
  { name: 'trial:create', method: 'POST', path: `${INTERCEPTOR_PREFIX}/trials`, costs: false },
  {
    name: 'trial:register',
    method: 'POST',
    path: `${INTERCEPTOR_PREFIX}/debug/register_trial/:trialId`,
    costs: false,
  },
  { name: 'trial-call', method: 'POST', path: `${INTERCEPTOR_PREFIX}/:address{.+}`, costs: true },
  { name: 'trial-socket', method: 'GET', path: `${INTERCEPTOR_PREFIX}/:address{.+}`, costs: false },
]
const INTERCEPTOR_TRACES = `${INTERCEPTOR_PREFIX}/trace`

/** Before those of trials, whose addresses could be any path. */
const TRACE_ROUTES: readonly Route[] = (
  [
    ['list', 'GET', '/api/v1/traces'],
    ['show', 'GET', '/api/v1/traces/:traceId'],
    ['byCorrelation', 'GET', `${INTERCEPTOR_TRACES}/by-correlation/:correlationId`],
    ['hydrateBatch', 'POST', `${INTERCEPTOR_TRACES}/hydrate-batch`],
    ['leaseAny', 'POST', `${INTERCEPTOR_TRACES}/lease-any`],
  ] satisfies [TraceRouteName, Route['method'], string][]
).map(([name, method, path]) => ({ name: `trace:${name}`, method, path, costs: false }) as const)

export const ROUTES: readonly Route[] = [
  ...INFERENCE_PREFIXES.flatMap(inferenceRoutes),
  ...['', ...INFERENCE_PREFIXES].flatMap(sessionRoutes),
  ...TRACE_ROUTES,
  ...TRIAL_ROUTES,
  { name: 'status', method: 'GET', path: '/api/v1/status', costs: false },
  { name: 'metrics', method: 'GET', path: '/metrics', costs: false },
  { name: 'health', method: 'GET', path: '/health', costs: false },
]

/** The methods that a path is served for; none for a path that no route has. */
export function methodsAt(path: string): Route['method'][] {
  const methods = ROUTES.filter((route) => patternOf(route).test(path))
    // It is there to refuse.
    .filter(({ name }) => name !== 'trial-socket')
    .map(({ method }) => method)
  return [...new Set(methods)]
}

/** @param url as a request line has it, with its query */
export function isRoute(name: RouteName, method: string, url: string): boolean {
  const path = url.split('?', 1)[0] ?? ''
  return ROUTES.some(
    (route) => route.name === name && route.method === method && patternOf(route).test(path),
  )
}

function patternOf(route: Route): RegExp {
  const source = route.path.replace(/:\w+(\{\.\+\})?/g, (_, greedy) => (greedy ? '.+' : '[^/]+'))
  return new RegExp(`^${source}$`)
}
