/**
 * Text that can always be sent. An upstream may split an emoji's two escapes over two chunks, and a
 * lone half is worse than a wrong character: strict JSON readers (Codex's among them) refuse the
 * whole event that holds one.
 */

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff

/**
 * Takes pieces and gives them back without a trailing half pair, which waits for the next piece. A
 * half inside becomes U+FFFD; one that still waits at the end is dropped, for it says nothing.
 */
export class WellFormedText {
  #half = ''

  push(piece: string): string {
    let text = this.#half + piece
    this.#half = ''
    if (isHighSurrogate(text.charCodeAt(text.length - 1))) {
      this.#half = text.slice(-1)
      text = text.slice(0, -1)
    }
    return text.isWellFormed() ? text : text.toWellFormed()
  }
}
