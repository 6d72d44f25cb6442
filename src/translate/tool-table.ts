/**
 * The per-request table between the names of the chat wire and the tools the client declared. Built
 * once from the request; the request side writes with it and the stream machine reads with it, so
 * that the two cannot disagree.
 */

/** What a chat function name stands for on the client's side. */
export type ToolTarget =
  | { readonly kind: 'function'; readonly name: string; readonly namespace?: string }
  | { readonly kind: 'custom'; readonly name: string; readonly namespace?: string }
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
