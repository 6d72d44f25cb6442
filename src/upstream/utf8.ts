/**
 * Bytes to text, read by read, refusing what is not UTF-8: a replacement character in a tool call's
 * arguments would be executed. `isAscii`/`isUtf8` check at memory speed, which TextDecoder in
 * streaming mode does not.
 */
import { isAscii, isUtf8 } from 'node:buffer'

/** How many bytes at the end of `bytes` begin a character that is not yet whole (0 to 3). */
function openTailLength(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0b1100_0000) === 0b1000_0000) continue
    const width = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return width > back ? back : 0
  }
  return 0
}

export class Utf8Reader {
  #tail: Buffer | undefined

  /** The text of one read, or undefined when it is not UTF-8. */
  read(bytes: Buffer): string | undefined {
    if (this.#tail === undefined && isAscii(bytes)) return bytes.toString('latin1')
    const whole = this.#tail === undefined ? bytes : Buffer.concat([this.#tail, bytes])
    const open = openTailLength(whole)
    this.#tail = open === 0 ? undefined : Buffer.from(whole.subarray(whole.length - open))
    const closed = open === 0 ? whole : whole.subarray(0, whole.length - open)
    return isUtf8(closed) ? closed.toString('utf8') : undefined
  }

  /** Whether the bytes stopped inside a character. */
  get midCharacter(): boolean {
    return this.#tail !== undefined
  }
}
