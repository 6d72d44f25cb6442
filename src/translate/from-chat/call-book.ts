/**
 * Which call a tool message answers. Clients repeat ids, over turns and within one; Responses wants
 * each once, of at most 64 characters. What an id becomes depends on what came before it alone, so that
 * a growing history keeps its ids.
 */
import { createCallIds } from '../to-chat/call-ids.ts'
import { withHash } from '../tool-name.ts'

export type CallKind = 'function' | 'custom'

export interface BookedCall {
  readonly callId: string
  readonly kind: CallKind
}

export interface CallBook {
  /** A new assistant message begins: an id that it repeats is another call's from here on. */
  turn(): void
  call(id: string | undefined, kind: CallKind): BookedCall
  /** A call in the old form, which has no id: it is answered by its name. */
  legacyCall(name: string): BookedCall
  /** The call that an output answers; a function call under the same id where there is none. */
  answer(id: string | undefined): BookedCall
  legacyAnswer(name: string): BookedCall
}

const MAX_ID_CHARS = 64

export function createCallBook(): CallBook {
  const ids = createCallIds()
  const open = new Map<string, BookedCall[]>()
  let turnIds = new Set<string>()

  function book(key: string, id: string | undefined, kind: CallKind): BookedCall {
    const booked: BookedCall = {
      callId: ids.next(id === undefined ? undefined : shorten(id)),
      kind,
    }
    if (turnIds.has(key)) open.get(key)?.push(booked)
    else open.set(key, [booked])
    turnIds.add(key)
    return booked
  }

  function find(key: string): BookedCall | undefined {
    const calls = open.get(key) ?? []
    // The last one stays: an output that is sent twice is about the same call.
    return calls.length > 1 ? calls.shift() : calls[0]
  }

  return {
    turn() {
      turnIds = new Set()
    },
    call: (id, kind) => book(keyOf(id), id, kind),
    legacyCall: (name) => book(legacyKey(name), undefined, 'function'),
    answer: (id) => find(keyOf(id)) ?? { callId: shorten(id ?? ''), kind: 'function' },
    legacyAnswer: (name) =>
      find(legacyKey(name)) ?? { callId: shorten(`call_${name}`), kind: 'function' },
  }
}

const keyOf = (id: string | undefined): string => `id ${id ?? ''}`
const legacyKey = (name: string): string => `name ${name}`

/** Some servers put a whole thought signature into an id. */
function shorten(id: string): string {
  return id.length <= MAX_ID_CHARS ? id : withHash(id, id)
}
