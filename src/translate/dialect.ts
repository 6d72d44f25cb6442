/**
 * How one upstream's Chat Completions differs from the next one's: the switches of `[upstreams.*]`.
 * The defaults suit the strictest servers.
 */

export interface ChatDialect {
  /** Whether the system-class messages at the head become one. */
  readonly headSystem: 'merge' | 'keep'
  /** What a later system-class message becomes, in its place. Strict templates refuse a second system. */
  readonly laterSystem: 'user' | 'system'
  readonly developerRole: 'system' | 'developer'
  /** Where reasoning goes back to the upstream. */
  readonly reasoningField: 'reasoning_content' | 'reasoning' | 'none'
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens'
  /** What an assistant message without text carries beside its calls. */
  readonly emptyContent: '' | null
  /** Whether the upstream takes `response_format: json_schema`; without it the format is dropped. */
  readonly jsonSchema: boolean
  /** What it takes a grammar by, to which it then holds its text while it generates. */
  readonly grammar: 'none' | 'vllm' | 'llama.cpp'
  /** Chat fields this upstream refuses; they are left out and reported as dropped. */
  readonly unsupported: readonly string[]
}

export const DEFAULT_DIALECT: ChatDialect = {
  headSystem: 'merge',
  laterSystem: 'user',
  developerRole: 'system',
  reasoningField: 'reasoning_content',
  maxTokensField: 'max_tokens',
  emptyContent: '',
  jsonSchema: true,
  grammar: 'none',
  unsupported: [],
}
