/** The settle table, row by row, against the real ledger: what each ending of an attempt is charged. */
import { describe, expect, test } from 'vitest'
import { boundOf, type CallTerms, firstHold } from '../../src/budget/call-bounds.ts'
import type { CallRecord } from '../../src/budget/hold.ts'
import { type Amounts, covers, NOTHING } from '../../src/budget/metric.ts'
import { nanoUsdPerMillion } from '../../src/budget/money.ts'
import { createPrice } from '../../src/budget/price.ts'
import { plainTerms } from '../../src/budget/session.ts'
import { BridgeError, type ErrorCode } from '../../src/errors.ts'
import { BudgetHold } from '../../src/gateway/budget-hold.ts'
import type { CheckpointRequest, LedgerStore } from '../../src/gateway/ledger-port.ts'
import type { AttemptFacts } from '../../src/gateway/spending.ts'
import type { Usage } from '../../src/protocol/usage.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import type { AnswerOutcome } from '../../src/translate/answer.ts'
import { FakeClock, settled } from '../gateway/fakes.ts'
import { CALL, hard, OWNER } from './building.ts'

/** $1 a million in, $10 out: 1,000 and 10,000 nano-dollars a token. */
const TERMS: CallTerms = {
  price: createPrice({
    input: nanoUsdPerMillion(10n ** 9n),
    output: nanoUsdPerMillion(10n ** 10n),
  }),
  inputTokens: 500,
  milliGpus: 1000n,
  maxOutputTokens: undefined,
}
const USAGE: Usage = {
  inputTokens: 400,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 30,
  reasoningTokens: 0,
}
const HELD = firstHold(TERMS).wanted

async function startHold(limitNanoUsd = 10n ** 12n) {
  const clock = new FakeClock()
  const memory = createMemoryStore({ instanceId: 'bridge-1', ids: randomIds })
  const checkpoints: CheckpointRequest[] = []
  const store: LedgerStore = {
    ...memory,
    checkpoint(request, nowMs) {
      checkpoints.push(request)
      return memory.checkpoint(request, nowMs)
    },
  }
  const terms = plainTerms([hard(limitNanoUsd)])
  const { sessionId } = await store.createSession(
    { ...OWNER, apiKeyId: null, terms },
    clock.nowMs(),
  )
  const wants = firstHold(TERMS)
  const reserved = await store.reserve(
    { holdId: 'h', sessionId, ceiling: null, ...wants, sent: true, call: CALL },
    clock.nowMs(),
  )
  if (!reserved.ok) throw new Error('the hold does not fit')
  const exhausted: Readonly<Record<string, string>>[] = []
  const learnt: number[] = []
  const hold = new BudgetHold({
    store,
    clock,
    holdId: 'h',
    sessionId,
    terms: TERMS,
    granted: reserved.granted,
    clamp: undefined,
    headers: {},
    responseId: 'resp_1',
    showsEstimate: true,
    onExhausted: (metadata) => exhausted.push(metadata),
    onStoreFault: (error) => {
      throw error
    },
    onWarning: () => {},
    onUsage: (inputTokens) => learnt.push(inputTokens),
  })
  const session = async () => {
    const found = await store.getSession({ ...OWNER, sessionId }, clock.nowMs())
    if (found === null) throw new Error('the session is gone')
    return found.account
  }
  const records = async (): Promise<CallRecord[]> => {
    const entries = await store.listUsage({ ...OWNER, sessionId, limit: 100, offset: 0 })
    return [...new Set(entries?.map(({ record }) => record))]
  }
  return {
    clock,
    store,
    hold,
    session,
    records,
    exhausted,
    learnt,
    checkpoints,
    granted: reserved.granted,
  }
}

const completed = (usage?: Usage): AnswerOutcome => ({
  status: 'completed',
  usage,
  error: undefined,
})
const failed = (code: ErrorCode, usage?: Usage): AnswerOutcome => ({
  status: 'failed',
  usage,
  error: new BridgeError(code, 'it broke'),
})
const cut: AnswerOutcome = { status: 'incomplete', usage: undefined, error: undefined }

interface Row {
  readonly name: string
  readonly facts: Partial<AttemptFacts>
  readonly charged: Amounts
  readonly outcome: 'exact' | 'estimated'
  readonly overrun?: boolean
}

const exactly = (usage: Usage, upstreamMs: number): Amounts => ({
  tokens: BigInt(usage.inputTokens + usage.outputTokens),
  cost_usd: BigInt(usage.inputTokens) * 1000n + BigInt(usage.outputTokens) * 10_000n,
  gpu_hours: BigInt(upstreamMs),
  api_calls: 1n,
})

describe('an attempt that costs', () => {
  const large = { ...USAGE, inputTokens: 9_000_000 }

  test.each<Row>([
    {
      name: 'and says what it used is charged exactly that',
      facts: { outcome: completed(USAGE), outputChars: 90 },
      charged: exactly(USAGE, 2000),
      outcome: 'exact',
    },
    {
      name: 'more than was held is charged in full, and marked',
      facts: { outcome: completed(large) },
      charged: exactly(large, 2000),
      outcome: 'exact',
      overrun: true,
    },
    {
      name: 'longer than was held is charged in full, and marked',
      facts: { outcome: completed(USAGE), upstreamMs: 90_000 },
      charged: exactly(USAGE, 90_000),
      outcome: 'exact',
      overrun: true,
    },
    {
      name: 'and is refused with a usage is charged the usage',
      facts: { phase: 'rejected', outcome: failed('upstream_error', USAGE) },
      charged: exactly(USAGE, 2000),
      outcome: 'exact',
    },
    {
      name: 'and is cut after its usage is charged the usage',
      facts: { outcome: failed('upstream_cut', USAGE), outputChars: 90 },
      charged: exactly(USAGE, 2000),
      outcome: 'exact',
    },
    {
      name: 'and ends without saying what it used is charged by what was seen',
      facts: { outcome: completed(), outputChars: 90 },
      charged: boundOf(TERMS, 30, 2000),
      outcome: 'estimated',
    },
    {
      name: 'and ends after much text without a usage is charged its hold at most',
      facts: { outcome: completed(), outputChars: 90_000 },
      charged: { ...HELD, gpu_hours: 2000n },
      outcome: 'estimated',
    },
    {
      name: 'and is reset is charged what was seen, and reasoning that was not',
      facts: { outcome: failed('upstream_cut'), outputChars: 90 },
      charged: boundOf(TERMS, 30 + 1024, 2000),
      outcome: 'estimated',
    },
    {
      name: 'and stalls is charged the same',
      facts: { outcome: failed('upstream_idle_timeout'), outputChars: 90 },
      charged: boundOf(TERMS, 30 + 1024, 2000),
      outcome: 'estimated',
    },
    {
      name: 'and is cut at the limit is charged the same',
      facts: { outcome: cut, outputChars: 90 },
      charged: boundOf(TERMS, 30 + 1024, 2000),
      outcome: 'estimated',
    },
    {
      name: 'and loses its client is charged the same',
      facts: { outcome: undefined, outputChars: 90 },
      charged: boundOf(TERMS, 30 + 1024, 2000),
      outcome: 'estimated',
    },
    {
      name: 'and is cut after a long silence is charged the thinking it may have done',
      facts: { outcome: failed('upstream_idle_timeout'), upstreamMs: 20_000 },
      charged: boundOf(TERMS, 3000, 20_000),
      outcome: 'estimated',
    },
    {
      name: 'and was sent, and nothing came back, is charged all that was held',
      facts: { phase: 'sent', outcome: failed('upstream_headers_timeout') },
      charged: HELD,
      outcome: 'estimated',
    },
    {
      name: 'and refuses after it has said something is charged what was seen',
      facts: { outcome: failed('upstream_rate_limit'), outputChars: 90 },
      charged: boundOf(TERMS, 30 + 1024, 2000),
      outcome: 'estimated',
    },
  ])('$name', async ({ facts, charged, outcome, overrun = false }) => {
    const { hold, session, records } = await startHold()
    hold.sent()
    await hold.settle({
      phase: 'accepted',
      outcome: undefined,
      outputChars: 0,
      upstreamMs: 2000,
      ...facts,
    })
    expect(await session()).toMatchObject({ spent: charged, reserved: NOTHING })
    expect(await records()).toMatchObject([{ charged, outcome, overrun }])
  })
})

describe('an attempt that costs nothing', () => {
  test.each<{ name: string; facts: Partial<AttemptFacts> }>([
    { name: 'never left', facts: { phase: 'unsent', outcome: failed('upstream_unreachable') } },
    {
      name: 'was refused by its status',
      facts: { phase: 'rejected', outcome: failed('upstream_error') },
    },
    {
      name: 'was refused for its rate',
      facts: { phase: 'rejected', outcome: failed('upstream_rate_limit') },
    },
    {
      name: 'was refused in the first frame of a 200',
      facts: { outcome: failed('upstream_rejected') },
    },
  ])('$name', async ({ facts }) => {
    const { hold, session, records } = await startHold()
    await hold.settle({
      phase: 'accepted',
      outcome: undefined,
      outputChars: 0,
      upstreamMs: 500,
      ...facts,
    })
    expect(await session()).toMatchObject({ spent: NOTHING, reserved: NOTHING })
    expect(await records()).toEqual([])
  })
})

describe('what is told', () => {
  test('an estimate, to a client whose model has none', async () => {
    const { hold, learnt } = await startHold()
    const facts = {
      phase: 'accepted',
      outcome: completed(),
      outputChars: 90,
      upstreamMs: 10,
    } as const
    expect((await hold.settle(facts)).estimate).toMatchObject({
      inputTokens: 500,
      outputTokens: 30,
    })
    expect(learnt).toEqual([])
  })

  test('the input, to what bounds the next one', async () => {
    const { hold, learnt } = await startHold()
    const facts = {
      phase: 'accepted',
      outcome: completed(USAGE),
      outputChars: 90,
      upstreamMs: 10,
    } as const
    expect((await hold.settle(facts)).estimate).toBeUndefined()
    expect(learnt).toEqual([400])
  })
})

describe('while it streams', () => {
  test('the hold grows with the answer, and always covers it', async () => {
    const { hold, session, exhausted } = await startHold()
    hold.sent()
    for (let chars = 0; chars <= 120_000; chars += 300) {
      hold.meter(chars)
      await settled()
      const { reserved } = await session()
      expect(covers(reserved, boundOf(TERMS, Math.ceil(chars / 3), 0))).toBe(true)
    }
    expect(exhausted).toEqual([])
  })

  test('and with its time', async () => {
    const { clock, hold, session } = await startHold()
    hold.sent()
    for (let second = 1; second <= 300; second++) {
      await clock.advance(1000)
      expect((await session()).reserved.gpu_hours).toBeGreaterThanOrEqual(BigInt(second) * 1000n)
    }
  })

  test('a refused slice names the limit, once, and the session stays within it', async () => {
    const { hold, session, exhausted } = await startHold(50_000_000n)
    hold.sent()
    for (let chars = 0; chars <= 60_000; chars += 300) {
      hold.meter(chars)
      await settled()
    }
    expect(exhausted).toEqual([
      { budget: 'session_cost_limit', budget_message: expect.stringContaining('$0.05') },
    ])
    await hold.settle({ phase: 'accepted', outcome: cut, outputChars: 60_000, upstreamMs: 10 })
    const { spent, reserved } = await session()
    expect(spent.cost_usd).toBeLessThanOrEqual(50_000_000n)
    expect(reserved).toEqual(NOTHING)
  })

  test('a refused slice takes nothing of the answer that is held', async () => {
    // 500 tokens in and 4,096 out are $0.04146: the first slice fits, another does not.
    const { hold, exhausted } = await startHold(42_000_000n)
    hold.sent()
    for (let chars = 0; chars <= 4096 * 3; chars += 300) {
      hold.meter(chars)
      await settled()
    }
    expect(exhausted).toEqual([])
    hold.meter(4097 * 3)
    expect(exhausted).toHaveLength(1)
    hold.meter(9000 * 3)
    expect(exhausted).toHaveLength(1)
  })

  test('what it has used is written down about every second, and only while it runs', async () => {
    const { clock, hold, checkpoints } = await startHold()
    hold.sent()
    hold.meter(3000)
    await clock.advance(3000)
    expect(checkpoints).toHaveLength(3)
    const last = checkpoints.at(-1)
    expect(covers(last?.counted ?? NOTHING, boundOf(TERMS, 1000, 3000))).toBe(true)
    expect(last?.allowance.cost_usd).toBeGreaterThan(0n)
    await hold.settle({
      phase: 'accepted',
      outcome: completed(USAGE),
      outputChars: 3000,
      upstreamMs: 3000,
    })
    await clock.advance(5000)
    expect(checkpoints).toHaveLength(3)
    expect(clock.pendingCount).toBe(0)
  })
})
