/** `[models.NAME]`: what clients may ask for, what serves it, and what it costs. */
import { z } from 'zod'
import { PriceSchema, QuantitySchema } from './schema-values.ts'

const PRICE_UNIT = 'USD per million tokens'

const cachedInput = PriceSchema.optional().meta({
  description: `Input read from the upstream's cache, ${PRICE_UNIT}. Default: as \`input\`.`,
})
const cacheWrite = PriceSchema.optional().meta({
  description: `Input written to the upstream's cache, ${PRICE_UNIT}. Default: as \`input\`.`,
})

const PriceTierSchema = z.strictObject({
  above: z.int().min(1).meta({
    description: 'Input tokens of a call beyond which this tier prices the whole call.',
  }),
  input: PriceSchema.meta({ description: `Input, ${PRICE_UNIT}.` }),
  cached_input: cachedInput,
  cache_write: cacheWrite,
  output: PriceSchema.meta({ description: `Output, reasoning included, ${PRICE_UNIT}.` }),
})

const PriceTableSchema = z.strictObject({
  input: PriceSchema.meta({ description: `Input, ${PRICE_UNIT}.`, examples: ['0.15'] }),
  cached_input: cachedInput,
  cache_write: cacheWrite,
  output: PriceSchema.meta({
    description: `Output, reasoning included, ${PRICE_UNIT}.`,
    examples: ['0.60'],
  }),
  tiers: z
    .array(PriceTierSchema)
    .optional()
    .meta({ description: 'Prices of long calls, by rising `above`. Default: none.' }),
})

/** Once would stop the model at the first call it repeats nothing of. */
const MIN_REPEATED_CALLS = 2

export const ModelSchema = z.strictObject({
  upstream: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Upstream that serves it. Default: the only one there is, or the only one that lists it.',
      examples: ['local'],
    }),
  model: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "The upstream's own name for it. Default: the same name.",
      examples: ['Qwen/Qwen3-Coder-30B-A3B-Instruct'],
    }),
  context_window: z
    .int()
    .min(1)
    .optional()
    .meta({
      description: 'Tokens that input and output share. Default: not known.',
      examples: [131_072],
    }),
  max_output_tokens: z
    .int()
    .min(1)
    .optional()
    .meta({
      description: 'Most tokens of one answer. Default: as the client or the upstream says.',
      examples: [32_768],
    }),
  stop_tool: z.boolean().optional().meta({
    description:
      'Whether `__internal_stop` is offered to it. Default: `true` for names that begin with `synth-`, else `false`.',
  }),
  max_repeated_calls: z
    .int()
    .min(0)
    .refine((times) => times === 0 || times >= MIN_REPEATED_CALLS, {
      error: `must be 0 (off) or at least ${MIN_REPEATED_CALLS}`,
    })
    .default(0)
    .meta({
      description:
        'Stop the model after the same call with the same output this many times in a row; 0 is off.',
    }),
  think_tags: z.boolean().default(false).meta({
    description: 'Whether `<think>…</think>` at the head of its text is reasoning.',
  }),
  gpus: QuantitySchema.prefault(1).meta({
    description: 'GPUs that a call occupies; GPU hours are this times the upstream time.',
  }),
  usage: z.enum(['report', 'estimate']).default('report').meta({
    description:
      'What clients are told where the upstream reports no usage: `report` says null, `estimate` fills it in (Codex compacts by it).',
  }),
  price: z
    .union([z.literal('free'), PriceTableSchema])
    .optional()
    .meta({
      description:
        'What it costs: `"free"`, or a table. Default: free on a loopback upstream, else the bundled price list.',
    }),
})

export type ModelConfig = z.output<typeof ModelSchema>
export type PriceConfig = NonNullable<ModelConfig['price']>
