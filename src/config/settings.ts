/**
 * The configuration as the running parts read it: every value decided, in their own spelling.
 * Defaults that depend on something else in the file are decided here and nowhere else.
 */
import { type ChatDialect, DEFAULT_DIALECT } from '../translate/dialect.ts'
import { switchesOfAddress } from './providers.ts'
import type { ClientKeyConfig, Config } from './schema.ts'
import type { ModelConfig, PriceConfig } from './schema-models.ts'
import { ModelSchema } from './schema-models.ts'
import type { UpstreamConfig } from './schema-upstreams.ts'

export interface UpstreamSettings {
  readonly name: string
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly wire: UpstreamConfig['wire']
  /** Variable that holds the key; undefined sends none. */
  readonly apiKeyEnv: string | undefined
  readonly maxRetries: number
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly dialect: ChatDialect
  /** How it counts tokens; undefined where it is not to be asked. */
  readonly countTokens: UpstreamConfig['count_tokens']
  /** Whether an answer that breaks a tool's grammar is asked for once more. */
  readonly grammarRetry: boolean
  /** Whether it is on this machine: such an upstream is free unless a price says otherwise. */
  readonly isLoopback: boolean
}

export interface ModelSettings {
  /** What the client asked for. */
  readonly name: string
  readonly contextWindow: number | undefined
  readonly maxOutputTokens: number | undefined
  readonly stopTool: boolean
  /** 0 is off. */
  readonly maxRepeatedCalls: number
  readonly thinkTags: boolean
  /** GPUs a call occupies, as decimal digits. */
  readonly gpus: string
  readonly usage: ModelConfig['usage']
  /** Undefined where the file has none: see the order of prices in docs/budgets.md. */
  readonly price: PriceConfig | undefined
}

export function upstreamSettings(name: string, upstream: UpstreamConfig): UpstreamSettings {
  return {
    name,
    baseUrl: upstream.base_url.replace(/\/+$/, ''),
    wire: upstream.wire,
    apiKeyEnv: upstream.api_key_env,
    maxRetries: upstream.max_retries,
    connectTimeoutMs: upstream.connect_timeout_ms,
    headersTimeoutMs: upstream.headers_timeout_ms,
    idleTimeoutMs: upstream.idle_timeout_ms,
    dialect: chatDialect(upstream),
    countTokens: upstream.count_tokens,
    grammarRetry: upstream.grammar_retry,
    isLoopback: isLoopbackHost(new URL(upstream.base_url).hostname),
  }
}

function chatDialect(upstream: UpstreamConfig): ChatDialect {
  const provider = switchesOfAddress(upstream.base_url)
  const emptyContent = upstream.empty_content ?? provider.empty_content
  return {
    headSystem: upstream.head_system ?? provider.head_system ?? DEFAULT_DIALECT.headSystem,
    laterSystem: upstream.later_system ?? provider.later_system ?? DEFAULT_DIALECT.laterSystem,
    developerRole:
      upstream.developer_role ?? provider.developer_role ?? DEFAULT_DIALECT.developerRole,
    reasoningField:
      upstream.reasoning_field ?? provider.reasoning_field ?? DEFAULT_DIALECT.reasoningField,
    maxTokensField:
      upstream.max_tokens_field ?? provider.max_tokens_field ?? DEFAULT_DIALECT.maxTokensField,
    emptyContent:
      emptyContent === undefined
        ? DEFAULT_DIALECT.emptyContent
        : emptyContent === 'null'
          ? null
          : emptyContent,
    jsonSchema: upstream.json_schema ?? provider.json_schema ?? DEFAULT_DIALECT.jsonSchema,
    grammar: upstream.grammar,
    unsupported: upstream.unsupported ?? provider.unsupported ?? DEFAULT_DIALECT.unsupported,
  }
}

const MODEL_DEFAULTS: ModelConfig = ModelSchema.parse({})

/** Settings of the model that a client asked for as `name`; without an entry, the defaults. */
export function modelSettings(name: string, model: ModelConfig = MODEL_DEFAULTS): ModelSettings {
  return {
    name,
    contextWindow: model.context_window,
    maxOutputTokens: model.max_output_tokens,
    stopTool: model.stop_tool ?? name.startsWith('synth-'),
    maxRepeatedCalls: model.max_repeated_calls,
    thinkTags: model.think_tags,
    gpus: model.gpus,
    usage: model.usage,
    price: model.price,
  }
}

/** Whether a client may opt out of its session. */
export function allowsNoSession(config: Config): boolean {
  return config.session.allow_no_session ?? config.keys.length === 0
}

/** Whether a trial that nobody registered may pass through. */
export function allowsUnregistered(config: Config): boolean {
  return config.interceptor.allow_unregistered ?? isLoopbackHost(config.server.host)
}

/** Whether a host name, as a URL or `[server] host` has it, is this machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || isLoopbackV4(name)
}

const isLoopbackV4 = (name: string): boolean => /^(::ffff:)?127(\.\d{1,3}){3}$/.test(name)

const WINDOW_UNIT_SECONDS: Readonly<Record<string, number>> = {
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
}

/** The `window` of a key in seconds; undefined is for ever. */
export function windowSeconds(key: ClientKeyConfig): number | undefined {
  if (key.window === undefined) return undefined
  const unitSeconds = WINDOW_UNIT_SECONDS[key.window.slice(-1)]
  return unitSeconds === undefined ? undefined : Number(key.window.slice(0, -1)) * unitSeconds
}
