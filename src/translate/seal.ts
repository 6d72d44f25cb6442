/**
 * How reasoning travels through a stateless client: sealed in `encrypted_content`, opened when it
 * comes back. The cipher and its key are an edge's; this is what the translation needs of them.
 */

export interface Seal {
  /** Opaque, authenticated text for the client to carry. */
  seal(plain: string): string
  /** The text back, or undefined for anything this bridge did not seal. Never throws. */
  open(sealed: string): string | undefined
}

/** What is inside a seal: the upstream's reasoning, as it has to go back. */
export interface SealedReasoning {
  /** Version of this shape. */
  readonly v: 1
  readonly text: string
  /** `reasoning_details` of the upstream (signatures, encrypted parts), verbatim. */
  readonly details?: readonly unknown[]
}
