/**
 * What a configuration file may hold. This is the one truth: the type, the JSON Schema, the page
 * `docs/config.md` and the errors' suggestions all come from it. Strict: an unknown key is an error.
 *
 * Keys keep the spelling of the file. Defaults that depend on other keys (the role of `developer` at
 * a known provider, whether a client may opt out) are not here but in `settings.ts`.
 */
import { z } from 'zod'
import { ModelSchema } from './schema-models.ts'
import { LogSchema, OtelSchema } from './schema-telemetry.ts'
import { UpstreamSchema } from './schema-upstreams.ts'
import {
  EnvironmentNameSchema,
  QuantitySchema,
  TimeoutMsSchema,
  UsdSchema,
  UuidSchema,
  WaitMsSchema,
} from './schema-values.ts'

const MEBIBYTE = 1_048_576

const ServerSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').meta({
    description: 'Address to listen on. Another than loopback needs `[[keys]]`.',
  }),
  port: z.int().min(0).max(65_535).default(4141).meta({
    description: 'Port to listen on; 0 takes a free one.',
  }),
  store: z
    .string()
    .regex(/^(sqlite(:.+)?|memory|postgres(ql)?:\/\/.+)$/, {
      error: 'must be "sqlite", "sqlite:/path/to.db", "memory" or "postgres://…"',
    })
    .default('sqlite')
    .meta({
      description:
        'Where sessions, spend, traces and responses are kept: `sqlite` (embedded, in `state_dir`), `sqlite:/path/to.db` (responses in `to-responses.db`, traces in `to-traces.db` beside it), `memory`, or `postgres://…` (several instances share it; the password is best left to `$PGPASSWORD`).',
    }),
  state_dir: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Folder for the embedded store and the keys that the bridge makes for itself. Default: `$XDG_STATE_HOME/synth`, else `~/.local/state/synth`.',
      examples: ['/var/lib/synth'],
    }),
  log: LogSchema.default('auto').meta({
    description:
      'How `synth serve` logs, on stderr: `text` for people, `json` with one object a line, `auto` for text on a terminal and JSON elsewhere.',
  }),
  strict: z.boolean().default(false).meta({
    description: 'Whether a request that cannot be carried to the upstream whole is refused (400).',
  }),
  max_body_bytes: z
    .int()
    .min(1024)
    .default(64 * MEBIBYTE)
    .meta({
      description:
        'Largest request body, in bytes, once decompressed; and largest message of a WebSocket.',
    }),
  websocket: z.boolean().default(true).meta({
    description:
      'Whether `GET …/responses` takes WebSocket connections; without, they are refused with 426 and clients go on over HTTP.',
  }),
  websocket_connections: z.int().min(1).default(256).meta({
    description: 'Most WebSocket connections at a time.',
  }),
  websocket_idle_ms: TimeoutMsSchema.default(900_000).meta({
    description:
      'Silence between turns after which a WebSocket connection is closed, in milliseconds.',
  }),
})

const SessionSchema = z.strictObject({
  limit_cost_usd: UsdSchema.prefault(20).meta({
    description: 'Cost limit of a session that names none, in USD; 0 is none.',
  }),
  limit_tokens: z
    .int()
    .min(0)
    .default(0)
    .meta({
      description: 'Token limit (input and output, cached included); 0 is none.',
      examples: [2_000_000],
    }),
  limit_gpu_hours: QuantitySchema.prefault(0).meta({
    description: 'GPU limit, in hours; 0 is none.',
    examples: [1.5],
  }),
  allow_no_session: z.boolean().optional().meta({
    description:
      'Whether a client may opt out with `X-No-Session: true`. Default: `true` without `[[keys]]`, else `false`.',
  }),
  admission_wait_ms: WaitMsSchema.default(10_000).meta({
    description:
      "How long a call waits that only other calls' holds keep out, in milliseconds; 0 refuses it at once.",
  }),
})

const InterceptorSchema = z.strictObject({
  allow_unregistered: z.boolean().optional().meta({
    description:
      'Whether a trial that nobody registered passes through, as a call of whoever makes it. Default: `true` where `server.host` is loopback, else `false`.',
  }),
})

const TraceSchema = z.strictObject({
  content: z.boolean().default(true).meta({
    description: 'Whether texts are kept; without them only figures are.',
  }),
  required: z.boolean().default(false).meta({
    description:
      'Whether a call whose trace cannot be kept is refused, and an answer ends only once its trace is kept.',
  }),
  max_age_days: z
    .int()
    .min(1)
    .default(30)
    .meta({ description: 'Age at which traces go, in days.' }),
  max_bytes: z.int().min(1).default(10_000_000_000).meta({
    description: 'Bytes of traces beyond which the oldest go; in a `memory` store at most 64 MiB.',
  }),
})

const ResponsesSchema = z.strictObject({
  store: z.boolean().default(true).meta({
    description:
      'Whether responses are kept for `previous_response_id` and the rest; `false` keeps none, whatever a request says. A request keeps its own out with `store: false`.',
  }),
  max_age_days: z.int().min(1).default(30).meta({
    description:
      'Age at which responses and conversations go, in days since they were last gone on from.',
  }),
  max_bytes: z.int().min(1).default(10_000_000_000).meta({
    description:
      'Bytes of responses and conversations beyond which the longest unused go; in a `memory` store at most 256 MiB.',
  }),
})

const ClientKeySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]{1,64}$/, {
      error: 'must be 1 to 64 letters, digits, dots, dashes or underscores',
    })
    .meta({ description: 'Name of the key, as logs and traces show it.', examples: ['ci'] }),
  key_env: EnvironmentNameSchema.optional().meta({
    description: 'Environment variable that holds the key. Either this or `sha256`.',
    examples: ['CI_BRIDGE_KEY'],
  }),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: 'must be the 64 hexadecimal digits of a SHA-256' })
    .toLowerCase()
    .optional()
    .meta({ description: 'SHA-256 of the key, in hexadecimal. Either this or `key_env`.' }),
  org_id: UuidSchema.optional().meta({
    description: 'Organisation, a UUID. Default: the local one, which all keys without it share.',
  }),
  user_id: UuidSchema.optional().meta({
    description: 'User, a UUID; sessions belong to one. Default: one of its own, made from `name`.',
  }),
  max_cost_usd: UsdSchema.optional().meta({
    description:
      'Most that this key may spend, in USD, whatever session, raise or opt-out it uses. Default: no ceiling.',
    examples: ['100'],
  }),
  window: z
    .string()
    .regex(/^[1-9]\d{0,4}[mhdw]$/, { error: 'must be a number and m, h, d or w, as in "30d"' })
    .optional()
    .meta({
      description:
        'Time in which `max_cost_usd` may be spent, in minutes, hours, days or weeks. Default: for ever.',
      examples: ['30d'],
    }),
  may_raise: z.boolean().default(false).meta({
    description: 'Whether it may raise the limits of its own sessions.',
  }),
})

export const ConfigSchema = z.strictObject({
  server: ServerSchema.prefault({}).meta({ description: 'The bridge itself.' }),
  upstreams: z
    .record(
      z.string().regex(/^[A-Za-z0-9][\w.-]*$/, {
        error: 'must be letters, digits, dots, dashes or underscores, without a slash',
      }),
      UpstreamSchema,
    )
    .default({})
    .meta({
      description:
        'Where models are served. Without any, they are found through well-known environment variables and local servers.',
    }),
  models: z.record(z.string().min(1), ModelSchema).default({}).meta({
    description:
      'What clients may ask for. `[models."*"]` stands for any other name, which goes through unchanged. Without any model, every name an upstream serves goes through.',
  }),
  session: SessionSchema.prefault({}).meta({
    description: 'Limits of sessions that name none of their own.',
  }),
  interceptor: InterceptorSchema.prefault({}).meta({ description: 'Rollouts through the bridge.' }),
  responses: ResponsesSchema.prefault({}).meta({
    description: 'What is kept of responses and conversations.',
  }),
  trace: TraceSchema.prefault({}).meta({ description: 'What is kept of calls.' }),
  otel: OtelSchema.prefault({}).meta({
    description:
      'Spans of calls to an OpenTelemetry collector (docs/metrics.md). Off without an endpoint.',
  }),
  keys: z.array(ClientKeySchema).default([]).meta({
    description: 'Who may call. Without any, only loopback may, as one local user.',
  }),
})

export type Config = z.output<typeof ConfigSchema>
export type ClientKeyConfig = Config['keys'][number]

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** The JSON Schema of a configuration file, for editors. */
export function configJsonSchema(): JsonSchema {
  return { title: 'synth-bridge configuration', ...z.toJSONSchema(ConfigSchema, { io: 'input' }) }
}
