/** `[upstreams.NAME]`: where models are served, how to reach them, and how their wire differs. */
import { z } from 'zod'
import { EnvironmentNameSchema, TimeoutMsSchema } from './schema-values.ts'

/** Left to the upstream's address where the file says nothing: see `providers.ts`. */
const PROVIDER_DEFAULT = 'Default: as the provider at that address wants it, else'

const BaseUrlSchema = z.string().superRefine((text, context) => {
  const reason = faultOfBaseUrl(text)
  if (reason !== undefined) context.addIssue({ code: 'custom', message: reason })
})

function faultOfBaseUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return 'must be an http:// or https:// URL, as in "http://127.0.0.1:8000/v1"'
  }
  if (url.username !== '' || url.password !== '') {
    return 'must not hold credentials; name the variable that holds the key with api_key_env'
  }
  if (url.search !== '' || url.hash !== '') return 'must end with its path, without ? or #'
  const route = /\/(chat\/completions|responses)\/?$/.exec(url.pathname)?.[1]
  return route === undefined ? undefined : `must end before /${route}, which is added to it`
}

export const UpstreamSchema = z.strictObject({
  base_url: BaseUrlSchema.meta({
    description: 'Base URL, to which `/chat/completions` or `/responses` is added.',
    examples: ['http://127.0.0.1:8000/v1'],
  }),
  wire: z.enum(['chat', 'responses']).default('chat').meta({
    description:
      'What it speaks: `chat` is Chat Completions; `responses` is Responses. A client that speaks the same is passed through, the other is translated; all are budgeted and traced.',
  }),
  api_key_env: EnvironmentNameSchema.optional().meta({
    description: 'Environment variable that holds its API key. Absent: no key is sent.',
    examples: ['LOCAL_API_KEY'],
  }),
  max_retries: z.int().min(0).max(10).default(2).meta({
    description:
      'Further attempts at a call, made only before its first byte and only when nothing can have been billed.',
  }),
  connect_timeout_ms: TimeoutMsSchema.default(10_000).meta({
    description: 'Longest wait for a connection, in milliseconds.',
  }),
  headers_timeout_ms: TimeoutMsSchema.default(300_000).meta({
    description: 'Longest wait for the headers of an answer, in milliseconds.',
  }),
  idle_timeout_ms: TimeoutMsSchema.default(300_000).meta({
    description: 'Longest silence within an answer, in milliseconds.',
  }),
  head_system: z
    .enum(['merge', 'keep'])
    .optional()
    .meta({
      description: `System messages at the head: \`merge\` makes them one, \`keep\` sends each. ${PROVIDER_DEFAULT} \`merge\`.`,
    }),
  later_system: z
    .enum(['user', 'system'])
    .optional()
    .meta({
      description: `Role of a system message after the head; strict templates refuse a second \`system\`. ${PROVIDER_DEFAULT} \`user\`.`,
    }),
  developer_role: z
    .enum(['system', 'developer'])
    .optional()
    .meta({
      description: `What the role \`developer\` becomes. ${PROVIDER_DEFAULT} \`system\`.`,
    }),
  reasoning_field: z
    .enum(['reasoning_content', 'reasoning', 'none'])
    .optional()
    .meta({
      description: `Field of an assistant message in which reasoning goes back; \`none\` leaves it out. ${PROVIDER_DEFAULT} \`reasoning_content\`.`,
    }),
  max_tokens_field: z
    .enum(['max_tokens', 'max_completion_tokens'])
    .optional()
    .meta({
      description: `Field that limits the output. ${PROVIDER_DEFAULT} \`max_tokens\`.`,
    }),
  empty_content: z
    .enum(['', 'null'])
    .optional()
    .meta({
      description: `Content of an assistant message that has only calls: an empty string, or \`null\`. ${PROVIDER_DEFAULT} \`""\`.`,
    }),
  json_schema: z
    .boolean()
    .optional()
    .meta({
      description: `Whether it takes \`response_format\` of type \`json_schema\`; without it the format is dropped. ${PROVIDER_DEFAULT} \`true\`.`,
    }),
  count_tokens: z
    .enum(['vllm', 'llama.cpp', 'responses'])
    .optional()
    .meta({
      description:
        'How it counts the tokens of a request for `…/responses/input_tokens`: `vllm` at its `/tokenize`, `llama.cpp` at its own routes, `responses` as OpenAI does. Default: it is not asked, and the answer is an estimate.',
      examples: ['vllm'],
    }),
  grammar: z.enum(['none', 'vllm', 'llama.cpp']).default('none').meta({
    description:
      'How it takes the grammar of a custom tool that a client forces: `vllm` by `structured_outputs`, `llama.cpp` by `grammar` (a build with LLGuidance). `none` leaves it to the description, and to a check afterwards.',
  }),
  grammar_retry: z.boolean().default(false).meta({
    description:
      'Whether an answer whose custom call is not what its grammar says is asked for once more, at its own cost; only for clients that do not stream.',
  }),
  unsupported: z
    .array(z.string().min(1))
    .optional()
    .meta({
      description: `Chat fields that it refuses; they are left out and named in \`x-synth-dropped\`. ${PROVIDER_DEFAULT} \`[]\`.`,
      examples: [['parallel_tool_calls']],
    }),
})

export type UpstreamConfig = z.output<typeof UpstreamSchema>
