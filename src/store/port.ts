/**
 * The port that the gateway sees, on top of the one function a store is: waiting for room, and not
 * losing a settlement, are the same for every store.
 */
import type { ReserveResult } from '../budget/operation.ts'
import {
  type LedgerStore,
  type ReserveRequest,
  StoreUnavailable,
  type WaitOptions,
} from '../gateway/ledger-port.ts'
import type { TrialStore } from '../gateway/trial-port.ts'
import { createOutbox } from './outbox.ts'
import type { LedgerRequest, Send } from './request.ts'
import { createWaitingRoom } from './waiting-room.ts'

export interface StoreParts {
  /** Names it in `health`. */
  readonly name: string
  readonly instanceId: string
  readonly send: Send
  readonly uuid: () => string
  readonly close: () => Promise<void>
}

/** All that a bridge keeps in its one store. */
export type Store = LedgerStore & TrialStore

export function createStore({ name, instanceId, send, uuid, close }: StoreParts): Store {
  const room = createWaitingRoom()
  /** Which accounts a hold keeps room in, to know whom its settlement lets in. */
  const accountsOfHold = new Map<string, readonly string[]>()
  const released = (holdId: string): void => {
    const accountIds = accountsOfHold.get(holdId)
    accountsOfHold.delete(holdId)
    // Not at once: a call refused by the same transaction has yet to get in line.
    if (accountIds !== undefined) setImmediate(() => room.wake(accountIds))
  }
  const outbox = createOutbox(send, released)
  let isClosed = false

  const reserveOnce = async (request: ReserveRequest, nowMs: number): Promise<ReserveResult> => {
    try {
      const operation = { ...request, kind: 'reserve', instanceId } as const
      return await send({ kind: 'ledger', operation, nowMs })
    } catch (error) {
      // It may have been committed all the same. Nothing was sent, so it is given back.
      if (error instanceof StoreUnavailable && !isClosed) {
        const operation = { kind: 'void', holdId: request.holdId } as const
        outbox.add({ kind: 'ledger', operation, nowMs }, error)
      }
      throw error
    }
  }

  /** `turn` is the line that called this request up, which must hear how it went. */
  const ask = async (
    request: ReserveRequest,
    nowMs: number,
    turn: string | undefined,
  ): Promise<ReserveResult> => {
    let isAdmitted = false
    try {
      const result = await reserveOnce(request, nowMs)
      isAdmitted = result.ok
      if (isAdmitted) {
        const accountIds = [request.sessionId, request.ceiling?.accountId]
        const known = accountIds.filter((accountId) => typeof accountId === 'string')
        accountsOfHold.set(request.holdId, known)
      }
      return result
    } finally {
      if (turn !== undefined) room.asked(turn, isAdmitted)
    }
  }

  const reserve = async (
    request: ReserveRequest,
    nowMs: number,
    { waitMs = 0, signal }: WaitOptions = {},
  ): Promise<ReserveResult> => {
    const startedMs = performance.now()
    const ticket = room.takeTicket()
    let turn: string | undefined
    for (;;) {
      const askedMs = performance.now() - startedMs
      const result = await ask(request, Math.floor(nowMs + askedMs), turn)
      const leftMs = waitMs - (performance.now() - startedMs)
      const isHeld =
        !result.ok && result.reason === 'limit' && result.refusal.cause === 'held_by_others'
      if (!isHeld || leftMs <= 0 || signal?.aborted === true || isClosed) return result
      turn = result.refusal.accountId
      if ((await room.wait(turn, { ticket, waitMs: leftMs, signal })) === 'over') return result
    }
  }

  const resolve = async <Request extends Parameters<typeof outbox.add>[0]>(request: Request) => {
    const { holdId } = request.operation
    try {
      const result = await send(request)
      released(holdId)
      return result
    } catch (error) {
      if (error instanceof StoreUnavailable && !isClosed) outbox.add(request, error)
      throw error
    }
  }

  const ledger = <Operation extends LedgerRequest['operation']>(
    operation: Operation,
    nowMs: number,
  ): LedgerRequest<Operation> => ({ kind: 'ledger', operation, nowMs })

  return {
    reserve,
    topUp: (request, nowMs) => send(ledger({ ...request, kind: 'top_up' }, nowMs)),
    markSent: (holdId, nowMs) => send(ledger({ kind: 'mark_sent', holdId }, nowMs)),
    checkpoint: (request, nowMs) => send(ledger({ ...request, kind: 'checkpoint' }, nowMs)),
    settle: (request, nowMs) =>
      resolve(ledger({ ...request, kind: 'settle', recordId: uuid() }, nowMs)),
    void: (holdId, nowMs) => resolve(ledger({ kind: 'void', holdId }, nowMs)),

    attach: (request, nowMs) => send({ kind: 'attach', request, nowMs }),
    createSession: (request, nowMs) => send({ kind: 'create_session', request, nowMs }),
    getSession: (request, nowMs) => send({ kind: 'get_session', request, nowMs }),
    listSessions: (request, nowMs) => send({ kind: 'list_sessions', request, nowMs }),
    endSession: (request, nowMs) => send({ kind: 'end_session', request, nowMs }),
    addLimit: (request, nowMs) => send({ kind: 'add_limit', request, nowMs }),
    async raiseLimit(request, nowMs) {
      const result = await send({ kind: 'raise_limit', request, nowMs })
      room.wake([request.sessionId])
      return result
    },
    listUsage: (request) => send({ kind: 'list_usage', request }),
    findBoundKey: (keySha256) => send({ kind: 'find_bound_key', keySha256 }),

    async saveTrial(reference, trial, nowMs) {
      await send({ kind: 'save_trial', reference, trial, nowMs })
    },
    findTrial: (reference) => send({ kind: 'find_trial', reference }),

    recover: (nowMs) => send({ kind: 'recover', nowMs }),
    async health() {
      // Reading may well work where writing does not.
      if (outbox.fault !== undefined) {
        const { size, fault } = outbox
        const message = `Results of calls wait to be written: ${size}. ${fault.message}`
        return { status: 'unavailable', store: name, message }
      }
      try {
        return { status: 'ok', store: name, openHolds: await send({ kind: 'count_open_holds' }) }
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        return { status: 'unavailable', store: name, message }
      }
    },
    async close() {
      if (isClosed) return
      isClosed = true
      room.close()
      await outbox.close()
      await close()
    },
  }
}
