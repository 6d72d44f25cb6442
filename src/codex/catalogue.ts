/**
 * The model catalogue that Codex reads with `model_catalog_json`. Without an entry Codex warns about
 * "fallback metadata", assumes a context of 272,000 tokens and offers no `apply_patch`. The file
 * replaces Codex's whole catalogue, so every model a user may switch to belongs in it.
 *
 * Codex parses it strictly: a missing required member or an unknown enum value ends it at start.
 *
 * @see https://github.com/openai/codex for the reader of this file, `ModelInfo`
 */
import { baseInstructions } from './instructions.ts'

/** A model as the bridge knows it. */
export interface CodexModel {
  /** The name Codex asks the bridge for. */
  readonly slug: string
  /** What the model picker shows; the slug by default. */
  readonly displayName?: string | undefined
  readonly description?: string | undefined
  /** Tokens of prompt and answer together. Codex shows what is left of it and compacts by it. */
  readonly contextWindow?: number | undefined
  /** Tokens at which Codex compacts; Codex takes nine tenths of the window by default. */
  readonly autoCompactTokenLimit?: number | undefined
  /** Whether the model sees images; without it Codex offers no `view_image`. Default true. */
  readonly images?: boolean | undefined
  /** Reasoning efforts the upstream understands, weakest first; none by default. */
  readonly reasoningEfforts?: readonly string[] | undefined
  /** Whether `text.verbosity` reaches the model. Default false. */
  readonly verbosity?: boolean | undefined
  /** Whether Codex may offer its sub-agents. Default true. */
  readonly subAgents?: boolean | undefined
  /** In place of the bridge's own base instructions. */
  readonly baseInstructions?: string | undefined
}

export interface CodexCatalogue {
  readonly models: readonly CodexCatalogueEntry[]
}

/** One entry, with the members Codex 0.169 requires and those the bridge has a use for. */
interface CodexCatalogueEntry {
  readonly slug: string
  readonly display_name: string
  readonly description?: string
  readonly supported_reasoning_levels: readonly { effort: string; description: string }[]
  readonly default_reasoning_level?: string
  readonly supports_reasoning_summary_parameter: boolean
  readonly shell_type: 'shell_command'
  readonly visibility: 'list'
  readonly supported_in_api: true
  readonly priority: number
  readonly support_verbosity: boolean
  readonly apply_patch_tool_type: 'freeform'
  readonly truncation_policy: { readonly mode: 'tokens'; readonly limit: number }
  readonly input_modalities: readonly ('text' | 'image')[]
  readonly experimental_supported_tools: readonly string[]
  readonly context_window?: number
  readonly auto_compact_token_limit?: number
  readonly multi_agent_version?: 'disabled'
  readonly base_instructions: string
}

/** Tool output beyond this many tokens is shortened in the middle before the model sees it. */
const TOOL_OUTPUT_LIMIT_TOKENS = 10_000

const EFFORT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  none: 'No reasoning before the answer',
  minimal: 'Hardly any reasoning, fastest answers',
  low: 'Little reasoning, fast answers',
  medium: 'Balances speed and depth for everyday work',
  high: 'Deeper reasoning for hard problems',
  xhigh: 'Very deep reasoning for the hardest problems',
}

/** The catalogue for these models, the first one on top of Codex's picker. */
export function codexCatalogue(models: readonly CodexModel[]): CodexCatalogue {
  return { models: models.map(toEntry) }
}

function toEntry(model: CodexModel, position: number): CodexCatalogueEntry {
  const efforts = model.reasoningEfforts ?? []
  const middle = efforts.includes('medium') ? 'medium' : efforts[0]
  return {
    slug: model.slug,
    display_name: model.displayName ?? model.slug,
    ...(model.description !== undefined && { description: model.description }),
    supported_reasoning_levels: efforts.map((effort) => ({
      effort,
      description: EFFORT_DESCRIPTIONS[effort] ?? `Reasoning effort ${effort}`,
    })),
    ...(middle !== undefined && { default_reasoning_level: middle }),
    // A summary cannot be asked for on the chat wire; whatever reasoning arrives is shown anyway.
    supports_reasoning_summary_parameter: false,
    shell_type: 'shell_command',
    visibility: 'list',
    supported_in_api: true,
    priority: position + 1,
    support_verbosity: model.verbosity ?? false,
    apply_patch_tool_type: 'freeform',
    truncation_policy: { mode: 'tokens', limit: TOOL_OUTPUT_LIMIT_TOKENS },
    input_modalities: (model.images ?? true) ? ['text', 'image'] : ['text'],
    experimental_supported_tools: [],
    ...(model.contextWindow !== undefined && { context_window: model.contextWindow }),
    ...(model.autoCompactTokenLimit !== undefined && {
      auto_compact_token_limit: model.autoCompactTokenLimit,
    }),
    ...(model.subAgents === false && { multi_agent_version: 'disabled' as const }),
    base_instructions: model.baseInstructions ?? baseInstructions({ applyPatch: true }),
  }
}
