/**
 * Whether a JSON object that arrives in pieces has come to its end. Only depth and strings are
 * followed, each unit once, so that a call of 50,000 fragments costs what its text costs.
 */
export interface ObjectEnd {
  readonly ended: boolean
  push(piece: string): void
}

export function createObjectEnd(): ObjectEnd {
  let depth = 0
  let at: 'head' | 'outside' | 'string' | 'escape' | 'ended' | 'other' = 'head'

  function step(unit: string): void {
    switch (at) {
      case 'head':
        if (unit === '{') {
          depth = 1
          at = 'outside'
        } else if (unit.trim() !== '') at = 'other'
        return
      case 'outside':
        if (unit === '"') at = 'string'
        else if (unit === '{' || unit === '[') depth++
        else if (unit === '}' || unit === ']') {
          depth--
          if (depth === 0) at = 'ended'
        }
        return
      case 'string':
        if (unit === '\\') at = 'escape'
        else if (unit === '"') at = 'outside'
        return
      case 'escape':
        at = 'string'
        return
      default:
        return
    }
  }

  return {
    get ended() {
      return at === 'ended'
    },
    push(piece) {
      for (let index = 0; index < piece.length; index++) {
        if (at === 'ended' || at === 'other') return
        step(piece.charAt(index))
      }
    },
  }
}
