/**
 * Providers that the bridge knows by their address: where they are, which variable holds their key,
 * and which switches their Chat Completions need. Facts that were tried or that their own errors
 * state; a switch in the file always wins.
 */
import type { UpstreamConfig } from './schema-upstreams.ts'

/** The dialect switches that a provider or a file may set. */
export type DialectSwitches = Partial<
  Pick<
    UpstreamConfig,
    | 'head_system'
    | 'later_system'
    | 'developer_role'
    | 'reasoning_field'
    | 'max_tokens_field'
    | 'empty_content'
    | 'json_schema'
    | 'unsupported'
  >
>

export interface Provider {
  /** The upstream's name when it is found without a file. */
  readonly name: string
  readonly baseUrl: string
  /** The variables that may hold its key; the first that is set is used. */
  readonly keyVariables: readonly string[]
  /** The variable that moves it elsewhere, as the provider's own clients read it. */
  readonly baseUrlVariable: string
  /** Whether its key alone is no sign that it is wanted. */
  readonly needsBaseUrl?: boolean
  readonly switches: DialectSwitches
}

/** In the order in which they are offered. */
export const PROVIDERS: readonly Provider[] = [
  {
    name: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    keyVariables: ['OPENAI_API_KEY'],
    baseUrlVariable: 'OPENAI_BASE_URL',
    // Its reasoning models take only `max_completion_tokens`, and no message may carry reasoning.
    switches: {
      max_tokens_field: 'max_completion_tokens',
      reasoning_field: 'none',
      later_system: 'system',
    },
  },
  {
    name: 'openrouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    keyVariables: ['OPENROUTER_API_KEY'],
    baseUrlVariable: 'OPENROUTER_BASE_URL',
    switches: { reasoning_field: 'reasoning' },
  },
  {
    name: 'groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    keyVariables: ['GROQ_API_KEY'],
    baseUrlVariable: 'GROQ_BASE_URL',
    // "property 'reasoning_content' is unsupported"; `reasoning` is refused by its other models.
    switches: { reasoning_field: 'none', unsupported: ['logprobs', 'top_logprobs'] },
  },
  {
    name: 'deepseek',
    baseUrl: 'https://api.deepseek.com/v1',
    keyVariables: ['DEEPSEEK_API_KEY'],
    baseUrlVariable: 'DEEPSEEK_BASE_URL',
    switches: { json_schema: false },
  },
  {
    name: 'mistral',
    baseUrl: 'https://api.mistral.ai/v1',
    keyVariables: ['MISTRAL_API_KEY'],
    baseUrlVariable: 'MISTRAL_BASE_URL',
    // Refuses every field it does not know (422 extra_forbidden); it streams usage without being asked.
    switches: {
      reasoning_field: 'none',
      unsupported: [
        'logprobs',
        'moderation',
        'prompt_cache_key',
        'prompt_cache_options',
        'prompt_cache_retention',
        'safety_identifier',
        'service_tier',
        'stream_options',
        'top_logprobs',
        'user',
        'verbosity',
      ],
    },
  },
  {
    name: 'xai',
    baseUrl: 'https://api.x.ai/v1',
    keyVariables: ['XAI_API_KEY'],
    baseUrlVariable: 'XAI_BASE_URL',
    switches: {},
  },
  {
    name: 'together',
    baseUrl: 'https://api.together.xyz/v1',
    keyVariables: ['TOGETHER_API_KEY'],
    baseUrlVariable: 'TOGETHER_BASE_URL',
    switches: {},
  },
  {
    name: 'fireworks',
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    keyVariables: ['FIREWORKS_API_KEY'],
    baseUrlVariable: 'FIREWORKS_BASE_URL',
    switches: {},
  },
  {
    name: 'cerebras',
    baseUrl: 'https://api.cerebras.ai/v1',
    keyVariables: ['CEREBRAS_API_KEY'],
    baseUrlVariable: 'CEREBRAS_BASE_URL',
    // The first four are answered with a 400.
    switches: {
      reasoning_field: 'none',
      unsupported: [
        'frequency_penalty',
        'parallel_tool_calls',
        'presence_penalty',
        'service_tier',
        'moderation',
        'prompt_cache_key',
        'prompt_cache_options',
        'prompt_cache_retention',
        'verbosity',
      ],
    },
  },
  {
    name: 'moonshot',
    baseUrl: 'https://api.moonshot.ai/v1',
    keyVariables: ['MOONSHOT_API_KEY'],
    baseUrlVariable: 'MOONSHOT_BASE_URL',
    switches: {},
  },
  {
    name: 'zai',
    baseUrl: 'https://api.z.ai/api/paas/v4',
    keyVariables: ['ZAI_API_KEY'],
    baseUrlVariable: 'ZAI_BASE_URL',
    switches: { json_schema: false },
  },
  {
    name: 'huggingface',
    baseUrl: 'https://router.huggingface.co/v1',
    keyVariables: ['HF_TOKEN'],
    baseUrlVariable: 'HF_BASE_URL',
    switches: {},
  },
  {
    name: 'synth',
    baseUrl: 'https://api.usesynth.ai/api/inference/v1',
    keyVariables: ['SYNTH_API_KEY'],
    baseUrlVariable: 'SYNTH_BASE_URL',
    // Synth's own clients present their key to whatever bridge they are pointed at.
    needsBaseUrl: true,
    switches: {},
  },
]

export interface LocalServer {
  readonly name: string
  readonly title: string
  readonly port: number
  /** What `owned_by` of a listed model says on this server, where it says anything of its own. */
  readonly ownedBy?: string
  /** The variable in which its own tools look for its address. */
  readonly hostVariable?: string
  readonly switches: DialectSwitches
}

export const LOCAL_SERVERS: readonly LocalServer[] = [
  {
    name: 'ollama',
    title: 'Ollama',
    port: 11_434,
    ownedBy: 'library',
    hostVariable: 'OLLAMA_HOST',
    switches: { reasoning_field: 'reasoning' },
  },
  { name: 'lmstudio', title: 'LM Studio', port: 1234, switches: {} },
  { name: 'llamacpp', title: 'llama.cpp', port: 8080, ownedBy: 'llamacpp', switches: {} },
  { name: 'vllm', title: 'vLLM', port: 8000, ownedBy: 'vllm', switches: {} },
]

/** The switches that an address alone decides; none for an address nobody knows. */
export function switchesOfAddress(baseUrl: string): DialectSwitches {
  const { host, hostname } = new URL(baseUrl)
  const provider = PROVIDERS.find((known) => new URL(known.baseUrl).host === host)
  if (provider !== undefined) return provider.switches
  // Azure serves OpenAI's models under each customer's own name.
  const isAzure = hostname.endsWith('.openai.azure.com')
  return (isAzure && PROVIDERS[0]?.switches) || {}
}
