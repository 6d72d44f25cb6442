/**
 * What a client may ask: the body of `POST …/responses`. Loose where the API grows (unknown fields
 * pass and are reported as dropped), typed where the bridge reads.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/create
 */
import { z } from 'zod'

const nullish = <T extends z.ZodType>(schema: T) => schema.nullish()

/** One input item, or one tool. `type` decides the rest, which `translate/` narrows itself. */
const LooseObject = z.looseObject({})

export const ResponsesRequestSchema = z.looseObject({
  model: nullish(z.string()),
  input: nullish(z.union([z.string(), z.array(LooseObject)])),
  instructions: nullish(z.union([z.string(), z.array(LooseObject)])),
  stream: nullish(z.boolean()),
  stream_options: nullish(z.looseObject({ include_obfuscation: nullish(z.boolean()) })),
  tools: nullish(z.array(LooseObject)),
  tool_choice: nullish(z.union([z.string(), LooseObject])),
  parallel_tool_calls: nullish(z.boolean()),
  max_tool_calls: nullish(z.int().min(0)),
  max_output_tokens: nullish(z.int().min(1)),
  temperature: nullish(z.number().min(0).max(2)),
  top_p: nullish(z.number().min(0).max(1)),
  presence_penalty: nullish(z.number().min(-2).max(2)),
  frequency_penalty: nullish(z.number().min(-2).max(2)),
  top_logprobs: nullish(z.int().min(0).max(20)),
  reasoning: nullish(
    z.looseObject({
      effort: nullish(z.string()),
      summary: nullish(z.string()),
    }),
  ),
  text: nullish(
    z.looseObject({
      format: nullish(z.looseObject({ type: z.string() })),
      verbosity: nullish(z.string()),
    }),
  ),
  include: nullish(z.array(z.string())),
  store: nullish(z.boolean()),
  background: nullish(z.boolean()),
  previous_response_id: nullish(z.string()),
  conversation: nullish(z.union([z.string(), LooseObject])),
  truncation: nullish(z.string()),
  metadata: nullish(z.record(z.string(), z.string())),
  prompt_cache_key: nullish(z.string()),
  safety_identifier: nullish(z.string()),
  service_tier: nullish(z.string()),
  user: nullish(z.string()),
})

export type ResponsesRequest = z.infer<typeof ResponsesRequestSchema>
