import { describe, expect, test } from 'vitest'
import { keyAccountId } from '../../src/budget/account.ts'
import { amounts } from '../../src/budget/metric.ts'
import { hard, reserveOf, rolling, settleOf, soft, usd } from './building.ts'
import { createPureLedger } from './pure-ledger.ts'

const SESSION = 'sess_1'

function ledgerWith(...limits: Parameters<ReturnType<typeof createPureLedger>['open']>[1]) {
  const ledger = createPureLedger()
  ledger.open(SESSION, limits)
  return ledger
}

describe('reserving', () => {
  test('up to the limit is granted, equal included; one more is refused', () => {
    const ledger = ledgerWith(hard(100n))
    expect(ledger.apply(reserveOf('a', SESSION, usd(60n)), 0)).toMatchObject({ ok: true })
    expect(ledger.apply(reserveOf('b', SESSION, usd(40n)), 0)).toMatchObject({ ok: true })
    expect(ledger.apply(reserveOf('c', SESSION, usd(1n)), 0)).toMatchObject({
      ok: false,
      reason: 'limit',
      refusal: { metric: 'cost_usd', limit: 100n, spent: 0n, reserved: 100n, requested: 1n },
    })
  })

  test('gets what there is between the least and the wanted', () => {
    const ledger = ledgerWith(hard(100n), hard(10n, 'tokens'))
    const wanted = amounts({ cost_usd: 300n, tokens: 5n })
    const atLeast = amounts({ cost_usd: 20n, tokens: 5n })
    const result = ledger.apply(reserveOf('a', SESSION, wanted, { atLeast }), 0)
    expect(result).toMatchObject({ ok: true, granted: { cost_usd: 100n, tokens: 5n } })
  })

  test('kept out only by the holds of others says so and leaves the session active', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(90n)), 0)
    expect(ledger.apply(reserveOf('b', SESSION, usd(20n)), 0)).toMatchObject({
      ok: false,
      refusal: { cause: 'held_by_others' },
    })
    expect(ledger.account(SESSION).status).toBe('active')
    ledger.apply({ kind: 'void', holdId: 'a' }, 1)
    expect(ledger.apply(reserveOf('b', SESSION, usd(20n)), 2)).toMatchObject({ ok: true })
  })

  test('refused by what is spent stops the session, for smaller calls too', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(90n)), 0)
    ledger.apply(settleOf('a', usd(90n)), 1)
    expect(ledger.apply(reserveOf('b', SESSION, usd(20n)), 2)).toMatchObject({
      ok: false,
      refusal: { cause: 'used_up', spent: 90n },
    })
    expect(ledger.account(SESSION).status).toBe('limit_exceeded')
    expect(ledger.account(SESSION).limits[0]?.exceededReason).toBe(
      'cost_usd limit of 0.0000001 reached: 0.00000009 spent, the next call needs at least 0.00000002',
    )
    expect(ledger.apply(reserveOf('c', SESSION, usd(1n)), 3)).toMatchObject({
      ok: false,
      refusal: { cause: 'used_up', requested: 1n },
    })
  })

  test('a call that costs nothing passes a cost limit that is used up', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(100n)), 0)
    ledger.apply(settleOf('a', usd(150n)), 1)
    const free = amounts({ tokens: 10n, api_calls: 1n })
    expect(ledger.apply(reserveOf('b', SESSION, free), 2)).toMatchObject({ ok: true })
  })

  test('used up in one account goes before held in another', () => {
    const ledger = ledgerWith(hard(100n))
    const ceiling = { accountId: keyAccountId('k'), terms: hard(50n) }
    ledger.apply(reserveOf('a', null, usd(50n), { ceiling }), 0)
    ledger.apply(settleOf('a', usd(50n)), 1)
    ledger.apply(reserveOf('b', SESSION, usd(95n)), 2)
    expect(ledger.apply(reserveOf('c', SESSION, usd(10n), { ceiling }), 3)).toMatchObject({
      ok: false,
      refusal: { scope: 'key', cause: 'used_up' },
    })
    expect(ledger.account(SESSION).status).toBe('active')
  })

  test.each([
    ['ended', 'session_ended'],
    ['expired', 'session_expired'],
  ] as const)('in a session that is %s is refused', (status, reason) => {
    const ledger = ledgerWith()
    ledger.accounts.set(SESSION, { ...ledger.account(SESSION), status })
    expect(ledger.apply(reserveOf('a', SESSION, usd(1n)), 0)).toEqual({ ok: false, reason })
  })

  test('after expires_at is refused, and the session has expired', () => {
    const ledger = createPureLedger()
    ledger.open(SESSION, [], 1_000)
    expect(ledger.apply(reserveOf('a', SESSION, usd(1n)), 999)).toMatchObject({ ok: true })
    expect(ledger.apply(reserveOf('b', SESSION, usd(1n)), 1_000)).toEqual({
      ok: false,
      reason: 'session_expired',
    })
    expect(ledger.account(SESSION).status).toBe('expired')
  })

  test('asked again with the same id holds once', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(60n)), 0)
    expect(ledger.apply(reserveOf('a', SESSION, usd(60n)), 1)).toMatchObject({
      ok: true,
      granted: { cost_usd: 60n },
    })
    expect(ledger.account(SESSION).reserved.cost_usd).toBe(60n)
  })

  test.each([
    ['negative', usd(-1n)],
    ['more than can be added up', usd(2n ** 53n + 1n)],
  ])('an amount that is %s is a fault of the caller', (_, wanted) => {
    const ledger = ledgerWith()
    expect(() => ledger.apply(reserveOf('a', SESSION, wanted), 0)).toThrow(RangeError)
  })

  test('a limit that has run out no longer counts', () => {
    const ledger = ledgerWith({ ...hard(10n), expiresAtMs: 100 })
    expect(ledger.apply(reserveOf('a', SESSION, usd(11n)), 99)).toMatchObject({ ok: false })
    expect(ledger.account(SESSION).status).toBe('limit_exceeded')
    expect(ledger.apply(reserveOf('b', SESSION, usd(11n)), 100)).toMatchObject({ ok: true })
    expect(ledger.account(SESSION).status).toBe('active')
  })
})

describe('topping up', () => {
  test('counts what the call itself holds as its own', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(50n)), 0)
    const more = (least: bigint) => ({ wanted: usd(100n), atLeast: usd(least) })
    expect(ledger.apply({ kind: 'top_up', holdId: 'a', ...more(60n) }, 1)).toMatchObject({
      ok: false,
      refusal: { cause: 'used_up' },
    })
    expect(ledger.apply({ kind: 'top_up', holdId: 'a', ...more(10n) }, 2)).toMatchObject({
      ok: true,
      granted: { cost_usd: 50n },
      held: { cost_usd: 100n },
    })
    expect(ledger.account(SESSION).status).toBe('active')
  })

  test('goes on in a session that has ended, within its limits', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(50n)), 0)
    ledger.accounts.set(SESSION, { ...ledger.account(SESSION), status: 'ended' })
    const more = { wanted: usd(50n), atLeast: usd(50n) }
    expect(ledger.apply({ kind: 'top_up', holdId: 'a', ...more }, 1)).toMatchObject({ ok: true })
    const again = { wanted: usd(1n), atLeast: usd(1n) }
    expect(ledger.apply({ kind: 'top_up', holdId: 'a', ...again }, 2)).toMatchObject({ ok: false })
  })
})

describe('settling', () => {
  test('moves the hold to what was used and frees the rest', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n)), 0)
    expect(ledger.apply(settleOf('a', usd(30n)), 1)).toMatchObject({
      ok: true,
      charged: { cost_usd: 30n },
      overrun: false,
    })
    expect(ledger.account(SESSION)).toMatchObject({
      spent: { cost_usd: 30n },
      reserved: { cost_usd: 0n },
    })
  })

  test('more than was held is charged in full and marked', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n)), 0)
    expect(ledger.apply(settleOf('a', usd(130n)), 1)).toMatchObject({ overrun: true })
    expect(ledger.account(SESSION).spent.cost_usd).toBe(130n)
    expect(ledger.records).toMatchObject([{ overrun: true, outcome: 'exact' }])
  })

  test('an estimate never charges more than was held', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n)), 0)
    ledger.apply(settleOf('a', usd(130n), { outcome: 'estimated' }), 1)
    expect(ledger.account(SESSION).spent.cost_usd).toBe(80n)
  })

  test('twice charges once, and answers the same', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n)), 0)
    ledger.apply(settleOf('a', usd(30n)), 1)
    expect(ledger.apply(settleOf('a', usd(70n)), 2)).toMatchObject({
      ok: true,
      charged: { cost_usd: 30n },
    })
    expect(ledger.account(SESSION).spent.cost_usd).toBe(30n)
    expect(ledger.records).toHaveLength(1)
  })

  test('what was voided, or never held, charges nothing', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n)), 0)
    ledger.apply({ kind: 'void', holdId: 'a' }, 1)
    expect(ledger.apply(settleOf('a', usd(30n)), 2)).toEqual({ ok: false, reason: 'resolved' })
    expect(ledger.apply(settleOf('b', usd(1n)), 3)).toEqual({ ok: false, reason: 'unknown_hold' })
    expect(ledger.account(SESSION).spent.cost_usd).toBe(0n)
  })

  test('an absurd usage fills the counter instead of breaking it', () => {
    const ledger = ledgerWith()
    for (const holdId of ['a', 'b']) {
      ledger.apply(reserveOf(holdId, SESSION, usd(1n)), 0)
      ledger.apply(settleOf(holdId, usd(2n ** 62n)), 1)
    }
    expect(ledger.account(SESSION).spent.cost_usd).toBe(2n ** 62n)
  })
})

describe('a bridge that died', () => {
  const orphaned = (isDead: boolean) =>
    ({ kind: 'resolve_orphan', holdId: 'a', isDead, recordId: 'r' }) as const

  test('before it sent: nothing is charged', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n), { sent: false }), 0)
    ledger.apply(orphaned(true), 1)
    expect(ledger.account(SESSION)).toMatchObject({
      spent: { cost_usd: 0n },
      reserved: { cost_usd: 0n },
    })
    expect(ledger.apply({ kind: 'mark_sent', holdId: 'a' }, 2)).toEqual({
      ok: false,
      reason: 'resolved',
    })
  })

  test.each([
    { name: 'no checkpoint: all that is held', checkpoints: [], isDead: true, charged: 80n },
    { name: 'the last checkpoint', checkpoints: [10n, 20n], isDead: true, charged: 25n },
    {
      name: 'a checkpoint that came late lowers nothing',
      checkpoints: [20n, 10n],
      isDead: true,
      charged: 25n,
    },
    {
      name: 'a checkpoint beyond the hold: the hold',
      checkpoints: [90n],
      isDead: true,
      charged: 80n,
    },
    { name: 'perhaps alive: all that is held', checkpoints: [10n], isDead: false, charged: 80n },
  ])('after it sent, $name', ({ checkpoints, isDead, charged }) => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n)), 0)
    for (const counted of checkpoints) {
      const allowance = usd(5n)
      ledger.apply({ kind: 'checkpoint', holdId: 'a', counted: usd(counted), allowance }, 1)
    }
    ledger.apply(orphaned(isDead), 2)
    expect(ledger.account(SESSION).spent.cost_usd).toBe(charged)
    expect(ledger.records).toMatchObject([{ outcome: 'orphaned' }])
  })

  test('and was not dead after all: what was charged too little is added, nothing taken back', () => {
    const ledger = ledgerWith(hard(100n))
    ledger.apply(reserveOf('a', SESSION, usd(80n)), 0)
    ledger.apply({ kind: 'checkpoint', holdId: 'a', counted: usd(10n), allowance: usd(5n) }, 1)
    ledger.apply(orphaned(true), 2)
    ledger.apply(settleOf('a', usd(12n)), 3)
    expect(ledger.account(SESSION).spent.cost_usd).toBe(15n)
    ledger.apply(settleOf('a', usd(40n)), 4)
    ledger.apply(settleOf('a', usd(40n)), 5)
    expect(ledger.account(SESSION).spent.cost_usd).toBe(40n)
    expect(ledger.records.map(({ charged, correction }) => [charged.cost_usd, correction])).toEqual(
      [
        [15n, false],
        [25n, true],
      ],
    )
  })
})

describe('a rolling window', () => {
  test('lets spend go up to 1/64 of the window late, never early', () => {
    const ledger = ledgerWith(rolling(100n, 64_000))
    ledger.apply(reserveOf('a', SESSION, usd(100n)), 10_500)
    ledger.apply(settleOf('a', usd(100n)), 10_500)
    const probe = (nowMs: number) =>
      ledger.apply(reserveOf(`p${nowMs}`, SESSION, usd(1n)), nowMs).ok
    expect(probe(74_500)).toBe(false)
    expect(probe(74_999)).toBe(false)
    expect(probe(75_000)).toBe(true)
  })

  test('that stopped a session lets it go on once it has moved', () => {
    const ledger = ledgerWith(rolling(100n, 64_000))
    ledger.apply(reserveOf('a', SESSION, usd(100n)), 0)
    ledger.apply(settleOf('a', usd(100n)), 0)
    ledger.apply(reserveOf('b', SESSION, usd(50n)), 1_000)
    expect(ledger.account(SESSION).status).toBe('limit_exceeded')
    expect(ledger.apply(reserveOf('c', SESSION, usd(50n)), 70_000)).toMatchObject({ ok: true })
    expect(ledger.account(SESSION).status).toBe('active')
  })

  test('counts holds for as long as they are open', () => {
    const ledger = ledgerWith(rolling(100n, 1_000))
    ledger.apply(reserveOf('a', SESSION, usd(100n)), 0)
    expect(ledger.apply(reserveOf('b', SESSION, usd(1n)), 999_999)).toMatchObject({
      ok: false,
      refusal: { cause: 'held_by_others' },
    })
  })

  test('keeps few buckets however long it spends', () => {
    const ledger = ledgerWith(rolling(10n ** 9n, 64_000))
    for (let second = 0; second < 1_000; second += 1) {
      ledger.apply(reserveOf(`h${second}`, SESSION, usd(1n)), second * 1_000)
      ledger.apply(settleOf(`h${second}`, usd(1n)), second * 1_000)
    }
    expect(ledger.account(SESSION).limits[0]?.buckets.length).toBeLessThanOrEqual(129)
  })
})

describe('a ceiling of a key', () => {
  const ceiling = { accountId: keyAccountId('ci'), terms: rolling(100n, 3_600_000) }

  test('counts calls of all its sessions and of none', () => {
    const ledger = ledgerWith()
    ledger.open('sess_2', [])
    ledger.apply(reserveOf('a', SESSION, usd(40n), { ceiling }), 0)
    ledger.apply(reserveOf('b', 'sess_2', usd(40n), { ceiling }), 0)
    expect(ledger.apply(reserveOf('c', null, usd(40n), { ceiling }), 0)).toMatchObject({
      ok: false,
      refusal: { scope: 'key', accountId: 'key:ci' },
    })
  })

  test('follows the configuration, with what it has counted so far', () => {
    const ledger = ledgerWith()
    ledger.apply(reserveOf('a', null, usd(80n), { ceiling }), 0)
    ledger.apply(settleOf('a', usd(80n)), 0)
    const raised = { ...ceiling, terms: rolling(200n, 3_600_000) }
    expect(ledger.apply(reserveOf('b', null, usd(120n), { ceiling: raised }), 1)).toMatchObject({
      ok: true,
    })
    ledger.apply({ kind: 'void', holdId: 'b' }, 2)
    expect(ledger.apply(reserveOf('c', null, usd(120n), { ceiling }), 3)).toMatchObject({
      ok: false,
    })
  })
})

describe('warnings', () => {
  test('a soft limit refuses nothing and warns from its threshold on', () => {
    const ledger = ledgerWith(soft(100n, 0.8))
    const spendNow = (holdId: string, amount: bigint) => {
      ledger.apply(reserveOf(holdId, SESSION, usd(amount)), 0)
      return ledger.apply(settleOf(holdId, usd(amount)), 0)
    }
    expect(spendNow('a', 79n)).toMatchObject({ ok: true, warnings: [] })
    expect(spendNow('b', 1n)).toMatchObject({ warnings: [{ spent: 80n, crossed: true }] })
    expect(spendNow('c', 100n)).toMatchObject({ warnings: [{ spent: 180n, crossed: false }] })
    expect(ledger.account(SESSION)).toMatchObject({ status: 'active' })
    expect(ledger.account(SESSION).limits[0]).toMatchObject({
      exceededReason: 'cost_usd reached 0.00000018 of 0.0000001',
    })
  })

  test.each([
    [null, 100n],
    [50, 50n],
    [0.5, 50n],
  ])('a soft limit with threshold %s warns from %s of 100', (threshold, from) => {
    const warnsAt = (spent: bigint) => {
      const ledger = ledgerWith(soft(100n, threshold))
      ledger.apply(reserveOf('a', SESSION, usd(spent)), 0)
      const result = ledger.apply(settleOf('a', usd(spent)), 0)
      return result.ok && result.warnings.length > 0
    }
    expect([warnsAt(from - 1n), warnsAt(from)]).toEqual([false, true])
  })
})
