/** Random histories of a ledger: what bridges do to it, with crashes and clocks that jump. */
import fc from 'fast-check'

export type Step =
  | {
      readonly kind: 'reserve'
      readonly slot: number
      /** Which of the accounts; one more than there are means no session. */
      readonly account: number
      readonly hasKey: boolean
      readonly wanted: bigint
      readonly atLeast: bigint
      readonly sent: boolean
    }
  | {
      readonly kind: 'top_up'
      readonly slot: number
      readonly wanted: bigint
      readonly atLeast: bigint
    }
  | { readonly kind: 'mark_sent'; readonly slot: number }
  | {
      readonly kind: 'checkpoint'
      readonly slot: number
      readonly counted: bigint
      readonly allowance: bigint
    }
  | {
      readonly kind: 'settle'
      readonly slot: number
      readonly actual: bigint
      readonly isExact: boolean
    }
  | { readonly kind: 'void'; readonly slot: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'clock'; readonly byMs: number }

const DAY_MS = 86_400_000

/** Few slots and small amounts, so that histories meet the limits and each other. */
const slot = fc.nat(5)
const amount = fc.bigInt(0n, 40n)
const sizes = fc
  .tuple(amount, fc.bigInt(0n, 20n))
  .map(([atLeast, beyond]) => ({ wanted: atLeast + beyond, atLeast }))

const reserve = fc
  .record({
    kind: fc.constant('reserve' as const),
    slot,
    account: fc.nat(3),
    hasKey: fc.boolean(),
    sizes,
    sent: fc.boolean(),
  })
  .map(({ sizes, ...rest }): Step => ({ ...rest, ...sizes }))
const topUp = fc
  .record({ slot, sizes })
  .map(({ slot, sizes }): Step => ({ kind: 'top_up', slot, ...sizes }))
const markSent = slot.map((slot): Step => ({ kind: 'mark_sent', slot }))
const checkpoint: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('checkpoint' as const),
  slot,
  counted: amount,
  allowance: amount,
})
const settle: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('settle' as const),
  slot,
  actual: fc.bigInt(0n, 60n),
  isExact: fc.boolean(),
})
const voidHold = slot.map((slot): Step => ({ kind: 'void', slot }))
const crash = fc.constant<Step>({ kind: 'crash' })
const clock = fc
  .oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
    // Just about the window of `SESSION_LIMITS`, where spend is on its way out.
    { weight: 3, arbitrary: fc.integer({ min: 62_500, max: 65_500 }) },
    { weight: 1, arbitrary: fc.integer({ min: -DAY_MS, max: DAY_MS }) },
  )
  .map((byMs): Step => ({ kind: 'clock', byMs }))

export const histories: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: reserve },
    { weight: 2, arbitrary: topUp },
    { weight: 1, arbitrary: markSent },
    { weight: 2, arbitrary: checkpoint },
    { weight: 6, arbitrary: settle },
    { weight: 2, arbitrary: voidHold },
    { weight: 1, arbitrary: crash },
    { weight: 3, arbitrary: clock },
  ),
  { minLength: 1, maxLength: 50, size: 'max' },
)
