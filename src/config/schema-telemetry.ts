/** What a configuration says of logs and of OpenTelemetry. */
import { z } from 'zod'
import { EnvironmentNameSchema } from './schema-values.ts'

export const LogSchema = z.enum(['auto', 'text', 'json'])

export const OtelSchema = z.strictObject({
  endpoint: z
    .string()
    .refine(isPlainHttpUrl, {
      error:
        'must be an http:// or https:// URL without user, password or query, as in "http://127.0.0.1:4318"; credentials go into headers_env',
    })
    .optional()
    .meta({
      description:
        'Base URL of an OTLP/HTTP collector; `/v1/traces` is added to it. Default: `$OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` (as it is), else `$OTEL_EXPORTER_OTLP_ENDPOINT`, else none: nothing is sent.',
      examples: ['http://127.0.0.1:4318'],
    }),
  headers_env: EnvironmentNameSchema.optional().meta({
    description:
      'Environment variable with headers for the collector, as `name=value,name=value` with values percent-encoded. Default: `OTEL_EXPORTER_OTLP_TRACES_HEADERS`, else `OTEL_EXPORTER_OTLP_HEADERS`.',
    examples: ['COLLECTOR_HEADERS'],
  }),
  service_name: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({
      description:
        'Name of the service in the spans. Default: `$OTEL_SERVICE_NAME`, else `synth-bridge`.',
      examples: ['synth-bridge'],
    }),
})

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return (
    /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '')
  )
}
