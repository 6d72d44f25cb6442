/**
 * Where OpenTelemetry spans go: the file's `[otel]`, else the environment that OpenTelemetry defines.
 *
 * @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
import type { Config } from './schema.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface OtelSettings {
  /** Takes a POST of OTLP/JSON. */
  readonly tracesUrl: string
  /** May hold credentials: never to be shown. */
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  readonly resourceAttributes: Readonly<Record<string, string>>
}

/** Undefined where nothing is to be sent. */
export function otelSettings({ otel }: Config, env: Environment): OtelSettings | undefined {
  const tracesUrl = otel.endpoint === undefined ? endpointOf(env) : below(otel.endpoint)
  if (tracesUrl === undefined || isSwitchedOff(env)) return undefined
  const { 'service.name': named, ...resourceAttributes } = readPairs(
    env['OTEL_RESOURCE_ATTRIBUTES'],
  )
  return {
    tracesUrl,
    headers: readPairs(headersOf(otel.headers_env, env)),
    serviceName: otel.service_name ?? (env['OTEL_SERVICE_NAME'] || named || 'synth-bridge'),
    resourceAttributes,
  }
}

/** What of the environment's settings will not do what whoever set them expects. A sentence each. */
export function warnAboutOtel({ otel }: Config, env: Environment): string[] {
  if (isSwitchedOff(env)) return []
  const warnings: string[] = []
  const named = ENDPOINTS.find((name) => env[name])
  if (otel.endpoint === undefined && named !== undefined && endpointOf(env) === undefined) {
    warnings.push(
      isGrpc(env)
        ? `$${named} is for gRPC (OTEL_EXPORTER_OTLP_PROTOCOL): no spans are sent. Set otel.endpoint to the collector's HTTP port, which is usually 4318.`
        : `$${named} is no http:// or https:// URL without user and password: no spans are sent. Credentials go into OTEL_EXPORTER_OTLP_HEADERS.`,
    )
  }
  if (otel.headers_env !== undefined && !env[otel.headers_env]) {
    warnings.push(
      `$${otel.headers_env} is not set, which otel.headers_env names: spans go without it.`,
    )
  }
  return warnings
}

/** The values of headers that may be credentials. */
export function otelSecrets(config: Config, env: Environment): string[] {
  return Object.values(readPairs(headersOf(config.otel.headers_env, env))).flatMap((value) => [
    value,
    value.replace(/^\S+\s+/, ''),
  ])
}

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const

function endpointOf(env: Environment): string | undefined {
  const [own, shared] = ENDPOINTS.map((name) => env[name])
  if (isGrpc(env)) return undefined
  const url = own || (shared ? below(shared) : '')
  return /^https?:\/\//.test(url) && URL.canParse(url) && !hasCredentials(url) ? url : undefined
}

/** They would show wherever the address does; headers are the place for them. */
function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url)
  return username !== '' || password !== ''
}

const below = (base: string): string => `${base.replace(/\/+$/, '')}/v1/traces`

function isGrpc(env: Environment): boolean {
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL']
  return protocol === 'grpc'
}

function isSwitchedOff(env: Environment): boolean {
  return (
    env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none'
  )
}

function headersOf(variable: string | undefined, env: Environment): string | undefined {
  if (variable !== undefined) return env[variable]
  return env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] || env['OTEL_EXPORTER_OTLP_HEADERS']
}

/** `a=1,b=2`, values percent-encoded. What is none is left out, as the specification has it. */
function readPairs(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=')
    const name = pair.slice(0, Math.max(0, at)).trim()
    return name === '' ? [] : [[name, decoded(pair.slice(at + 1).trim())]]
  })
  return Object.fromEntries(pairs)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded after all: it is meant as it stands.
    return text
  }
}
