/**
 * Keys that are bound to a session: whoever shows one calls for the session's owner, on that session and
 * no other. Nothing but the hash is kept, with the session, so such a key lives and dies with it.
 */
import { BridgeError } from '../errors.ts'
import { toSessionError } from '../gateway/budget-refusal.ts'
import type { Caller, ClientKind } from '../gateway/identity.ts'
import { type BoundKey, type LedgerStore, StoreUnavailable } from '../gateway/ledger-port.ts'
import { type AccessKey, matchKey, presentedKeys, type RequestHeaders, sha256Of } from './access.ts'
import { callerOfOpener } from './callers.ts'

export interface BoundCallersOptions {
  readonly keys: readonly AccessKey[]
  readonly store: Pick<LedgerStore, 'findBoundKey'>
}

export interface BoundCallers {
  /**
   * The caller behind a presented key that is bound; undefined where none is.
   *
   * @throws {BridgeError} store_unavailable: it may be one, so it must not pass for any other
   */
  find(headers: RequestHeaders): Promise<Caller | undefined>
}

/** A session's key never changes, so it is asked for once; a launcher makes a few dozen a day. */
const REMEMBERED = 1_000

export function createBoundCallers({ keys, store }: BoundCallersOptions): BoundCallers {
  const known = new Map<string, BoundKey>()

  const lookUp = async (hash: string): Promise<BoundKey | undefined> => {
    const remembered = known.get(hash)
    if (remembered !== undefined) return remembered
    const found = await ask(hash)
    if (found === null) return undefined
    if (known.size >= REMEMBERED) known.clear()
    known.set(hash, found)
    return found
  }
  const ask = (hash: string): Promise<BoundKey | null> =>
    store.findBoundKey(hash).catch(unavailable)

  return {
    async find(headers) {
      for (const key of presentedKeys(headers)) {
        const digest = sha256Of(key)
        // One of [[keys]] is itself, whatever hash somebody bound.
        if (matchKey(digest, keys) !== undefined) return undefined
        const bound = await lookUp(digest.toString('hex'))
        if (bound !== undefined) return callerOfOpener(bound, keys, bound.sessionId)
      }
      return undefined
    },
  }
}

function unavailable(cause: unknown): never {
  if (!(cause instanceof StoreUnavailable)) throw cause
  const message = `The key cannot be looked up: ${cause.message}`
  throw new BridgeError('store_unavailable', message, { cause })
}

/**
 * A bound key dies with its session also where nothing is spent, which the budget's gate never sees.
 *
 * @throws {BridgeError} session_ended, store_unavailable
 */
export async function checkBoundSession(
  { boundSessionId, orgId, userId }: Caller,
  client: ClientKind,
  {
    store,
    nowMs,
  }: { readonly store: Pick<LedgerStore, 'getSession'>; readonly nowMs: () => number },
): Promise<void> {
  if (boundSessionId === null) return
  const session = await store
    .getSession({ orgId, userId, sessionId: boundSessionId }, nowMs())
    .catch(unavailable)
  const status = session?.account.status
  if (status === 'ended' || status === 'expired') {
    throw toSessionError(`session_${status}`, boundSessionId, client)
  }
}
