/**
 * The per-request table between the names of the chat wire and the tools the client declared. Built
 * once from the request; the request side writes with it and the stream machine reads with it, so
 * that the two cannot disagree.
 */

/** What every input of a custom tool has to be. */
export interface ToolGrammar {
  readonly name: string
  readonly namespace?: string
  /** `regex` or `lark`. */
  readonly syntax: string
  readonly definition: string
}

/** What a chat function name stands for on the client's side. */
export type ToolTarget =
  | { readonly kind: 'function'; readonly name: string; readonly namespace?: string }
  | {
      readonly kind: 'custom'
      readonly name: string
      readonly namespace?: string
      readonly grammar?: ToolGrammar
    }
  | { readonly kind: 'tool_search' }
  | { readonly kind: 'stop' }

export interface ToolTable {
  /** The tool behind a chat name, or undefined for a name nobody declared. */
  target(chatName: string): ToolTarget | undefined
  /** The chat name of a declared tool, or undefined. */
  chatName(name: string, namespace?: string | null): string | undefined
  /**
   * Whether the model may call it now: false outside `allowed_tools`, for any tool under
   * `tool_choice: "none"`. Names nobody declared are allowed: the client answers those itself.
   */
  allows(chatName: string): boolean
}

/** The argument of a custom tool's function form, and the one property it has. */
export const CUSTOM_INPUT_PROPERTY = 'input'

export const STOP_TOOL_NAME = '__internal_stop'
/** The property of the stop tool whose text becomes the answer. */
export const STOP_MESSAGE_PROPERTY = 'message'

/** The name under which a client's tool search is declared and called. */
export const TOOL_SEARCH_NAME = 'tool_search'

export interface ToolEntry {
  readonly chatName: string
  readonly target: ToolTarget
}

/** Which of the declared tools may be called now. */
export type ToolRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'none' }
  | { readonly kind: 'only'; readonly chatNames: ReadonlySet<string> }

/** Of two entries with one name, chat's or the client's, the first holds. */
export function createToolTable(
  entries: readonly ToolEntry[],
  rule: ToolRule = { kind: 'any' },
): ToolTable {
  const targets = new Map<string, ToolTarget>()
  const chatNames = new Map<string, string>()
  for (const { chatName, target } of entries) {
    if (!targets.has(chatName)) targets.set(chatName, target)
    const key = clientKeyOf(target)
    if (key !== undefined && !chatNames.has(key)) chatNames.set(key, chatName)
  }
  return {
    target: (chatName) => targets.get(chatName),
    chatName: (name, namespace) => chatNames.get(clientKey(name, namespace)),
    allows: (chatName) => obeys(rule, chatName, targets.get(chatName)),
  }
}

/** What tells one declared tool from another on the client's side. */
export function clientKey(name: string, namespace?: string | null): string {
  return namespace ? `${namespace}\u0000${name}` : name
}

function clientKeyOf(target: ToolTarget): string | undefined {
  switch (target.kind) {
    case 'function':
    case 'custom':
      return clientKey(target.name, target.namespace)
    case 'tool_search':
      return clientKey(TOOL_SEARCH_NAME)
    case 'stop':
      return undefined
  }
}

function obeys(rule: ToolRule, chatName: string, target: ToolTarget | undefined): boolean {
  switch (rule.kind) {
    case 'any':
      return true
    case 'none':
      return false
    case 'only':
      return target === undefined || target.kind === 'stop' || rule.chatNames.has(chatName)
  }
}
