/**
 * Whether a JSON object that arrives in pieces has come to its end. Only depth and strings are
 * followed, each unit once, so that a call of 50,000 fragments costs what its text costs.
 */
export class ObjectEnd {
  #depth = 0
  #at: 'head' | 'outside' | 'string' | 'escape' | 'ended' | 'other' = 'head'

  get ended(): boolean {
    return this.#at === 'ended'
  }

  push(piece: string): void {
    for (let index = 0; index < piece.length; index++) {
      if (this.#at === 'ended' || this.#at === 'other') return
      this.#step(piece.charAt(index))
    }
  }

  #step(unit: string): void {
    switch (this.#at) {
      case 'head':
        if (unit === '{') {
          this.#depth = 1
          this.#at = 'outside'
        } else if (unit.trim() !== '') this.#at = 'other'
        return
      case 'outside':
        if (unit === '"') this.#at = 'string'
        else if (unit === '{' || unit === '[') this.#depth++
        else if (unit === '}' || unit === ']') {
          this.#depth--
          if (this.#depth === 0) this.#at = 'ended'
        }
        return
      case 'string':
        if (unit === '\\') this.#at = 'escape'
        else if (unit === '"') this.#at = 'outside'
        return
      case 'escape':
        this.#at = 'string'
        return
      default:
        return
    }
  }
}
