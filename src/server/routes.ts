/**
 * Every route there is, and whether it costs. A test walks this table: what costs and does not pass
 * the gate fails it.
 */

/** The prefixes below which the inference routes are served. */
export const INFERENCE_PREFIXES = [
  '/v1',
  '/api/v1',
  '/api/synth-research',
  '/api/synth-research/v1',
  '/api/inference/v1',
] as const

export type RouteName = 'responses' | 'chat' | 'models' | 'model' | 'responses-socket' | 'health'

export interface Route {
  readonly name: RouteName
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Whether serving it may cost money upstream: then only the gateway may serve it. */
  readonly costs: boolean
}

/** Clients append `/responses` to whatever base URL they were given, even one that ends in it. */
const RESPONSES_PATHS = ['/responses', '/responses/responses'] as const

function inferenceRoutes(prefix: string): Route[] {
  return [
    ...RESPONSES_PATHS.flatMap((path): Route[] => [
      { name: 'responses', method: 'POST', path: prefix + path, costs: true },
      { name: 'responses-socket', method: 'GET', path: prefix + path, costs: false },
    ]),
    { name: 'chat', method: 'POST', path: `${prefix}/chat/completions`, costs: true },
    { name: 'models', method: 'GET', path: `${prefix}/models`, costs: false },
    { name: 'model', method: 'GET', path: `${prefix}/models/:id{.+}`, costs: false },
  ]
}

export const ROUTES: readonly Route[] = [
  ...INFERENCE_PREFIXES.flatMap(inferenceRoutes),
  { name: 'health', method: 'GET', path: '/health', costs: false },
]
