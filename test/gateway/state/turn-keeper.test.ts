/** What is kept of a call while everything around it is scripted: time, the upstream, the store. */
import { afterEach, describe, expect, test } from 'vitest'
import { runCall } from '../../../src/gateway/call.ts'
import { DEFAULT_TIMING } from '../../../src/gateway/call-deps.ts'
import { StoreUnavailable } from '../../../src/gateway/ledger-port.ts'
import { createLiveCalls } from '../../../src/gateway/live-calls.ts'
import type { PlanDeps } from '../../../src/gateway/plan.ts'
import { planResponsesCall } from '../../../src/gateway/plan-responses.ts'
import { createBackground } from '../../../src/gateway/state/background.ts'
import { guardStore } from '../../../src/gateway/state/guarded-store.ts'
import { createHistory } from '../../../src/gateway/state/history.ts'
import { createLeases } from '../../../src/gateway/state/leases.ts'
import type { ResponseStore } from '../../../src/gateway/state/port.ts'
import { createStoredResponses } from '../../../src/gateway/state/stored-responses.ts'
import type { EndedTurn, StateDeps } from '../../../src/gateway/state/turn-keeper.ts'
import { createMemoryResponseStore } from '../../../src/store/sqlite/response-engine.ts'
import {
  FakeClient,
  FakeClock,
  FakeUpstream,
  IDENTITY,
  NO_TRACES,
  planOf,
  recordSpending,
  settled,
} from '../fakes.ts'

const stores: ResponseStore[] = []
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
})

let drawn = 0
const ids = {
  next(prefix: string) {
    drawn += 1
    return `${prefix}_${drawn}`
  },
}
const OWNER = { orgId: IDENTITY.caller.orgId, userId: IDENTITY.caller.userId }

function world(
  changes: Partial<ResponseStore> = {},
  shared?: ResponseStore,
  settling?: Promise<void>,
) {
  const memory = shared ?? createMemoryResponseStore()
  if (shared === undefined) stores.push(memory)
  const store = guardStore({ ...memory, ...changes })
  const clock = new FakeClock()
  const upstream = new FakeUpstream()
  const spending = recordSpending(settling)
  const leases = createLeases(store, clock)
  const faults: string[] = []
  const ended: EndedTurn[] = []
  const state: StateDeps = {
    store,
    keepsResponses: true,
    leases,
    clock,
    ids,
    onFault: (error) => faults.push(error.message),
  }
  const { resolved } = planOf().intent
  const deps: PlanDeps = {
    models: { list: async () => [], resolve: async () => resolved },
    seal: { seal: () => 'sealed', open: () => undefined },
    ids,
    nowMs: () => clock.nowMs(),
    strict: false,
    userAgent: 'test',
    compileGrammars: async () => () => true,
    redact: (text) => text,
    state,
    history: createHistory(store),
    onEnded: (turn) => ended.push(turn),
  }
  const callDeps = {
    clock,
    upstream,
    spending: spending.spending,
    calls: createLiveCalls(clock),
    traces: NO_TRACES,
    timing: DEFAULT_TIMING,
    random: () => 0,
    redact: (text: string) => text,
    log: () => {},
  }
  const background = createBackground({ call: callDeps, leases })
  const stored = createStoredResponses(state, background)
  const start = async (body: object) => {
    const plan = await planResponsesCall({ model: 'm', input: 'x', ...body }, IDENTITY, deps)
    const client = new FakeClient()
    const over =
      plan.keeper?.isBackground === true
        ? background.start(plan, plan.keeper, client)
        : runCall(plan, client, callDeps)
    await turn()
    return { client, over }
  }
  const answer = () => {
    const handler = upstream.accept()
    handler.onMessage('{"choices":[{"index":0,"delta":{"content":"hi"}}]}', undefined)
    handler.onMessage(
      '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
      undefined,
    )
    handler.onMessage('[DONE]', undefined)
    handler.onEnd()
  }
  return {
    clock,
    upstream,
    spending,
    store,
    memory,
    stored,
    background,
    faults,
    ended,
    start,
    answer,
  }
}

/** The store answers in a later turn of the event loop than promises do. */
async function turn(): Promise<void> {
  for (let times = 0; times < 5; times += 1) {
    await settled()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const lastOf = (text: string) =>
  JSON.parse([...text.matchAll(/^data: (\{.*)$/gm)].at(-1)?.[1] ?? '')

describe('an answer that is kept', () => {
  test('is in the store before its last event leaves, and after it is settled', async () => {
    const order: string[] = []
    const saving = Promise.withResolvers<void>()
    const memory = createMemoryResponseStore()
    stores.push(memory)
    const { start, answer, spending } = world(
      {
        async save(given) {
          order.push(`save after ${spending.settled.length} settlements`)
          await saving.promise
          return memory.save(given)
        },
      },
      memory,
    )
    const { client, over } = await start({ stream: true })
    answer()
    await turn()
    expect(order).toEqual(['save after 1 settlements'])
    expect(client.text).toContain('response.output_item.done')
    expect(client.text).not.toContain('response.completed')
    expect(client.ended).toBe(false)
    saving.resolve()
    await over
    expect(client.text).toMatch(/event: response\.completed\n.*\n\ndata: \[DONE\]\n\n$/)
    expect(client.ended).toBe(true)
    const { response } = lastOf(client.text)
    expect(await memory.find({ owner: OWNER, responseId: response.id })).toBeDefined()
  })

  const unavailable = new StoreUnavailable('unavailable', 'the disk is full')

  test.each([true, false])(
    'goes out whole where the store is away, and says so (stream: %s)',
    async (stream) => {
      const { start, answer, faults } = world({ save: () => Promise.reject(unavailable) })
      const { client, over } = await start({ stream })
      answer()
      await over
      const response = stream ? lastOf(client.text).response : JSON.parse(client.answer?.body ?? '')
      expect(response).toMatchObject({ status: 'completed', store: false })
      if (stream) expect(client.text.endsWith('\n\ndata: [DONE]\n\n')).toBe(true)
      expect(faults).toEqual([expect.stringContaining('the disk is full')])
    },
  )

  test('does not wait for ever for a store that does not answer', async () => {
    const { start, answer, clock, faults } = world({ save: () => new Promise(() => {}) })
    const { client, over } = await start({ stream: true })
    answer()
    await turn()
    expect(client.ended).toBe(false)
    await clock.advance(10_000)
    await over
    expect(lastOf(client.text).response.store).toBe(false)
    expect(faults).toHaveLength(1)
  })

  test('is shown to whoever remembers turns besides, stored or not', async () => {
    const { start, answer, ended } = world()
    const { client, over } = await start({ store: false })
    answer()
    await over
    const { id } = JSON.parse(client.answer?.body ?? '')
    expect(ended).toMatchObject([
      {
        responseId: id,
        turn: { items: [{ role: 'user', content: 'x' }] },
        response: { status: 'completed', output: [{ type: 'message' }] },
      },
    ])
  })
})

describe('a request that refers to what cannot be read', () => {
  test('is refused as that', async () => {
    const { start } = world({
      readTurns: () => Promise.reject(new StoreUnavailable('unavailable', 'away')),
    })
    await expect(start({ previous_response_id: 'resp_x' })).rejects.toMatchObject({
      code: 'store_unavailable',
    })
  })

  test('lets go of its conversation', async () => {
    const { start, answer, store } = world()
    const conversation = { owner: OWNER, conversationId: 'conv_1' }
    await store.createConversation({ ...conversation, metadata: '{}', items: [], nowMs: 0 })
    const input = [{ id: 'msg_none' }]
    await expect(start({ conversation: 'conv_1', input })).rejects.toMatchObject({
      code: 'not_found',
    })
    const { over } = await start({ conversation: 'conv_1' })
    answer()
    await over
    expect(await store.readConversation(conversation)).toHaveLength(2)
  })

  test('keeps its conversation while it runs, however long', async () => {
    const { start, answer, store, clock } = world()
    const conversation = { owner: OWNER, conversationId: 'conv_1' }
    await store.createConversation({ ...conversation, metadata: '{}', items: [], nowMs: 0 })
    const { over } = await start({ conversation: 'conv_1', stream: true })
    for (let second = 0; second < 30; second += 1) {
      await clock.advance(1_000)
      await turn()
    }
    await expect(start({ conversation: 'conv_1' })).rejects.toMatchObject({
      code: 'conversation_locked',
    })
    answer()
    await over
  })
})

describe('a background response', () => {
  test('that cannot be written down is refused, and what was held is given back', async () => {
    const { start, spending, upstream } = world({
      save: () => Promise.reject(new StoreUnavailable('unavailable', 'away')),
    })
    const { client, over } = await start({ background: true })
    await over
    expect(client.answer).toMatchObject({ status: 503 })
    expect(client.answer?.body).toContain('store_unavailable')
    expect(spending.settled).toMatchObject([{ phase: 'unsent' }])
    expect(upstream.sent).toHaveLength(0)
  })

  test('whose bridge has died is found as failed, by its lease, and its stream ends', async () => {
    const dead = world()
    const { client } = await dead.start({ background: true })
    const { id } = JSON.parse(client.answer?.body ?? '')
    // The bridge that ran it says nothing any more; another has the same store.
    const other = world({}, dead.memory)
    expect(JSON.parse(await other.stored.retrieve(OWNER, id)).status).toBe('in_progress')
    await other.clock.advance(10_000)
    expect(JSON.parse(await other.stored.retrieve(OWNER, id))).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: expect.stringContaining('stopped before') },
    })
    const listener = new FakeClient()
    await other.stored.stream(OWNER, id, 7, listener, {})
    expect(listener.text.match(/"sequence_number":\d+/g)).toEqual([
      '"sequence_number":8',
      '"sequence_number":9',
    ])
    expect(lastOf(listener.text)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed' },
    })
    expect(listener.ended).toBe(true)
    await other.stored.delete(OWNER, id)
    await expect(other.stored.retrieve(OWNER, id)).rejects.toMatchObject({ code: 'not_found' })
    dead.answer()
  })

  test('is cancelled and listened to at another bridge than the one that runs it', async () => {
    const runner = world()
    const { client, over } = await runner.start({ background: true })
    const { id } = JSON.parse(client.answer?.body ?? '')
    const other = world({}, runner.memory)
    const listener = new FakeClient()
    const listening = other.stored.stream(OWNER, id, -1, listener, {})
    const cancelling = other.stored.cancel(OWNER, id)
    await turn()
    await runner.clock.advance(1_000)
    await turn()
    await over
    expect(runner.upstream.last.aborted).toBe(true)
    expect(runner.spending.settled).toHaveLength(1)
    await other.clock.advance(500)
    await turn()
    await other.clock.advance(500)
    await turn()
    expect(JSON.parse(await cancelling)).toMatchObject({ id, status: 'cancelled' })
    await listening
    expect(listener.text).toContain('event: response.failed')
    expect(listener.ended).toBe(true)
  })

  test('that runs elsewhere is no longer listened to when the store goes away', async () => {
    const runner = world()
    const { client, over } = await runner.start({ background: true })
    const { id } = JSON.parse(client.answer?.body ?? '')
    let isAway = false
    const find: ResponseStore['find'] = (reference) =>
      isAway
        ? Promise.reject(new StoreUnavailable('closed', 'closed'))
        : runner.memory.find(reference)
    const other = world({ find }, runner.memory)
    const listener = new FakeClient()
    const listening = other.stored.stream(OWNER, id, -1, listener, {})
    await turn()
    isAway = true
    await other.clock.advance(500)
    await listening
    expect(listener).toMatchObject({ dropped: true, ended: false })
    runner.answer()
    await over
  })

  test('that has ended when it is cancelled is completed', async () => {
    const settling = Promise.withResolvers<void>()
    const { start, answer, stored, background } = world({}, undefined, settling.promise)
    const { client, over } = await start({ background: true })
    const { id } = JSON.parse(client.answer?.body ?? '')
    answer()
    background.find(id)?.cancel()
    settling.resolve()
    await over
    expect(JSON.parse(await stored.retrieve(OWNER, id)).status).toBe('completed')
    await background.idle()
  })
})
