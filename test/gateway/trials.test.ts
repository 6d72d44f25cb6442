/** What a trial makes of a call, and what it says when it cannot. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Caller, CallIdentity } from '../../src/gateway/identity.ts'
import { StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import { planChatCall } from '../../src/gateway/plan-chat.ts'
import { planResponsesCall } from '../../src/gateway/plan-responses.ts'
import { createTrials, type OpenTrial, shapeTrialCall } from '../../src/gateway/trials.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import { readTrialAddress, type TrialAddress } from '../../src/trial/address.ts'
import { readTrialTerms } from '../../src/trial/trial.ts'
import { IDENTITY } from './fakes.ts'
import { depsFor } from './plan-deps.ts'

const { caller } = IDENTITY
const MINTED = `trial_${'m'.repeat(28)}`

function setUp({
  allowsUnregistered = true,
  isKeyThere = true,
}: {
  readonly allowsUnregistered?: boolean
  readonly isKeyThere?: boolean
} = {}) {
  const store = createMemoryStore({ instanceId: 'a', ids: randomIds })
  const clock = { nowMs: 1_000 }
  const trials = createTrials({
    store,
    nowMs: () => clock.nowMs,
    mintTrialId: () => MINTED,
    allowsUnregistered,
    ownerOf: () => (isKeyThere ? caller : undefined),
  })
  const register = (body: unknown, as: Caller = caller) => trials.register(as, readTrialTerms(body))
  const open = (below: string, as: Caller = caller) => trials.open(addressOf(below), () => as)
  return { trials, store, clock, register, open }
}

function addressOf(below: string): TrialAddress {
  const { pathname, search } = new URL(`http://bridge/api/interceptor/v1${below}`)
  const address = readTrialAddress(pathname, search)
  if (address === undefined) throw new Error(`no address: ${below}`)
  return address
}

const strangers = () => {
  throw new Error('nobody asks who calls')
}

describe('a trial', () => {
  test('lives until its time, and is gone from then on', async () => {
    const { register, open, clock } = setUp()
    const trial = await register({ ttl_seconds: 60 })
    expect(trial.expiresAtMs).toBe(61_000)
    const path = `/${MINTED}/chat/completions`
    clock.nowMs = 60_999
    expect((await open(path)).trial).toEqual(trial)
    clock.nowMs = 61_000
    await expect(open(path)).rejects.toMatchObject({ code: 'trial_expired', status: 410 })
  })

  test('goes with the key that registered it', async () => {
    const { register, open } = setUp({ isKeyThere: false })
    await register({})
    await expect(open(`/${MINTED}/responses`)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('of a minted id nobody is asked for a key', async () => {
    const { register, trials } = setUp()
    await register({})
    const opened = await trials.open(addressOf(`/${MINTED}/responses`), strangers)
    expect(opened.caller).toBe(caller)
  })

  test('belongs to who chose its id: another owner has another of that name, or none', async () => {
    const { register, open } = setUp({ allowsUnregistered: false })
    const other = { ...caller, userId: '00000000-0000-4000-8000-00000000000f' }
    await register({ trial_id: 'mine', seed: 1 })
    await expect(open('/mine/responses', other)).rejects.toMatchObject({ code: 'not_found' })
    await register({ trial_id: 'mine', seed: 2 }, other)
    expect((await open('/mine/responses')).trial?.seed).toBe(1)
    expect((await open('/mine/responses', other)).trial?.seed).toBe(2)
  })

  test('cannot be looked up while the store is away: nothing is taken for unregistered', async () => {
    const { trials, store } = setUp()
    await store.close()
    for (const path of [`/${MINTED}/responses`, '/mine/responses']) {
      await expect(trials.open(addressOf(path), () => caller)).rejects.toMatchObject({
        code: 'store_unavailable',
        cause: expect.any(StoreUnavailable),
      })
    }
    await expect(trials.register(caller, readTrialTerms({}))).rejects.toMatchObject({
      code: 'store_unavailable',
    })
  })
})

describe('the call of a trial', () => {
  const messages = [{ role: 'system', content: 'old' }]
  const body = {
    trial_id: 'mine',
    job_id: 'job',
    seed: 7,
    stage_key: { pipeline_id: 'p', stage_id: 's' },
    policy: { model: 'm' },
    candidate: { id: 'c-1', replacements: [{ apply_to_role: 'system', new_text: 'new' }] },
  }

  test('carries all that a trace has to tell, through planning into the call itself', async () => {
    const { register, open } = setUp()
    await register(body)
    const opened = await open('/mine/trace_x/chat/completions?cid=y&lane=3&api_key=sk-1')
    const shaped = shapeTrialCall({ model: null, messages }, opened)
    const identity: CallIdentity = { ...IDENTITY, trial: shaped.trial }
    const { intent } = await planChatCall(shaped.json, identity, depsFor('chat', undefined))
    expect(intent.identity.trial).toEqual({
      trialId: 'mine',
      isRegistered: true,
      correlationId: 'trace_x',
      jobId: 'job',
      seed: 7,
      stageKey: { pipeline_id: 'p', stage_id: 's' },
      query: [
        ['lane', '3'],
        ['api_key', '[redacted]'],
      ],
      candidate: {
        id: 'c-1',
        changes: [
          {
            op: 'edit',
            path: '/messages/0/content',
            edits: [{ at: 0, removed: 3, inserted: 'new' }],
            role: 'system',
            by: 'replacements[0]',
          },
        ],
        unmatched: [],
      },
    })
    expect(JSON.parse(intent.body)).toMatchObject({
      model: 'real',
      messages: [{ role: 'system', content: 'new' }],
    })
  })

  test('without a trial it is known by its id, and nothing is changed', async () => {
    const { open } = setUp()
    const json = { model: 'm', messages }
    const shaped = shapeTrialCall(json, await open('/pl-1/chat/completions?model=ignored'))
    expect(shaped.json).toBe(json)
    expect(shaped.trial).toEqual({
      trialId: 'pl-1',
      isRegistered: false,
      correlationId: 'trace_pl-1',
      jobId: null,
      seed: null,
      stageKey: null,
      query: [],
      candidate: null,
    })
  })

  test('names what its candidate did not find, where that is no error', async () => {
    const { register, open } = setUp()
    await register(body)
    const shaped = shapeTrialCall({ model: 'm', input: 'hi' }, await open('/mine/responses'))
    expect(shaped.trial.candidate).toMatchObject({ changes: [], unmatched: [0] })
  })

  test('without a candidate the upstream gets the same bytes as from the plain route', async () => {
    const { register, open } = setUp()
    await register({ trial_id: 'mine', policy: { model: 'other' } })
    const json = fc.jsonValue({ depthSize: 'small', maxDepth: 4 })
    const content = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.record({ type: fc.constant('text'), text: fc.string({ unit: 'binary' }) })),
    )
    const role = fc.constantFrom('system', 'user', 'assistant', 'tool')
    const message = fc
      .tuple(fc.record({ role, content }), fc.dictionary(fc.string(), json, { maxKeys: 3 }))
      .map(([known, more]) => ({ ...more, ...known }))
    const opened: OpenTrial = await open('/mine/chat/completions')
    const deps = depsFor('chat', undefined)
    await fc.assert(
      fc.asyncProperty(fc.array(message), fc.boolean(), async (list, stream) => {
        const sent = { model: 'm', messages: list, stream, temperature: 0.5 }
        // As the server reads it, which leaves such keys out.
        const received: unknown = JSON.parse(JSON.stringify(sent), (key, value) =>
          key === '__proto__' ? undefined : value,
        )
        const shaped = shapeTrialCall(received, opened)
        const plain = await planChatCall(received, IDENTITY, deps)
        const trial = await planChatCall(shaped.json, IDENTITY, deps)
        expect(trial.upstreamBody(undefined)).toBe(plain.upstreamBody(undefined))
        expect(trial.upstreamBody(undefined)).toContain(
          `"messages":${JSON.stringify(Object(received).messages)}`,
        )
      }),
    )
  })

  test('the same for Responses', async () => {
    const { register, open } = setUp()
    await register({ trial_id: 'mine' })
    const opened = await open('/mine/responses')
    const deps = depsFor('chat', undefined)
    const role = fc.constantFrom('system', 'user', 'assistant')
    const item = fc.record({ role, content: fc.string({ minLength: 1 }) })
    const input = fc.oneof(fc.string({ minLength: 1 }), fc.array(item, { minLength: 1 }))
    await fc.assert(
      fc.asyncProperty(input, fc.string(), async (given, instructions) => {
        const received = { model: 'm', input: given, instructions, store: false }
        const bodies = await Promise.all(
          [received, shapeTrialCall(received, opened).json].map(async (json) =>
            (await planResponsesCall(json, IDENTITY, deps)).upstreamBody(undefined),
          ),
        )
        expect(bodies[1]).toBe(bodies[0])
      }),
    )
  })
})
