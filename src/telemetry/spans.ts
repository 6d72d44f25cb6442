/**
 * A call as an OpenTelemetry span, by the semantic conventions for generative AI: one span a call, retries
 * included. Figures and names only; no text of a request or an answer.
 *
 * @see https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import type { CallReport } from '../gateway/call-report.ts'

/** A value as OTLP/JSON writes it: 64-bit integers are strings. */
type OtlpValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }

interface OtlpAttribute {
  readonly key: string
  readonly value: OtlpValue
}

export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly flags: number
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly OtlpAttribute[]
  readonly events: readonly {
    readonly timeUnixNano: string
    readonly name: string
    readonly attributes: readonly OtlpAttribute[]
  }[]
  readonly status: { readonly code?: number }
}

const KIND_CLIENT = 3
const STATUS_ERROR = 2
const SAMPLED = 0x1
/** The parent is known to be of another process. */
const REMOTE_PARENT = 0x300

export interface SpanOptions {
  /** Hexadecimal digits at random, not all of them zero. */
  readonly randomHex: (bytes: number) => string
  /** Takes secrets out of what the client named. */
  readonly redact: (text: string) => string
}

/** Undefined for a call whose client has decided that its trace is not sampled. */
export function toSpan(report: CallReport, options: SpanOptions): OtlpSpan | undefined {
  const { traceParent: parent, startedAtMs, durationMs, failures, outcome } = report
  if (parent?.isSampled === false) return undefined
  const isError = outcome === 'failed' || outcome === 'refused'
  return {
    traceId: parent?.traceId ?? options.randomHex(16),
    spanId: options.randomHex(8),
    ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
    flags: SAMPLED | (parent === undefined ? 0 : REMOTE_PARENT),
    name: `chat ${options.redact(report.upstreamModel)}`,
    kind: KIND_CLIENT,
    startTimeUnixNano: toNano(startedAtMs),
    endTimeUnixNano: toNano(startedAtMs, durationMs),
    attributes: attributesOf(report, options.redact),
    events: failures.map(({ atMs, errorCode }) => ({
      timeUnixNano: toNano(atMs),
      name: 'synth.attempt.failed',
      attributes: toAttributes({ 'error.type': errorCode }),
    })),
    status: isError ? { code: STATUS_ERROR } : {},
  }
}

function attributesOf(report: CallReport, redact: (text: string) => string): OtlpAttribute[] {
  const { usage, firstTokenMs, errorCode } = report
  const { hostname, port, protocol } = new URL(report.upstreamBaseUrl)
  const wasCounted = report.charge !== undefined
  return toAttributes({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': providerOf(hostname) ?? report.upstream,
    'gen_ai.request.model': redact(report.upstreamModel),
    'gen_ai.request.stream': report.streaming,
    'gen_ai.request.max_tokens': int(report.maxOutputTokens),
    'gen_ai.response.id': report.responseId,
    'gen_ai.response.time_to_first_chunk':
      report.streaming && firstTokenMs !== undefined ? firstTokenMs / 1000 : undefined,
    'gen_ai.usage.input_tokens': wasCounted ? int(usage.inputTokens) : undefined,
    'gen_ai.usage.cache_read.input_tokens': wasCounted ? int(usage.cachedInputTokens) : undefined,
    'gen_ai.usage.output_tokens': wasCounted ? int(usage.outputTokens) : undefined,
    'gen_ai.usage.reasoning.output_tokens': wasCounted ? int(usage.reasoningTokens) : undefined,
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    'server.port': int(port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)),
    'http.response.status_code': int(report.status ?? undefined),
    'error.type': errorCode ?? undefined,
    'synth.request_id': report.requestId,
    'synth.session_id': report.sessionId === null ? undefined : redact(report.sessionId),
    'synth.key': report.keyName,
    'synth.route': report.route,
    'synth.model': redact(report.model),
    'synth.upstream': report.upstream,
    'synth.outcome': report.outcome,
    'synth.attempts': int(report.attempts),
    'synth.cost_usd': Number(report.charged.cost_usd) / 1e9,
    'synth.usage_outcome': report.charge?.outcome,
    'synth.cut_by': report.cutBy,
  })
}

/** The convention's own names; whoever else serves goes by the configuration's name for it. */
const PROVIDERS: readonly (readonly [host: RegExp, name: string])[] = [
  [/(^|\.)api\.openai\.com$/, 'openai'],
  [/\.openai\.azure\.com$/, 'azure.ai.openai'],
  [/^api\.anthropic\.com$/, 'anthropic'],
  [/^generativelanguage\.googleapis\.com$/, 'gcp.gemini'],
  [/aiplatform\.googleapis\.com$/, 'gcp.vertex_ai'],
  [/^bedrock-runtime\..*\.amazonaws\.com$/, 'aws.bedrock'],
  [/^api\.cohere\.(ai|com)$/, 'cohere'],
  [/^api\.deepseek\.com$/, 'deepseek'],
  [/^api\.groq\.com$/, 'groq'],
  [/^api\.mistral\.ai$/, 'mistral_ai'],
  [/^api\.perplexity\.ai$/, 'perplexity'],
  [/^api\.x\.ai$/, 'x_ai'],
]

const providerOf = (hostname: string): string | undefined =>
  PROVIDERS.find(([host]) => host.test(hostname))?.[1]

/** Tells a whole number from one that happens to be: the two are different types to a collector. */
const int = (value: number | undefined): bigint | undefined =>
  value === undefined ? undefined : BigInt(Math.trunc(value))

function toAttributes(
  values: Readonly<Record<string, string | boolean | number | bigint | undefined>>,
): OtlpAttribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: toValue(value) }],
  )
}

function toValue(value: string | boolean | number | bigint): OtlpValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: value }
    case 'boolean':
      return { boolValue: value }
    case 'bigint':
      return { intValue: value.toString() }
    default:
      return { doubleValue: value }
  }
}

/** Nanoseconds since the epoch pass what a double can count: the sum is made of integers. */
function toNano(atMs: number, laterMs = 0): string {
  return (BigInt(atMs) * 1_000_000n + BigInt(Math.round(laterMs * 1e6))).toString()
}

/** The body of one POST. */
export function encodeSpans(
  spans: readonly OtlpSpan[],
  resource: Readonly<Record<string, string>>,
  version: string,
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: toAttributes(resource) },
        scopeSpans: [{ scope: { name: 'synth-bridge', version }, spans }],
      },
    ],
  })
}
