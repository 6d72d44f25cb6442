/**
 * Upstreams without a file: the providers whose keys are in the environment, and the model servers
 * that answer on this machine's usual ports.
 */
import { isRecord } from '../translate/narrow.ts'
import { LOCAL_SERVERS, type LocalServer, PROVIDERS, type Provider } from './providers.ts'
import { type UpstreamConfig, UpstreamSchema } from './schema-upstreams.ts'
import { isLoopbackHost } from './settings.ts'

/** The part of `fetch` that a probe needs. */
export type ProbeFetch = (
  url: string,
  init: { readonly signal: AbortSignal },
) => Promise<{ readonly ok: boolean; json(): Promise<unknown> }>

export interface DiscoverOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: ProbeFetch
  /** Ends a probe that nobody answers. Default: a timer of `PROBE_TIMEOUT_MS`. */
  readonly deadline?: () => AbortSignal
  /** The port this bridge listens on: an address that leads back to it is no upstream. */
  readonly ownPort: number
}

export interface DiscoveredUpstream {
  readonly upstream: UpstreamConfig
  /** Why it is there, for people: `$OPENAI_API_KEY`, `Ollama on port 11434`. */
  readonly because: string
  /** What it lists; undefined where it was not asked. */
  readonly models: readonly string[] | undefined
}

/** `builtin`: nothing was found, so the scripted model `synth-demo` is all there is. */
export type Discovery =
  | { readonly kind: 'found'; readonly upstreams: ReadonlyMap<string, DiscoveredUpstream> }
  | { readonly kind: 'builtin' }

/** A server on this machine answers within a few milliseconds, or is loading a model. */
export const PROBE_TIMEOUT_MS = 500

export async function discoverUpstreams(options: DiscoverOptions): Promise<Discovery> {
  const deadline = options.deadline ?? (() => AbortSignal.timeout(PROBE_TIMEOUT_MS))
  const signal = deadline()
  const local = await Promise.all(
    LOCAL_SERVERS.map(async (server) => findLocalServer(server, options, signal)),
  )
  const upstreams = new Map<string, DiscoveredUpstream>()
  for (const provider of PROVIDERS) {
    const found = findProvider(provider, options)
    if (found !== undefined) upstreams.set(provider.name, found)
  }
  const addresses = new Set([...upstreams.values()].map(({ upstream }) => upstream.base_url))
  for (const found of local) {
    if (found === undefined || addresses.has(found.upstream.base_url)) continue
    // Two servers of one kind, each on another's port: the second keeps its port in its name.
    const { port } = new URL(found.upstream.base_url)
    upstreams.set(upstreams.has(found.name) ? `${found.name}-${port}` : found.name, found)
  }
  return upstreams.size === 0 ? { kind: 'builtin' } : { kind: 'found', upstreams }
}

function findProvider(
  provider: Provider,
  { env, ownPort }: DiscoverOptions,
): DiscoveredUpstream | undefined {
  const keyVariable = provider.keyVariables.find((variable) => (env[variable] ?? '') !== '')
  const moved = readBaseUrl(env[provider.baseUrlVariable], provider, ownPort)
  // A base URL alone is enough: not every server wants a key.
  if (moved === undefined && (keyVariable === undefined || provider.needsBaseUrl)) return undefined
  const upstream = UpstreamSchema.parse({
    base_url: moved ?? provider.baseUrl,
    ...(keyVariable === undefined ? {} : { api_key_env: keyVariable }),
  })
  const variables = [keyVariable, moved === undefined ? undefined : provider.baseUrlVariable]
  const because = variables.flatMap((variable) => (variable === undefined ? [] : [`$${variable}`]))
  return { upstream, because: because.join(' and '), models: undefined }
}

/**
 * Where a variable moves the provider to. An address without a path gets the provider's own: some
 * clients' variables name only the host.
 */
function readBaseUrl(
  text: string | undefined,
  provider: Provider,
  ownPort: number,
): string | undefined {
  if (text === undefined || !UpstreamSchema.shape.base_url.safeParse(text).success) return undefined
  const url = new URL(text)
  // Users point their clients' OPENAI_BASE_URL at the bridge itself; calling that would never end.
  if (isLoopbackHost(url.hostname) && url.port === String(ownPort)) return undefined
  if (url.pathname === '/') url.pathname = new URL(provider.baseUrl).pathname
  return url.href.replace(/\/+$/, '')
}

async function findLocalServer(
  server: LocalServer,
  { env, fetch, ownPort }: DiscoverOptions,
  signal: AbortSignal,
): Promise<(DiscoveredUpstream & { readonly name: string }) | undefined> {
  const origin = originOf(server, env)
  if (origin.port === String(ownPort) && isLoopbackHost(origin.hostname)) return undefined
  const base = `${origin.origin}/v1`
  const listed = await listModels(`${base}/models`, fetch, signal)
  if (listed === undefined) return undefined
  // Ports 8000 and 8080 are anybody's: what the list says of its owner goes before the port.
  const kind = LOCAL_SERVERS.find(
    ({ ownedBy }) => ownedBy !== undefined && ownedBy === listed.owner,
  )
  const { name, title, switches } = kind ?? server
  return {
    name,
    upstream: UpstreamSchema.parse({ base_url: base, ...switches }),
    because: `${title} on port ${origin.port === '' ? 80 : origin.port}`,
    models: listed.models,
  }
}

/** `$OLLAMA_HOST` may be `host`, `host:port` or a URL, and `0.0.0.0` when it is for the server. */
function originOf(server: LocalServer, env: DiscoverOptions['env']): URL {
  const usual = new URL(`http://127.0.0.1:${server.port}`)
  const named = server.hostVariable === undefined ? undefined : env[server.hostVariable]
  if (named === undefined || named === '') return usual
  const address = named.includes('://') ? named : `http://${named}`
  if (!URL.canParse(address)) return usual
  const url = new URL(address)
  if (!/^https?:$/.test(url.protocol)) return usual
  if (url.port === '' && url.protocol === 'http:' && !/:\d+\/?$/.test(named)) {
    url.port = String(server.port)
  }
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1'
  return url
}

export interface Listed {
  readonly models: readonly string[]
  /** In tokens, of those models whose entry says so. */
  readonly contextWindows: ReadonlyMap<string, number>
  readonly owner: string | undefined
}

/** What is listed at an address, or undefined for whatever else is there, or nothing. */
async function listModels(
  url: string,
  fetch: ProbeFetch,
  signal: AbortSignal,
): Promise<Listed | undefined> {
  try {
    return await untilAborted(signal, async () => {
      const response = await fetch(url, { signal })
      return response.ok ? readListing(await response.json()) : undefined
    })
  } catch {
    // Nobody there, too slow, or no JSON: all the same to somebody who only asks who is there.
    return undefined
  }
}

/** Ends with the signal even where the work does not heed it. */
async function untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, work()])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The body of `GET /models`, as every Chat Completions server has it. */
export function readListing(body: unknown): Listed | undefined {
  const entries = isRecord(body) ? body['data'] : undefined
  if (!Array.isArray(entries)) return undefined
  const records = entries.filter(isRecord)
  const models = records.flatMap(({ id }) => (typeof id === 'string' ? [id] : []))
  const owners = records.map(({ owned_by: owner }) => owner)
  const owner = owners.find((name) => typeof name === 'string')
  const contextWindows = new Map(
    records.flatMap((entry) => {
      const window = CONTEXT_WINDOW_MEMBERS.map((member) => entry[member]).find(isWindow)
      return window === undefined || typeof entry['id'] !== 'string' ? [] : [[entry['id'], window]]
    }),
  )
  return { models, contextWindows, owner }
}

/** As vLLM and SGLang, OpenRouter and Together, Mistral and LM Studio, and Groq call it. */
const CONTEXT_WINDOW_MEMBERS = [
  'max_model_len',
  'context_length',
  'max_context_length',
  'context_window',
]

const isWindow = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0
