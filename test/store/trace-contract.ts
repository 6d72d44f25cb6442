/** What every store of traces must do, run against each of them. */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import type { TraceQuery, TraceStore, TraceWrite } from '../../src/gateway/trace/port.ts'
import { applyChanges } from '../../src/trace/change.ts'
import { type TraceFacts, type TraceRecord, TraceRecordSchema } from '../../src/trace/record.ts'

/** No record may hold it. */
export const SECRET = 'provider-secret-9f31'

export interface TraceStoreHarness {
  open(): Promise<TraceStore>
  /** The same place, opened by a bridge that starts anew; undefined where nothing outlives the process. */
  reopen?(store: TraceStore): Promise<TraceStore>
  close(): Promise<void>
}

const T0 = Date.UTC(2026, 0, 1)
const newTraceId = () => `trace_${randomUUID().replaceAll('-', '')}`

export function factsOf(changes: Partial<TraceFacts> = {}): TraceFacts {
  return {
    trace_id: newTraceId(),
    request_id: 'req_1',
    response_id: 'resp_1',
    api: 'responses',
    session_id: null,
    trial_id: null,
    job_id: null,
    seed: null,
    correlation_id: null,
    stage_key: null,
    candidate: null,
    query: [],
    model: 'm',
    upstream: 'local',
    outcome: null,
    status: null,
    attempts: 0,
    complete: false,
    created_at: new Date(T0).toISOString(),
    first_byte_ms: null,
    total_ms: null,
    usage: null,
    cost_usd: null,
    dropped: [],
    error: null,
    ...changes,
  }
}

const OVER = { outcome: 'completed', status: 200, attempts: 1, complete: true } as const
const received = { model: 'm', input: [{ role: 'user', content: 'x'.repeat(2000) }] }
const sent = { model: 'n', messages: [{ role: 'user', content: 'x'.repeat(2000) }] }
const response = { id: 'resp_1', output: [{ type: 'message', text: 'y'.repeat(700) }] }

export function describeTraceStore(
  name: string,
  createHarness: () => Promise<TraceStoreHarness>,
): void {
  describe(`the ${name} store of traces`, () => {
    let harness: TraceStoreHarness
    let store: TraceStore
    let owner: { orgId: string; userId: string }

    beforeEach(async () => {
      harness = await createHarness()
      store = await harness.open()
      owner = { orgId: randomUUID(), userId: randomUUID() }
    })
    afterEach(() => harness.close())

    const openingOf = (facts: TraceFacts, atMs = T0): TraceWrite => ({
      owner,
      createdAtMs: atMs,
      facts,
      request: { received: JSON.stringify(received), sent: JSON.stringify(sent), candidate: [] },
      response: undefined,
    })
    const endingOf = (facts: TraceFacts, atMs = T0): TraceWrite => ({
      owner,
      createdAtMs: atMs,
      facts: { ...facts, ...OVER },
      request: undefined,
      response: JSON.stringify(response),
    })
    const save = async (changes: Partial<TraceFacts> = {}, atMs = T0): Promise<string> => {
      const facts = factsOf(changes)
      await store.write(openingOf(facts, atMs))
      await store.write(endingOf(facts, atMs))
      return facts.trace_id
    }
    const find = async (traceId: string, by = owner): Promise<TraceRecord | undefined> => {
      const json = await store.find({ owner: by, traceId })
      return json === undefined ? undefined : TraceRecordSchema.parse(JSON.parse(json))
    }
    const list = async (query: Partial<TraceQuery> = {}) => {
      const page = await store.list({
        owner,
        order: 'newest',
        limit: 100,
        hasContent: true,
        ...query,
      })
      return { ...page, ids: page.records.map((record) => JSON.parse(record).trace_id) }
    }

    describe('a record', () => {
      test('has the request once, with what was changed, and the answer', async () => {
        const record = await find(await save())
        expect(record).toMatchObject({ ...OVER, request: { received }, response })
        expect(applyChanges(received, record?.request.changes ?? [])).toEqual(sent)
      })

      test('is the same in whatever order its halves come', async () => {
        const facts = factsOf()
        await store.write(endingOf(facts))
        await store.write(openingOf(facts))
        expect(await find(facts.trace_id)).toMatchObject({
          ...OVER,
          request: { received },
          response,
        })
      })

      test('of a call that was cut says so', async () => {
        const facts = factsOf()
        await store.write(openingOf(facts))
        expect(await find(facts.trace_id)).toMatchObject({
          outcome: null,
          complete: false,
          request: { received },
          response: null,
        })
      })

      test('holds no secret, however it came in', async () => {
        const facts = factsOf({ model: `m-${SECRET}`, error: { code: 'x', message: SECRET } })
        await store.write({
          ...openingOf(facts),
          request: {
            received: JSON.stringify({ input: `\n${SECRET}`, api_key: 'a-clients-own' }),
            sent: JSON.stringify({ messages: [{ content: `Bearer ${SECRET}` }] }),
            candidate: [],
          },
        })
        await store.write({ ...endingOf(facts), response: JSON.stringify({ said: [SECRET] }) })
        const text = await store.find({ owner, traceId: facts.trace_id })
        expect(text).not.toContain(SECRET)
        expect(text).not.toContain('a-clients-own')
        expect(text).toContain('[redacted]')
      })

      test('keeps odd texts as they were', async () => {
        const odd = { input: '\u0000\u2028\ud83d\ude00 \ud800', big: { __proto__x: [[[]]] } }
        const facts = factsOf({ model: 'a\u0000b\ud800', correlation_id: 'c\u0000d' })
        await store.write({
          ...openingOf(facts),
          request: { received: JSON.stringify(odd), sent: undefined, candidate: [] },
        })
        const record = await find(facts.trace_id)
        expect(record?.request).toEqual({ received: odd, changes: [] })
        expect((await list({ correlationId: 'c\u0000d' })).ids).toEqual([facts.trace_id])
      })

      test('is nobody else’s', async () => {
        const id = await save({ session_id: 'sess_1', correlation_id: 'c' })
        const others = [
          { orgId: owner.orgId, userId: randomUUID() },
          { orgId: randomUUID(), userId: owner.userId },
        ]
        for (const other of others) {
          expect(await find(id, other)).toBeUndefined()
          expect((await list({ owner: other })).ids).toEqual([])
          expect((await list({ owner: other, correlationId: 'c' })).ids).toEqual([])
          const lease = { owner: other, limit: 10, nowMs: T0, untilMs: T0 + 1 }
          expect(await store.lease(lease)).toEqual([])
        }
        expect((await find(id))?.trace_id).toBe(id)
      })

      test('outlives its bridge', async () => {
        if (harness.reopen === undefined) return
        const id = await save()
        store = await harness.reopen(store)
        expect(await find(id)).toMatchObject({ ...OVER, request: { received }, response })
      })
    })

    describe('a list', () => {
      test('is the newest first, or the oldest', async () => {
        const ids = [await save({}, T0), await save({}, T0 + 1), await save({}, T0 + 2)]
        expect((await list()).ids).toEqual(ids.toReversed())
        expect((await list({ order: 'oldest' })).ids).toEqual(ids)
      })

      test('page by page has each once, also of calls of one moment', async () => {
        const ids = new Set<string>()
        for (let at = 0; at < 25; at++) ids.add(await save({}, T0 + Math.floor(at / 10)))
        for (const order of ['newest', 'oldest'] as const) {
          const seen: string[] = []
          let after: TraceQuery['after']
          do {
            const page = await list({ order, after, limit: 4 })
            seen.push(...page.ids)
            after = page.next
          } while (after !== undefined)
          expect(seen).toHaveLength(25)
          expect(new Set(seen)).toEqual(ids)
        }
      })

      test.each<[string, Partial<TraceFacts>, Partial<TraceQuery>]>([
        ['session', { session_id: 'sess_1' }, { sessionId: 'sess_1' }],
        ['trial', { trial_id: 'trial' }, { trialId: 'trial' }],
        ['job', { job_id: 'job' }, { jobId: 'job' }],
        ['correlation id', { correlation_id: 'trace_x' }, { correlationId: 'trace_x' }],
        ['model', { model: 'other' }, { model: 'other' }],
      ])('is filtered by %s', async (_, facts, query) => {
        await save()
        const id = await save(facts)
        expect((await list(query)).ids).toEqual([id])
      })

      test('is filtered by how the calls ended', async () => {
        const over = await save()
        const facts = factsOf()
        await store.write(openingOf(facts))
        expect((await list({ status: 200 })).ids).toEqual([over])
        expect((await list({ status: 'completed' })).ids).toEqual([over])
        expect((await list({ status: 429 })).ids).toEqual([])
      })

      test('without content has the figures alone', async () => {
        await save()
        const { records } = await list({ hasContent: false })
        expect(JSON.parse(records[0] ?? '')).toMatchObject({
          ...OVER,
          request: { received: null, changes: [] },
          response: null,
        })
      })

      test('ends a page that grows too large', async () => {
        const facts = [factsOf(), factsOf(), factsOf()]
        const large = JSON.stringify({ input: 'z'.repeat(2_500_000) })
        for (const each of facts)
          await store.write({
            ...openingOf(each),
            request: { received: large, sent: undefined, candidate: [] },
          })
        const first = await list()
        expect(first.ids).toHaveLength(2)
        expect((await list({ after: first.next })).ids).toHaveLength(1)
      })
    })

    describe('a lease', () => {
      const lease = (nowMs: number, limit = 10) =>
        store.lease({ owner, limit, nowMs, untilMs: nowMs + 100 })

      test('is given once, the oldest first, and again when it has run out', async () => {
        await save({ correlation_id: 'b' }, T0)
        await save({ correlation_id: 'a' }, T0 + 1)
        await save({ correlation_id: 'b' }, T0 + 2)
        expect(await lease(T0, 1)).toEqual(['b'])
        expect(await lease(T0)).toEqual(['a'])
        expect(await lease(T0 + 99)).toEqual([])
        expect(await lease(T0 + 100)).toEqual(['b', 'a'])
      })

      test('is not given while a call runs', async () => {
        const running = factsOf({ correlation_id: 'c' })
        await save({ correlation_id: 'c' })
        await store.write(openingOf(running))
        expect(await lease(T0)).toEqual([])
        await store.write(endingOf(running))
        expect(await lease(T0)).toEqual(['c'])
      })
    })

    describe('retention', () => {
      const prune = async (beforeMs: number, maxBytes = Number.MAX_SAFE_INTEGER) => {
        while ((await store.prune({ beforeMs, maxBytes })).more);
      }

      test('takes what is too old, and leaves what others share with it', async () => {
        await save({}, T0)
        const kept = await save({}, T0 + 3_600_000)
        await prune(T0 + 1)
        expect((await list()).ids).toEqual([kept])
        expect(await find(kept)).toMatchObject({ request: { received }, response })
      })

      test('takes the oldest until there is room', async () => {
        for (let at = 0; at < 10; at++) {
          const facts = factsOf()
          const content = Array.from({ length: 100 }, () => randomUUID()).join('')
          await store.write({
            ...openingOf(facts, T0 + at * 3_600_000),
            request: {
              received: JSON.stringify({ input: content }),
              sent: undefined,
              candidate: [],
            },
          })
        }
        const before = (await list()).ids
        await prune(0, 16_000)
        const { ids } = await list()
        expect(ids.length).toBeGreaterThan(2)
        expect(ids.length).toBeLessThan(9)
        expect(ids).toEqual(before.slice(0, ids.length))
        await prune(0, 0)
        expect((await list()).ids).toEqual([])
      })

      test('what comes back after all was taken out is whole', async () => {
        await save()
        await prune(T0 + 1)
        const id = await save()
        expect(await find(id)).toMatchObject({ request: { received }, response })
      })
    })

    test('one that cannot be written fails alone', async () => {
      const bad = {
        ...openingOf(factsOf()),
        request: { received: '{broken', sent: undefined, candidate: [] },
      }
      const good = factsOf()
      const [first, second] = await Promise.allSettled([
        store.write(bad),
        store.write(openingOf(good)),
      ])
      expect(first.status).toBe('rejected')
      expect(second.status).toBe('fulfilled')
      expect(await find(good.trace_id)).toMatchObject({ request: { received } })
    })

    test('a closed store says so', async () => {
      await store.close()
      await expect(save()).rejects.toThrow(StoreUnavailable)
    })
  })
}
