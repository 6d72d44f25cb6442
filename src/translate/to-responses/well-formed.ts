/**
 * Text that can always be sent. An upstream may split an emoji's two escapes over two chunks, and a
 * lone half is worse than a wrong character: strict JSON readers (Codex's among them) refuse the
 * whole event that holds one.
 */

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff

export interface WellFormedText {
  /** The piece without a trailing half pair, which waits for the next piece. */
  push(piece: string): string
  /** What still waits: U+FFFD for a half whose other half never came. */
  flush(): string
}

export function createWellFormedText(): WellFormedText {
  let half = ''
  return {
    push(piece) {
      let text = half + piece
      half = ''
      if (isHighSurrogate(text.charCodeAt(text.length - 1))) {
        half = text.slice(-1)
        text = text.slice(0, -1)
      }
      return text.isWellFormed() ? text : text.toWellFormed()
    },
    flush() {
      const rest = half.toWellFormed()
      half = ''
      return rest
    },
  }
}
