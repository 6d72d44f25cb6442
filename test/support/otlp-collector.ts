/**
 * An OTLP/HTTP collector that takes traces as JSON and refuses what breaks the protocol.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

const NanoSchema = z.string().regex(/^[1-9]\d{18}$/)
const IdSchema = (bytes: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${2 * bytes}}$`))

const AttributeSchema = z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ boolValue: z.boolean() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d{1,19}$/) }),
    z.strictObject({ doubleValue: z.number() }),
  ]),
})
const AttributesSchema = z
  .array(AttributeSchema)
  .refine((list) => new Set(list.map(({ key }) => key)).size === list.length, 'a key comes twice')

const SpanSchema = z
  .strictObject({
    traceId: IdSchema(16),
    spanId: IdSchema(8),
    parentSpanId: IdSchema(8).optional(),
    traceState: z.string().optional(),
    flags: z.int().min(0).optional(),
    name: z.string().min(1),
    kind: z.int().min(1).max(5),
    startTimeUnixNano: NanoSchema,
    endTimeUnixNano: NanoSchema,
    attributes: AttributesSchema,
    events: z.array(
      z.strictObject({
        timeUnixNano: NanoSchema,
        name: z.string().min(1),
        attributes: AttributesSchema,
      }),
    ),
    status: z.strictObject({
      code: z.int().min(0).max(2).optional(),
      message: z.string().optional(),
    }),
  })
  .refine(({ startTimeUnixNano, endTimeUnixNano }) => startTimeUnixNano <= endTimeUnixNano)

export const ExportSchema = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: AttributesSchema }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string().min(1), version: z.string() }),
          spans: z.array(SpanSchema).min(1),
        }),
      ),
    }),
  ),
})

export type CollectedSpan = z.output<typeof SpanSchema>
type Attributes = z.output<typeof AttributesSchema>

export interface OtlpCollector {
  /** The base URL, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it. */
  readonly url: string
  readonly requests: readonly IncomingMessage[]
  readonly resources: readonly Record<string, unknown>[]
  readonly spans: readonly CollectedSpan[]
  /** What was wrong with what came. */
  readonly faults: readonly string[]
  close(): Promise<void>
}

/** Attributes as plain values; integers as bigint. */
export function valuesOf(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      'intValue' in value ? BigInt(value.intValue) : Object.values(value)[0],
    ]),
  )
}

/** @param answer in place of taking what came */
export async function startOtlpCollector(
  answer?: (response: ServerResponse) => void,
): Promise<OtlpCollector> {
  const requests: IncomingMessage[] = []
  const resources: Record<string, unknown>[] = []
  const spans: CollectedSpan[] = []
  const faults: string[] = []

  const take = (request: IncomingMessage, text: string): number => {
    if (request.method !== 'POST' || request.url !== '/v1/traces') {
      faults.push(`${request.method} ${request.url}`)
      return 404
    }
    if (request.headers['content-type'] !== 'application/json') {
      faults.push(`content-type ${request.headers['content-type']}`)
      return 415
    }
    const read = ExportSchema.safeParse(JSON.parse(text))
    if (!read.success) {
      faults.push(z.prettifyError(read.error))
      return 400
    }
    for (const { resource, scopeSpans } of read.data.resourceSpans) {
      resources.push(valuesOf(resource.attributes))
      for (const scope of scopeSpans) spans.push(...scope.spans)
    }
    return 200
  }

  const server = createServer(async (request, response) => {
    requests.push(request)
    let text = ''
    for await (const piece of request) text += piece
    if (answer !== undefined) {
      answer(response)
      return
    }
    response.writeHead(take(request, text), { 'content-type': 'application/json' })
    response.end('{"partialSuccess":{}}')
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    resources,
    spans,
    faults,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
