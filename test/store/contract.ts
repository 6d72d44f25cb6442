/**
 * What every store must do, run against each of them. A harness opens bridges (`open`) on one shared
 * place; for the memory store that place is one bridge.
 */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keyAccountId } from '../../src/budget/account.ts'
import { UNKNOWN_USAGE } from '../../src/budget/hold.ts'
import type { LimitTerms } from '../../src/budget/limit.ts'
import { type Amounts, amounts } from '../../src/budget/metric.ts'
import { plainTerms, type Session, type SessionTerms } from '../../src/budget/session.ts'
import {
  type LedgerStore,
  type ReserveRequest,
  StoreUnavailable,
  type WaitOptions,
} from '../../src/gateway/ledger-port.ts'
import { CALL, hard, rolling, usd } from '../budget/building.ts'

export interface StoreHarness {
  /** Another bridge on the same place. */
  open(): Promise<LedgerStore>
  close(): Promise<void>
}

const T0 = Date.UTC(2026, 0, 1)

export function freshOwner() {
  return { orgId: randomUUID(), userId: randomUUID() }
}

export function reserveRequest(
  sessionId: string | null,
  wanted: Amounts,
  more: Partial<ReserveRequest> = {},
): ReserveRequest {
  return {
    holdId: randomUUID(),
    sessionId,
    ceiling: null,
    wanted,
    atLeast: wanted,
    sent: true,
    call: CALL,
    ...more,
  }
}

export function settleRequest(holdId: string, actual: Amounts) {
  return { holdId, actual, outcome: 'exact', usage: UNKNOWN_USAGE } as const
}

export function describeStore(name: string, createHarness: () => Promise<StoreHarness>): void {
  describe(`the ${name} store`, () => {
    let harness: StoreHarness
    let store: LedgerStore
    let owner: ReturnType<typeof freshOwner>

    beforeEach(async () => {
      harness = await createHarness()
      store = await harness.open()
      owner = freshOwner()
    })
    afterEach(() => harness.close())

    const create = (limits: readonly LimitTerms[] = [], terms: Partial<SessionTerms> = {}) =>
      store.createSession(
        { ...owner, apiKeyId: null, terms: { ...plainTerms(limits), ...terms } },
        T0,
      )
    const show = async (session: Session, nowMs = T0): Promise<Session> => {
      const found = await store.getSession({ ...owner, sessionId: session.sessionId }, nowMs)
      if (found === null) throw new Error('the session is gone')
      return found
    }
    const reserve = async (
      sessionId: string | null,
      wanted: Amounts,
      more: Partial<ReserveRequest> = {},
      wait?: WaitOptions,
    ) => {
      const request = reserveRequest(sessionId, wanted, { call: { ...CALL, ...owner }, ...more })
      return { request, result: await store.reserve(request, T0, wait) }
    }
    const spend = async (sessionId: string | null, amount: Amounts, nowMs = T0) => {
      const { request } = await reserve(sessionId, amount)
      return store.settle(settleRequest(request.holdId, amount), nowMs)
    }

    describe('calls', () => {
      test('are held, then settled, and both show in the session', async () => {
        const session = await create([hard(100n)])
        const { request, result } = await reserve(session.sessionId, usd(60n))
        expect(result).toMatchObject({ ok: true, granted: { cost_usd: 60n } })
        expect((await show(session)).account.reserved.cost_usd).toBe(60n)

        const settled = await store.settle(settleRequest(request.holdId, usd(25n)), T0)
        expect(settled).toMatchObject({
          ok: true,
          charged: { cost_usd: 25n },
          session: { spent: { cost_usd: 25n }, reserved: { cost_usd: 0n } },
        })
        expect((await show(session)).account).toMatchObject({
          spent: { cost_usd: 25n },
          reserved: { cost_usd: 0n },
        })
      })

      test('keep amounts that no float could', async () => {
        const session = await create()
        const huge = amounts({ cost_usd: 2n ** 53n - 1n, tokens: 2n ** 53n })
        await spend(session.sessionId, huge)
        await spend(session.sessionId, huge)
        expect((await show(session)).account.spent).toEqual(
          amounts({ cost_usd: 2n ** 54n - 2n, tokens: 2n ** 54n }),
        )
      })

      test('an absurd bill fills the counter and settles all the same', async () => {
        const session = await create()
        for (let round = 0; round < 2; round += 1) {
          const { request } = await reserve(session.sessionId, usd(1n))
          await store.settle(settleRequest(request.holdId, usd(2n ** 62n)), T0)
        }
        expect((await show(session)).account.spent.cost_usd).toBe(2n ** 62n)
      })

      test('top up, are marked sent, checkpointed and voided', async () => {
        const session = await create([hard(100n)])
        const { request } = await reserve(session.sessionId, usd(60n), { sent: false })
        const { holdId } = request
        expect(await store.markSent(holdId, T0)).toEqual({ ok: true })
        const more = { holdId, wanted: usd(100n), atLeast: usd(1n) }
        expect(await store.topUp(more, T0)).toMatchObject({ ok: true, held: { cost_usd: 100n } })
        expect(await store.topUp(more, T0)).toMatchObject({ ok: false, reason: 'limit' })
        const counted = { holdId, counted: usd(10n), allowance: usd(5n) }
        expect(await store.checkpoint(counted, T0)).toEqual({ ok: true })
        expect(await store.void(holdId, T0)).toEqual({ ok: true })
        expect(await store.checkpoint(counted, T0)).toEqual({ ok: false, reason: 'resolved' })
        expect((await show(session)).account).toMatchObject({
          spent: { cost_usd: 0n },
          reserved: { cost_usd: 0n },
        })
      })

      test('settle once however often they are settled', async () => {
        const session = await create()
        const { request } = await reserve(session.sessionId, usd(60n))
        const settle = () => store.settle(settleRequest(request.holdId, usd(25n)), T0)
        const results = await Promise.all([settle(), settle(), settle()])
        for (const result of results)
          expect(result).toMatchObject({ ok: true, charged: { cost_usd: 25n } })
        expect((await show(session)).account.spent.cost_usd).toBe(25n)
      })

      test('of unknown holds and sessions are told so', async () => {
        expect(await store.void(randomUUID(), T0)).toEqual({ ok: false, reason: 'unknown_hold' })
        const { result } = await reserve('sess_00000000000000000000000000000000', usd(1n))
        expect(result).toEqual({ ok: false, reason: 'unknown_session' })
      })

      test('one that is wrong fails alone', async () => {
        const session = await create([hard(100n)])
        const wrong = reserve(session.sessionId, usd(-1n))
        const right = reserve(session.sessionId, usd(100n))
        await expect(wrong).rejects.toThrow(RangeError)
        expect((await right).result).toMatchObject({ ok: true })
      })

      test('of one key share its ceiling, with a session and without', async () => {
        const session = await create()
        const ceiling = {
          accountId: keyAccountId(randomUUID()),
          terms: rolling(100n, 3_600_000),
        }
        await reserve(session.sessionId, usd(60n), { ceiling })
        const { result } = await reserve(null, usd(60n), { ceiling })
        expect(result).toMatchObject({
          ok: false,
          refusal: { scope: 'key', cause: 'held_by_others' },
        })
        expect((await reserve(null, usd(40n), { ceiling })).result).toMatchObject({ ok: true })
      })

      test('leave a rolling window when their time has passed', async () => {
        const session = await create([rolling(100n, 60_000)])
        await spend(session.sessionId, usd(100n))
        const refused = reserveRequest(session.sessionId, usd(10n))
        expect(await store.reserve(refused, T0 + 1_000)).toMatchObject({ ok: false })
        expect((await show(session)).account.status).toBe('limit_exceeded')
        const later = reserveRequest(session.sessionId, usd(10n))
        expect(await store.reserve(later, T0 + 62_000)).toMatchObject({ ok: true })
        expect((await show(session)).account.status).toBe('active')
      })
    })

    describe('under load', () => {
      test('500 calls at a limit that admits 9: nine are admitted', async () => {
        for (let round = 0; round < 20; round += 1) {
          const session = await create([hard(99n)], { makeActive: false })
          let isOver = false
          const watched = (async () => {
            let polls = 0
            for (; !isOver; polls += 1) {
              const { spent, reserved } = (await show(session)).account
              expect(spent.cost_usd + reserved.cost_usd).toBeLessThanOrEqual(99n)
            }
            return polls
          })()
          const calls = await Promise.all(
            Array.from({ length: 500 }, () => reserve(session.sessionId, usd(10n))),
          )
          isOver = true
          expect(await watched).toBeGreaterThan(0)
          const admitted = calls.filter(({ result }) => result.ok)
          expect(admitted).toHaveLength(9)
          expect((await show(session)).account.reserved.cost_usd).toBe(90n)
          await Promise.all(
            admitted.map(({ request }) => store.settle(settleRequest(request.holdId, usd(7n)), T0)),
          )
          expect((await show(session)).account).toMatchObject({
            status: 'active',
            spent: { cost_usd: 63n },
            reserved: { cost_usd: 0n },
          })
          const freed = await reserve(session.sessionId, usd(36n))
          expect(freed.result).toMatchObject({ ok: true })
        }
      })

      test('a call that only holds keep out gets in when one is settled', async () => {
        const session = await create([hard(100n)])
        const { request } = await reserve(session.sessionId, usd(100n))
        const waiting = reserve(session.sessionId, usd(50n), {}, { waitMs: 10_000 })
        await store.settle(settleRequest(request.holdId, usd(50n)), T0)
        expect((await waiting).result).toMatchObject({ ok: true })
      })

      test('waiting calls get in first come first served, all that fit', async () => {
        const session = await create([hard(40n)])
        const { request } = await reserve(session.sessionId, usd(40n))
        const order: number[] = []
        const waiting = Array.from({ length: 20 }, async (_, index) => {
          const { request, result } = await reserve(
            session.sessionId,
            usd(20n),
            {},
            { waitMs: 10_000 },
          )
          if (!result.ok) throw new Error(`call ${index} was refused`)
          order.push(index)
          await store.settle(settleRequest(request.holdId, usd(0n)), T0)
        })
        await store.void(request.holdId, T0)
        await Promise.all(waiting)
        expect(order).toEqual(order.toSorted((left, right) => left - right))
      })

      test('a wait ends with the refusal it stood at', async () => {
        const session = await create([hard(100n)])
        await reserve(session.sessionId, usd(100n))
        const timedOut = await reserve(session.sessionId, usd(1n), {}, { waitMs: 1 })
        expect(timedOut.result).toMatchObject({ ok: false, refusal: { cause: 'held_by_others' } })
        const gone = new AbortController()
        const aborted = reserve(
          session.sessionId,
          usd(1n),
          {},
          { waitMs: 60_000, signal: gone.signal },
        )
        gone.abort()
        expect((await aborted).result).toMatchObject({ ok: false })
      })
    })

    describe('sessions', () => {
      const attach = (terms = plainTerms([hard(20n)])) =>
        store.attach({ ...owner, apiKeyId: null, target: { by: 'owner', terms } }, T0)
      const end = (session: Session) =>
        store.endSession({ ...owner, sessionId: session.sessionId }, T0)

      test('come back as they were created', async () => {
        const session = await create([hard(5n), rolling(7n, 60_000, 'tokens')], {
          sessionType: 'codex_agent',
          expiresAtMs: T0 + 1_000,
          tracingSessionId: 'trace-1',
          metadata: { nested: { list: [1, null, 'ü'] } },
        })
        expect(session.sessionId).toMatch(/^sess_[0-9a-f]{32}$/)
        expect(await show(session)).toEqual(session)
      })

      test('500 calls of an owner without one open one', async () => {
        const results = await Promise.all(Array.from({ length: 500 }, () => attach()))
        const ids = new Set(results.map((result) => result.ok && result.session?.sessionId))
        expect(ids.size).toBe(1)
        expect(results.filter((result) => result.ok && result.opened)).toHaveLength(1)
      })

      test('a new one ends the active one and takes its place; a further one does not', async () => {
        const first = await create()
        const further = await create([], { makeActive: false })
        expect(await attach()).toMatchObject({ session: { sessionId: first.sessionId } })
        const second = await create()
        expect((await show(first)).account.status).toBe('ended')
        expect((await show(further)).account.status).toBe('active')
        expect(await attach()).toMatchObject({ session: { sessionId: second.sessionId } })
      })

      test('after the last one has ended or expired, one opens by itself', async () => {
        const first = await create()
        expect(await end(first)).toMatchObject({ ok: true })
        expect(await end(first)).toEqual({ ok: false, reason: 'not_active' })
        expect(await attach()).toMatchObject({ opened: true })
        const brief = await create([], { expiresAtMs: T0 + 10 })
        const later = await store.attach(
          { ...owner, apiKeyId: null, target: { by: 'owner', terms: plainTerms([]) } },
          T0 + 10,
        )
        expect(later).toMatchObject({ ok: true, opened: true })
        expect(await show(brief, T0 + 10)).toMatchObject({
          endedAtMs: T0 + 10,
          account: { status: 'expired' },
        })
      })

      test('one that is used up stays its owner’s until it is raised', async () => {
        const session = await create([hard(10n)])
        await spend(session.sessionId, usd(10n))
        await reserve(session.sessionId, usd(1n))
        expect(await attach()).toMatchObject({
          opened: false,
          session: { sessionId: session.sessionId, account: { status: 'limit_exceeded' } },
        })
        const raise = {
          ...owner,
          sessionId: session.sessionId,
          metric: 'cost_usd',
          by: 5n,
          limitId: null,
        } as const
        expect(await store.raiseLimit(raise, T0)).toMatchObject({
          ok: true,
          limit: { value: 15n },
          session: { account: { status: 'active' } },
        })
        expect((await reserve(session.sessionId, usd(5n))).result).toMatchObject({ ok: true })
      })

      test('a raise lets in a call that waits', async () => {
        const session = await create([hard(10n)])
        await reserve(session.sessionId, usd(10n))
        const waiting = reserve(session.sessionId, usd(5n), {}, { waitMs: 10_000 })
        const { sessionId } = session
        const raise = { ...owner, sessionId, metric: 'cost_usd', by: 5n, limitId: null } as const
        await store.raiseLimit(raise, T0)
        expect((await waiting).result).toMatchObject({ ok: true })
      })

      test('limits are added, and a window set later counts what was spent before', async () => {
        const session = await create()
        await spend(session.sessionId, usd(8n), T0)
        const added = await store.addLimit(
          { ...owner, sessionId: session.sessionId, terms: rolling(10n, 60_000) },
          T0 + 1_000,
        )
        expect(added).toMatchObject({ ok: true, limit: { value: 10n } })
        const { result } = await reserve(session.sessionId, usd(3n))
        expect(result).toMatchObject({ ok: false, refusal: { spent: 8n, cause: 'used_up' } })
        expect((await show(session)).account.limits).toHaveLength(1)
      })

      test("another owner's is not found, by any call", async () => {
        const { sessionId } = await create([hard(5n)])
        const stranger = { ...freshOwner(), sessionId }
        expect(await store.getSession(stranger, T0)).toBeNull()
        expect(await store.endSession(stranger, T0)).toEqual({ ok: false, reason: 'not_found' })
        const raise = { ...stranger, metric: 'cost_usd', by: 1n, limitId: null } as const
        expect(await store.raiseLimit(raise, T0)).toEqual({ ok: false, reason: 'not_found' })
        const add = { ...stranger, terms: hard(1n) }
        expect(await store.addLimit(add, T0)).toEqual({ ok: false, reason: 'not_found' })
        const usage = { ...stranger, limit: 10, offset: 0 }
        expect(await store.listUsage(usage)).toBeNull()
        const target = { by: 'name', sessionId } as const
        expect(await store.attach({ ...stranger, apiKeyId: null, target }, T0)).toEqual({
          ok: false,
          reason: 'not_found',
        })
      })

      test('a key that is bound to one is found by its hash', async () => {
        const boundKeySha256 = 'ab'.repeat(32)
        const apiKeyId = randomUUID()
        const terms = { ...plainTerms([]), boundKeySha256, makeActive: false }
        const session = await store.createSession({ ...owner, apiKeyId, terms }, T0)
        expect(await store.findBoundKey(boundKeySha256)).toEqual({
          ...owner,
          sessionId: session.sessionId,
          apiKeyId,
        })
        expect(await store.findBoundKey('cd'.repeat(32))).toBeNull()
      })

      test('are listed newest first, by page, status, time and trace', async () => {
        const made: Session[] = []
        for (let index = 0; index < 5; index += 1) {
          const terms = { ...plainTerms([hard(5n)]), tracingSessionId: `trace-${index % 2}` }
          made.push(
            await store.createSession({ ...owner, apiKeyId: null, terms }, T0 + index * 1_000),
          )
        }
        const list = async (more: Partial<Parameters<LedgerStore['listSessions']>[0]> = {}) => {
          const request = { ...owner, limit: 100, offset: 0, ...more }
          const sessions = await store.listSessions(request, T0 + 10_000)
          return sessions.map(({ sessionId }) =>
            made.findIndex((session) => session.sessionId === sessionId),
          )
        }
        expect(await list()).toEqual([4, 3, 2, 1, 0])
        expect(await list({ limit: 2, offset: 1 })).toEqual([3, 2])
        expect(await list({ status: 'active' })).toEqual([4])
        expect(await list({ status: 'ended' })).toEqual([3, 2, 1, 0])
        expect(await list({ createdAfterMs: T0 + 2_000 })).toEqual([4, 3])
        expect(await list({ createdBeforeMs: T0 + 2_000 })).toEqual([1, 0])
        expect(await list({ tracingSessionId: 'trace-1' })).toEqual([3, 1])
        expect(await store.listSessions({ ...freshOwner(), limit: 9, offset: 0 }, T0)).toEqual([])
      })

      test('whose time has come are listed as expired', async () => {
        await create([], { expiresAtMs: T0 + 5 })
        const list = (nowMs: number, status: 'active' | 'expired') =>
          store.listSessions({ ...owner, limit: 9, offset: 0, status }, nowMs)
        expect(await list(T0 + 4, 'active')).toHaveLength(1)
        expect(await list(T0 + 5, 'active')).toHaveLength(0)
        expect(await list(T0 + 5, 'expired')).toMatchObject([
          { isCurrent: false, endedAtMs: T0 + 5 },
        ])
      })
    })

    describe('usage', () => {
      test('has one entry per metric and call, oldest first, in pages that fit together', async () => {
        const session = await create()
        for (let index = 1n; index <= 3n; index += 1n)
          await spend(session.sessionId, amounts({ tokens: index, cost_usd: 10n * index }))
        const list = async (more: Partial<Parameters<LedgerStore['listUsage']>[0]> = {}) => {
          const { sessionId } = session
          const usage = await store.listUsage({
            ...owner,
            sessionId,
            limit: 100,
            offset: 0,
            ...more,
          })
          return (usage ?? []).map(({ record, metric }) => `${metric} ${record.charged[metric]}`)
        }
        const all = await list()
        expect(all).toHaveLength(12)
        expect(all.slice(0, 2)).toEqual(['tokens 1', 'cost_usd 10'])
        expect(await list({ metric: 'cost_usd' })).toEqual([
          'cost_usd 10',
          'cost_usd 20',
          'cost_usd 30',
        ])
        const pages: string[] = []
        for (let offset = 0; offset < 15; offset += 5)
          pages.push(...(await list({ limit: 5, offset })))
        expect(pages).toEqual(all)
        expect(await list({ metric: 'tokens', limit: 1, offset: 2 })).toEqual(['tokens 3'])
      })

      test('of calls without a session is listed apart', async () => {
        await spend((await create()).sessionId, usd(1n))
        await spend(null, usd(2n))
        const usage = await store.listUsage({ ...owner, sessionId: null, limit: 100, offset: 0 })
        expect(usage?.map(({ record }) => record.charged.cost_usd)).toEqual([2n, 2n, 2n, 2n])
      })

      test('keeps what the call said of itself', async () => {
        const session = await create()
        const call = {
          ...CALL,
          ...owner,
          apiKeyId: randomUUID(),
          clientRequestId: 'mine-1',
          details: { upstream: 'local', attempt: 2 },
        }
        const { request } = await reserve(session.sessionId, usd(5n), { call })
        const usage = {
          responseId: 'resp_1',
          inputTokens: 100,
          cachedInputTokens: 40,
          outputTokens: 7,
          details: { reasoning_tokens: 3 },
        }
        await store.settle({ ...settleRequest(request.holdId, usd(9n)), usage }, T0 + 7)
        const { sessionId } = session
        const entries = await store.listUsage({ ...owner, sessionId, limit: 1, offset: 0 })
        expect(entries?.[0]?.record).toMatchObject({
          holdId: request.holdId,
          sessionId,
          call,
          usage,
          outcome: 'exact',
          overrun: true,
          correction: false,
          createdAtMs: T0 + 7,
        })
      })
    })

    describe('the store itself', () => {
      test('says how it is', async () => {
        await reserve(null, usd(1n))
        expect(await store.health()).toMatchObject({ status: 'ok', openHolds: 1 })
      })

      test('once closed, refuses everything and says so', async () => {
        await store.close()
        await expect(reserve(null, usd(1n))).rejects.toThrow(StoreUnavailable)
        expect(await store.health()).toMatchObject({ status: 'unavailable' })
      })
    })
  })
}
